//! A session's way to the table of sessions and to the journal.
//!
//! In: what a session asks as its [`Host`]. Out: a place in the table, submissions with their tickets. Never lets a
//! report into the journal without room for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;
use wire::UtcMs;
use wire::mqtt::{Connect, PacketId};

use super::counters::count;
use super::rate::Rate;
use super::session::{Admission, Host, Taken};
use super::{AckTicket, Counters, House, Link, Sessions};
use crate::clock::Clock;
use crate::contacts::Contacts;
use crate::ingest::{Ingest, Reservation, Submission};
use crate::registry::{Device, Fingerprint};

/// What all sessions share.
pub struct Shared {
    /// The way into the journal.
    pub ingest: Ingest,
    /// Who is connected.
    pub sessions: Sessions,
    /// Who was in contact when.
    pub contacts: Arc<Contacts>,
    /// What happened.
    pub counters: Arc<Counters>,
    /// Wall time.
    pub clock: Clock,
    /// How many reports one session may send.
    pub report_rate: Rate,
}

/// A session's way to the table of sessions and to the journal.
pub struct Gate {
    /// Shared with the tickets.
    pub link: Arc<Link>,
    /// Who this is.
    pub certificate: Fingerprint,
    /// When CONNECT may be answered.
    pub turn: Option<Instant>,
    /// Once CONNECT was accepted.
    pub device: Option<Device>,
    /// Room for one packet, waited for.
    pub reservation: Option<Reservation>,
}

/// A gate with the things it needs for a moment.
pub struct GateHost<'a> {
    gate: &'a mut Gate,
    shared: &'a Shared,
}

impl Gate {
    /// Lends the gate to a session.
    pub fn host<'a>(&'a mut self, shared: &'a Shared) -> GateHost<'a> {
        GateHost { gate: self, shared }
    }

    /// Gives the place in the table back.
    pub fn leave(&self, shared: &Shared) {
        if let Some(device) = self.device {
            shared.sessions.leave(device.key, &self.link);
            shared.contacts.ended(device.key, (shared.clock)());
            shared.counters.sessions.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl GateHost<'_> {
    fn try_admit(&mut self, now: Instant, connect: &Connect<'_>) -> Result<Admission, House> {
        let sessions = &self.shared.sessions;
        let (device, turn) = match self.gate.turn {
            None => sessions.book(&self.gate.certificate, now)?,
            Some(turn) => (sessions.device(&self.gate.certificate)?, turn),
        };
        self.gate.turn = Some(turn);
        if turn > now {
            return Ok(Admission::Later(turn));
        }
        let device = sessions.enter(&self.gate.certificate, device.key, &self.gate.link)?;
        self.gate.device = Some(device);
        self.shared.contacts.began(device.key, connect, (self.shared.clock)());
        count(&self.shared.counters.connects);
        count(&self.shared.counters.sessions);
        Ok(Admission::Granted(device.serial))
    }
}

impl Host for GateHost<'_> {
    fn admit(&mut self, now: Instant, connect: &Connect<'_>) -> Admission {
        self.try_admit(now, connect).unwrap_or_else(Admission::Refused)
    }

    fn wall_clock(&self) -> UtcMs {
        (self.shared.clock)()
    }

    fn report_rate(&self) -> Rate {
        self.shared.report_rate
    }

    fn report(&mut self, payload: &[u8], packet_id: Option<PacketId>, dup: bool) -> Taken {
        let Some(device) = self.gate.device else {
            return Taken::NoRoom;
        };
        let link = &self.gate.link;
        if let Some(packet_id) = packet_id {
            if !dup && link.holds(packet_id.get()) {
                return Taken::IdentifierInUse;
            }
            if link.waiting() >= super::RECEIVE_MAXIMUM {
                return Taken::Full;
            }
        }
        let reservation =
            self.gate.reservation.take().or_else(|| self.shared.ingest.try_reserve(payload.len()));
        let Some(reservation) = reservation else {
            return Taken::NoRoom;
        };
        let ack = match packet_id {
            None => {
                count(&self.shared.counters.reports_qos0);
                AckTicket::none()
            }
            Some(packet_id) => match link.ticket(packet_id.get()) {
                Some(ticket) => {
                    count(&self.shared.counters.reports_qos1);
                    ticket
                }
                None => return Taken::Full,
            },
        };
        let received_at = (self.shared.clock)();
        self.shared.ingest.submit(Submission {
            key: device.key,
            received_at,
            payload: payload.to_vec(),
            ack,
            reservation,
        });
        Taken::Submitted
    }

    fn filters_refused(&mut self, filters: u64) {
        self.shared.counters.filters_refused.fetch_add(filters, Ordering::Relaxed);
    }
}

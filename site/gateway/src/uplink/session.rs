//! One MQTT 5 session: CONNECT, reports at QoS 1, pings, DISCONNECT.
//!
//! In: a connected [`Transport`] and the spool. Out: records acknowledged, or the reason for its end. Two lanes: what
//! is new goes first, the backlog in order and packed near the packet limit in the space that is left. Only a PUBACK
//! settles a record. It never subscribes; a PUBLISH from the cloud ends the session unread.

use std::collections::VecDeque;
use std::num::NonZeroU16;

use rustix::event::{PollFd, PollFlags, poll};
use wire::mqtt::{
    self, ConnAck, Connect, Delivery, Disconnect, Framing, FromServer, Place, Properties, Property,
    PropertyList, Publish, Reason, Sender, Version,
};
use wire::{BootId, UtcMs};

use super::pace::Pace;
use super::transport::{Transport, words};
use super::{ConnectError, Shared};
use crate::dating::Dating;
use crate::pack::{Batch, MAX_RECORDS, Packing};
use crate::spool::Cursor;
use crate::{clock, status};

/// Our own bound, whatever the server allows: acknowledgements come in order, more in flight brings nothing.
const MAX_IN_FLIGHT: usize = 32;
/// Backlog reports in flight; how many bytes of them, the [`Pace`] says. The cloud's back-pressure works.
const MAX_BACKLOG_IN_FLIGHT: usize = 8;
/// Places in the window that the backlog never takes.
const LIVE_RESERVE: usize = 4;
/// Keep alive we ask for; a quarter less is what we keep.
const KEEP_ALIVE_S: u16 = 60;
/// No answer to a ping, or no acknowledgement, for this long: the connection is dead, whatever TCP believes.
const PING_TIMEOUT_MS: u64 = 20_000;
const ACKNOWLEDGE_TIMEOUT_MS: u64 = 120_000;
/// CONNACK is the only message that brings the time: once a day it is fetched anew, quartz drifts seconds a day.
const SESSION_MS: u64 = 24 * 3_600_000;
/// After the end of the input, acknowledgements are awaited this long.
const GOODBYE_MS: u64 = 1500;
/// Topic, packet id, properties and fixed header of a PUBLISH, at most.
const PUBLISH_OVERHEAD_BYTES: usize = 128;
/// While nothing is read from the line, the cloud hears of the line's counters this often.
const HEARTBEAT_MS: u64 = 10_000;

/// CONNACK's answer to a device that is unknown or revoked (MQTT 5, 3.2.2.2).
const NOT_AUTHORIZED: u8 = 0x87;

/// Why a session ended.
#[derive(Debug)]
pub enum End {
    /// The gateway stops.
    Stopping,
    /// Once a day, to fetch the time.
    Renew,
    /// The connection broke, or the cloud ended it with this reason.
    Broken(String),
    /// Another session with our certificate took over.
    TakenOver,
    /// The cloud would not take this payload of so many records.
    Refused {
        /// The report.
        report: InFlight,
        /// In words.
        why: String,
    },
}

/// What CONNACK said.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// The cloud's time, at the middle of the exchange.
    pub server_time: Option<(UtcMs, u64)>,
    receive_maximum: usize,
    limit_bytes: usize,
    keep_alive_ms: u64,
}

/// A report that waits for its PUBACK.
#[derive(Clone, Debug)]
pub struct InFlight {
    packet_id: NonZeroU16,
    /// What it settles; see [`Batch`].
    pub first: u64,
    /// The last ordinal it settles.
    pub last: u64,
    /// Records in it.
    pub records: u64,
    /// Ordinals of the first and the last record.
    pub ordinals: (u64, u64),
    backlog: bool,
    bytes: usize,
    sent_ms: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Session<'a> {
    shared: &'a Shared,
    transport: Transport,
    topic: String,
    properties: PropertyList,
    accepted: Accepted,
    dating: Dating,
    same_uptime: Vec<BootId>,
    limit_records: usize,
    pace: Pace,
    inbox: Vec<u8>,
    in_flight: VecDeque<InFlight>,
    next_packet_id: NonZeroU16,
    live: Cursor,
    backlog: Cursor,
    backlog_end: u64,
    backlog_said: bool,
    flushed: bool,
    started_ms: u64,
    last_sent_ms: u64,
    last_report_ms: u64,
    ping_sent_ms: Option<u64>,
    /// Whether anything was acknowledged: then the way to the cloud works.
    pub acknowledged: bool,
}

/// CONNECT and CONNACK, within the transport's deadline; then the transport no longer waits. With it comes what the cloud
/// sent behind its CONNACK, which is the session's.
///
/// # Errors
/// [`ConnectError`].
pub fn shake_hands(transport: &mut Transport, client_id: &str) -> Result<(Accepted, Vec<u8>), ConnectError> {
    let sent_ms = clock::uptime_ms();
    // What the operator sees of this box, beside when it was last in contact.
    let said = PropertyList::new()
        .number(Property::MAXIMUM_PACKET_SIZE, 8192)
        .user("version", env!("CARGO_PKG_VERSION"));
    let protocol = |_| ConnectError::Protocol("our own CONNECT is wrong".to_owned());
    let properties = said.properties(Place::Connect).map_err(protocol)?;
    let mut packet = Vec::new();
    Connect { keep_alive_s: KEEP_ALIVE_S, properties, ..Connect::new(Version::V5, client_id) }
        .encode(&mut packet)
        .map_err(protocol)?;
    let broken = |error: std::io::Error| ConnectError::Broken(words(&error));
    transport.queue(packet).map_err(broken)?;
    transport.flush().map_err(broken)?;
    let mut inbox = Vec::new();
    loop {
        transport.receive(&mut inbox).map_err(broken)?;
        let framing = mqtt::frame(&inbox, Sender::Server, 8192);
        match framing.map_err(|refusal| ConnectError::Protocol(refusal.to_string()))? {
            Framing::Incomplete { .. } => {}
            Framing::Complete { length } => {
                let packet = inbox.get(..length).unwrap_or_default();
                let packet = mqtt::from_server(Version::V5, packet)
                    .map_err(|refusal| ConnectError::Protocol(refusal.to_string()))?;
                let FromServer::ConnAck(ack) = packet else {
                    return Err(ConnectError::Protocol("the first packet is not CONNACK".to_owned()));
                };
                let accepted = accept(&ack, sent_ms)?;
                transport.stop_waiting();
                return Ok((accepted, inbox.split_off(length)));
            }
        }
    }
}

fn accept(ack: &ConnAck<'_>, sent_ms: u64) -> Result<Accepted, ConnectError> {
    if !ack.is_accepted() {
        let name = match ack.code {
            NOT_AUTHORIZED => {
                "it does not know our certificate, or has revoked it; carry a new device bundle to the cabinet"
            }
            _ => ack.code_name(Version::V5),
        };
        return Err(ConnectError::Refused(match ack.reason_string() {
            Some(reason) => format!("{name} ({})", status::clean(reason)),
            None => name.to_owned(),
        }));
    }
    let middle_ms = sent_ms.midpoint(clock::uptime_ms());
    let packet =
        ack.maximum_packet_size().map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    let keep_alive_s =
        ack.server_keep_alive_s().filter(|s| *s > 0).map_or(KEEP_ALIVE_S, |s| s.min(KEEP_ALIVE_S));
    Ok(Accepted {
        server_time: ack.server_time().and_then(UtcMs::parse_rfc3339).map(|time| (time, middle_ms)),
        receive_maximum: usize::from(ack.receive_maximum()).clamp(1, MAX_IN_FLIGHT),
        limit_bytes: packet.min(mqtt::MAX_PACKET_BYTES).saturating_sub(PUBLISH_OVERHEAD_BYTES),
        keep_alive_ms: u64::from(keep_alive_s) * 750,
    })
}

impl<'a> Session<'a> {
    /// Starts publishing. `inbox`: what came behind CONNACK. `limit_records`: lower than [`MAX_RECORDS`] while the record that the cloud refuses is
    /// looked for.
    #[must_use]
    pub fn new(
        shared: &'a Shared,
        transport: Transport,
        (accepted, inbox): (Accepted, Vec<u8>),
        limit_records: usize,
    ) -> Self {
        let now_ms = clock::uptime_ms();
        let inner = shared.lock();
        let spans = inner.spool.spans(now_ms);
        let kernel = inner.spool.settings().kernel;
        let same = spans.iter().filter(|span| span.kernel == kernel && kernel != [0; 16]);
        Self {
            transport,
            topic: format!("inverters/{}/reports", shared.serial),
            properties: PropertyList::new().text(Property::CONTENT_TYPE, "application/cbor"),
            accepted,
            dating: Dating::new(&spans),
            same_uptime: same.map(|span| span.boot).collect(),
            limit_records: limit_records.clamp(1, MAX_RECORDS),
            pace: Pace::default(),
            inbox,
            in_flight: VecDeque::new(),
            next_packet_id: NonZeroU16::MIN,
            live: inner.spool.end(),
            backlog: inner.spool.start(),
            backlog_end: inner.spool.next_ordinal(),
            backlog_said: inner.spool.pending() == 0,
            flushed: true,
            started_ms: now_ms,
            last_sent_ms: now_ms,
            last_report_ms: now_ms,
            ping_sent_ms: None,
            acknowledged: false,
            shared,
        }
    }

    /// Runs until the session ends.
    pub fn run(&mut self) -> End {
        loop {
            if let Err(end) = self.turn() {
                self.say_goodbye(&end);
                return end;
            }
        }
    }

    fn turn(&mut self) -> Result<(), End> {
        self.receive()?;
        let now_ms = clock::uptime_ms();
        let stopping = self.shared.stopping_since();
        if let Some(since_ms) = stopping
            && (self.in_flight.is_empty() && !self.live_waits() || now_ms > since_ms + GOODBYE_MS)
        {
            return Err(End::Stopping);
        }
        if now_ms > self.started_ms + SESSION_MS && self.in_flight.is_empty() {
            return Err(End::Renew);
        }
        self.publish(now_ms)?;
        self.watch(now_ms)?;
        self.wait(now_ms)
    }

    fn live_waits(&self) -> bool {
        self.live.next < self.shared.lock().spool.next_ordinal()
    }

    fn receive(&mut self) -> Result<(), End> {
        // What came before the end counts: a report that was acknowledged is not sent again.
        let end = self.transport.receive(&mut self.inbox).err();
        let inbox = std::mem::take(&mut self.inbox);
        let mut rest = inbox.as_slice();
        loop {
            let refused =
                |refusal: mqtt::Refusal| End::Broken(format!("the cloud broke the protocol: {refusal}"));
            let Framing::Complete { length } = mqtt::frame(rest, Sender::Server, 8192).map_err(refused)?
            else {
                break;
            };
            let (packet, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            rest = after;
            self.handle(mqtt::from_server(Version::V5, packet).map_err(refused)?)?;
        }
        self.inbox = rest.to_vec();
        end.map_or(Ok(()), |error| Err(End::Broken(words(&error))))
    }

    fn handle(&mut self, packet: FromServer<'_>) -> Result<(), End> {
        match packet {
            FromServer::PubAck(ack) => self.settle(ack.packet_id, ack.reason),
            FromServer::PingResp => {
                self.ping_sent_ms = None;
                Ok(())
            }
            FromServer::Disconnect(disconnect) => Err(self.disconnected(&disconnect)),
            _ => Err(End::Broken("the cloud sent a packet that has no place here".to_owned())),
        }
    }

    fn settle(&mut self, packet_id: NonZeroU16, reason: Reason) -> Result<(), End> {
        let Some(at) = self.in_flight.iter().position(|sent| sent.packet_id == packet_id) else {
            return Err(End::Broken("the cloud acknowledged what was not sent".to_owned()));
        };
        let Some(sent) = self.in_flight.remove(at) else { return Ok(()) };
        if reason.0 >= 0x80 {
            let why = format!("{} (0x{:02x})", reason.name(), reason.0);
            return Err(match reason {
                Reason::PAYLOAD_FORMAT_INVALID => End::Refused { report: sent, why },
                _ => End::Broken(format!("the cloud did not take a report: {why}")),
            });
        }
        self.acknowledged = true;
        if sent.backlog {
            self.pace.acknowledged(sent.bytes, clock::uptime_ms().saturating_sub(sent.sent_ms));
        }
        if sent.records > 0 {
            let mut inner = self.shared.lock();
            if let Err(error) = inner.spool.acknowledge(sent.first, sent.last, sent.records) {
                // Sent again after the next start, and known there as a duplicate: nothing is lost.
                status::say(status::chain(&error));
            }
        }
        if !self.backlog_said
            && self.backlog.next >= self.backlog_end
            && !self.in_flight.iter().any(|f| f.backlog)
        {
            self.backlog_said = true;
            status::say("Everything that was kept has been sent.");
        }
        Ok(())
    }

    fn disconnected(&self, disconnect: &Disconnect<'_>) -> End {
        let name = disconnect.reason.name();
        let why = match disconnect.reason_string() {
            Some(text) => format!("{name}: {}", status::clean(text)),
            None => name.to_owned(),
        };
        match (disconnect.reason, self.in_flight.front()) {
            (Reason::SESSION_TAKEN_OVER, _) => End::TakenOver,
            (Reason::PACKET_TOO_LARGE, Some(sent)) => End::Refused { report: sent.clone(), why },
            _ => End::Broken(format!("the cloud ended the session ({why})")),
        }
    }

    fn publish(&mut self, now_ms: u64) -> Result<(), End> {
        while self.flushed && self.in_flight.len() < self.accepted.receive_maximum {
            let Some((batch, backlog)) = self.next_batch(now_ms) else { break };
            let packet_id = self.next_packet_id;
            self.next_packet_id = packet_id.checked_add(1).unwrap_or(NonZeroU16::MIN);
            let properties = self.properties.properties(Place::Publish).unwrap_or(Properties::EMPTY);
            let delivery = Delivery::AtLeastOnce { packet_id, dup: false };
            let mut packet = Vec::with_capacity(batch.payload.len() + PUBLISH_OVERHEAD_BYTES);
            Publish { properties, ..Publish::new(&self.topic, delivery, &batch.payload) }
                .encode(Version::V5, &mut packet)
                .map_err(|refusal| End::Broken(format!("our own report is wrong: {refusal}")))?;
            let Batch { first, last, records, ordinals, .. } = batch;
            let (bytes, sent_ms) = (packet.len(), now_ms);
            self.in_flight.push_back(InFlight {
                packet_id,
                first,
                last,
                records,
                ordinals,
                backlog,
                bytes,
                sent_ms,
            });
            self.last_report_ms = now_ms;
            self.send(packet)?;
        }
        Ok(())
    }

    fn next_batch(&mut self, now_ms: u64) -> Option<(Batch, bool)> {
        let inner = self.shared.lock();
        let packing = Packing {
            dating: &self.dating,
            boot: inner.spool.settings().boot,
            same_uptime: &self.same_uptime,
            now_uptime_ms: now_ms,
            limit_bytes: self.accepted.limit_bytes,
            limit_records: self.limit_records,
            link: inner.recorder.link(now_ms),
        };
        let until = inner.spool.next_ordinal();
        if self.live.next < until
            && let Some(batch) = packing.pack(&inner.spool, &mut self.live, until)
        {
            return Some((batch, false));
        }
        let under_way = || self.in_flight.iter().filter(|sent| sent.backlog);
        let next_bytes = self.pace.next_bytes(under_way().map(|sent| sent.bytes).sum());
        let room =
            self.in_flight.len() + LIVE_RESERVE < self.accepted.receive_maximum || self.in_flight.is_empty();
        if self.backlog.next < self.backlog_end
            && under_way().count() < MAX_BACKLOG_IN_FLIGHT
            && room
            && !self.shared.is_stopping()
            && let Some(bytes) = next_bytes
            && let packing = (Packing { limit_bytes: packing.limit_bytes.min(bytes), ..packing })
            && let Some(batch) = packing.pack(&inner.spool, &mut self.backlog, self.backlog_end)
        {
            return Some((batch, true));
        }
        let silent = now_ms >= self.last_report_ms + HEARTBEAT_MS.max(self.shared.interval_ms + 1000);
        (silent && !self.shared.is_stopping()).then(|| (packing.heartbeat(), false))
    }

    /// Pings and time-outs.
    fn watch(&mut self, now_ms: u64) -> Result<(), End> {
        if self.ping_sent_ms.is_some_and(|sent| now_ms > sent + PING_TIMEOUT_MS) {
            return Err(End::Broken("the cloud does not answer".to_owned()));
        }
        if self.in_flight.front().is_some_and(|sent| now_ms > sent.sent_ms + ACKNOWLEDGE_TIMEOUT_MS) {
            return Err(End::Broken("the cloud does not acknowledge".to_owned()));
        }
        if self.ping_sent_ms.is_none() && now_ms >= self.last_sent_ms + self.accepted.keep_alive_ms {
            self.ping_sent_ms = Some(now_ms);
            let mut packet = Vec::new();
            mqtt::ping_request(&mut packet);
            self.send(packet)?;
        }
        Ok(())
    }

    fn send(&mut self, packet: Vec<u8>) -> Result<(), End> {
        self.last_sent_ms = clock::uptime_ms();
        let result = self.transport.queue(packet).and_then(|()| self.transport.flush());
        self.flushed = result.map_err(|error| End::Broken(words(&error)))?;
        Ok(())
    }

    fn wait(&mut self, now_ms: u64) -> Result<(), End> {
        if !self.flushed {
            self.flushed = self.transport.flush().map_err(|error| End::Broken(words(&error)))?;
        }
        let heartbeat_ms = self.last_report_ms + HEARTBEAT_MS.max(self.shared.interval_ms + 1000);
        let ping_ms = self
            .ping_sent_ms
            .map_or(self.last_sent_ms + self.accepted.keep_alive_ms, |at| at + PING_TIMEOUT_MS + 1);
        let mut wait_ms = heartbeat_ms.min(ping_ms).saturating_sub(now_ms).max(1);
        if self.shared.is_stopping() {
            wait_ms = wait_ms.min(50);
        }
        // A full window cannot send its heartbeat: do not spin on it.
        if self.in_flight.len() >= self.accepted.receive_maximum {
            wait_ms = wait_ms.max(200);
        }
        let flags = if self.flushed { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
        let timeout = clock::wait(wait_ms);
        let mut watched =
            [PollFd::new(&self.transport, flags), PollFd::new(&self.shared.wake, PollFlags::IN)];
        let _ = poll(&mut watched, Some(&timeout));
        self.shared.clear_wake();
        Ok(())
    }

    fn say_goodbye(&mut self, end: &End) {
        if matches!(end, End::Stopping | End::Renew) {
            let mut packet = Vec::new();
            if Disconnect::NORMAL.encode(Version::V5, Sender::Client, &mut packet).is_ok() {
                let _ = self.send(packet);
            }
        }
        self.transport.close();
    }
}

//! From a PUBLISH to the journal: budget, decode, append; on commit acknowledge and hand on.
//!
//! In: payloads of authenticated devices. Out: entries in the journal; after their commit, acknowledgements and then
//! the decoded reports, batch by batch, to the pipeline. A payload that cannot be decoded is journalled as
//! quarantined and acknowledged in its place. Memory is bounded by one budget of bytes for everything between the
//! socket and the pipeline: when it is used up, sessions stop reading. Never acknowledges before the commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fleet::InverterKey;
use store::journal::{Appender, Body, Committed, Entry};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use wire::{Report, UtcMs};

use crate::device::AckTicket;

/// Bytes that reports may take between the socket and the pipeline, decoded form included.
pub const BUDGET_BYTES: usize = 48 << 20;
/// What a report takes beside its payload: entry, ticket, the decoded vectors' own frames.
const OVERHEAD_BYTES: usize = 1024;
/// A decoded report is this many times its payload at most for what gateways send (16 bytes for each ~4).
const DECODED_FACTOR: usize = 5;

/// A part of the budget; given back when dropped.
#[derive(Debug)]
#[must_use = "dropping it gives the bytes back"]
pub struct Reservation(Option<OwnedSemaphorePermit>);

/// One PUBLISH.
#[derive(Debug)]
pub struct Submission {
    /// Whose, by its certificate.
    pub key: InverterKey,
    /// When its last byte was read.
    pub received_at: UtcMs,
    /// The report, not yet decoded.
    pub payload: Vec<u8>,
    /// To be acknowledged once durable.
    pub ack: AckTicket,
    /// Its part of the budget, made for `payload.len()` bytes or more.
    pub reservation: Reservation,
}

/// What travels with an entry through the commit.
#[derive(Debug)]
pub struct Ticket {
    ack: Option<AckTicket>,
    /// The decoded report, so that it is decoded once.
    pub report: Option<Report>,
    reservation: Option<Reservation>,
    /// Who waits for a record of the cloud's own to be durable.
    told: Option<oneshot::Sender<()>>,
}

/// A committed batch on its way to the pipeline.
pub type Batch = Committed<Ticket>;

/// What came in, since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Reports submitted.
    pub reports: AtomicU64,
    /// Their payload bytes.
    pub bytes: AtomicU64,
    /// Payloads that could not be decoded.
    pub quarantined: AtomicU64,
    /// Times a session had to wait for the budget.
    pub waits: AtomicU64,
    /// Records of the server's own, and people's acts.
    pub records: AtomicU64,
}

/// The way in. Cheap to clone.
#[derive(Clone)]
pub struct Ingest {
    appender: Appender<Ticket>,
    budget: Arc<Semaphore>,
    counters: Arc<Counters>,
}

impl Ingest {
    /// Submits to this journal, whose `on_commit` must be [`acknowledge`].
    #[must_use]
    pub fn new(appender: Appender<Ticket>) -> Self {
        Self { appender, budget: Arc::new(Semaphore::new(BUDGET_BYTES)), counters: Arc::default() }
    }

    /// Room for a payload of `bytes`, if there is some now.
    pub fn try_reserve(&self, bytes: usize) -> Option<Reservation> {
        let permit = Arc::clone(&self.budget).try_acquire_many_owned(cost(bytes)).ok()?;
        Some(Reservation(Some(permit)))
    }

    /// Room for a payload of `bytes`; waits until there is some. First come, first served.
    pub fn reserve(&self, bytes: usize) -> impl Future<Output = Reservation> + Send + 'static {
        let waiting = Arc::clone(&self.budget).acquire_many_owned(cost(bytes));
        let counters = Arc::clone(&self.counters);
        async move {
            counters.waits.fetch_add(1, Ordering::Relaxed);
            // The budget is never closed; were it, there is nothing left to bound.
            Reservation(waiting.await.ok())
        }
    }

    /// Takes a report. Returns at once; the ticket is acknowledged after the commit, or never.
    pub fn submit(&self, submission: Submission) {
        let Submission { key: inverter, received_at, payload, ack, reservation } = submission;
        self.counters.reports.fetch_add(1, Ordering::Relaxed);
        self.counters.bytes.fetch_add(payload.len() as u64, Ordering::Relaxed);
        let (body, report) = match wire::report::decode(&payload) {
            Ok(report) => (Body::Report { inverter, payload }, Some(report)),
            Err(error) => {
                self.counters.quarantined.fetch_add(1, Ordering::Relaxed);
                (Body::Quarantined { inverter, reason: error.to_string(), payload }, None)
            }
        };
        let ticket = Ticket { ack: Some(ack), report, reservation: Some(reservation), told: None };
        self.appender.append(Entry { received_at, body }, ticket);
    }

    /// Journals a record of the server's own: tick, up, down.
    pub fn record(&self, received_at: UtcMs, body: Body) {
        self.append(received_at, body, None);
    }

    /// Journals a person's act. The answer comes when it is on disk, or never if it cannot be.
    pub fn act(&self, received_at: UtcMs, inverter: InverterKey, payload: Vec<u8>) -> oneshot::Receiver<()> {
        let (told, durable) = oneshot::channel();
        self.append(received_at, Body::Act { inverter, payload }, Some(told));
        durable
    }

    fn append(&self, received_at: UtcMs, body: Body, told: Option<oneshot::Sender<()>>) {
        self.counters.records.fetch_add(1, Ordering::Relaxed);
        let ticket = Ticket { ack: None, report: None, reservation: None, told };
        self.appender.append(Entry { received_at, body }, ticket);
    }

    /// What came in.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Entries handed to the journal since the start, of whatever kind.
    #[must_use]
    pub fn entries(&self) -> u64 {
        let Counters { reports, records, .. } = &*self.counters;
        reports.load(Ordering::Relaxed).saturating_add(records.load(Ordering::Relaxed))
    }

    /// Bytes of the budget in use.
    #[must_use]
    pub fn in_flight_bytes(&self) -> usize {
        BUDGET_BYTES.saturating_sub(self.budget.available_permits())
    }
}

/// The journal's `on_commit`: acknowledges a batch in order, then it may be handed on.
pub fn acknowledge(batch: &mut Batch) {
    for (_, ticket) in &mut batch.entries {
        if let Some(ack) = ticket.ack.take() {
            ack.durable();
        }
        if let Some(told) = ticket.told.take() {
            // Who asked may have gone away.
            let _ = told.send(());
        }
    }
}

impl Ticket {
    /// Moves its part of the budget to `spent`, which gives back a whole batch's at once when dropped: one lock
    /// instead of one per report.
    pub fn spend(&mut self, spent: &mut Reservation) {
        let Some(permit) = self.reservation.take().and_then(|reservation| reservation.0) else { return };
        match &mut spent.0 {
            Some(all) => all.merge(permit),
            none => *none = Some(permit),
        }
    }
}

impl Reservation {
    /// Of nothing.
    pub const fn nothing() -> Self {
        Self(None)
    }
}

fn cost(bytes: usize) -> u32 {
    let cost = bytes.saturating_mul(1 + DECODED_FACTOR).saturating_add(OVERHEAD_BYTES);
    u32::try_from(cost.min(BUDGET_BYTES)).unwrap_or(u32::MAX)
}

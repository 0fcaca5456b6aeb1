//! Honest counting: what was sent, and what became of each.
//!
//! In: one call per happening. Out: [`Counts`] at any time and an [`Outcome`] at the end. `sent` is always the sum of
//! acknowledged, refused, lost and still in flight.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hdrhistogram::Histogram;
use wire::{BootId, Serial};

use super::Outcome;

/// Errors kept for people; the rest only count.
const MAX_ERRORS: usize = 8;
/// Longest latency kept apart, microseconds; longer ones count as this.
const MAX_LATENCY_US: u64 = 600_000_000;

/// Counters of a run that others may look at while it goes on.
#[derive(Debug, Default)]
pub struct Counts {
    /// PUBLISH packets written.
    pub sent: AtomicU64,
    /// Of those, acknowledged with success.
    pub acked: AtomicU64,
    /// Of those, acknowledged with a failure code.
    pub refused: AtomicU64,
    /// Of those, unacknowledged when their connection ended.
    pub lost: AtomicU64,
    /// Readings in the acknowledged ones.
    pub readings: AtomicU64,
    /// Connections accepted.
    pub connects: AtomicU64,
    /// Connections that failed before that.
    pub connects_failed: AtomicU64,
    /// Connections that ended although nobody asked for it.
    pub dropped: AtomicU64,
    /// Connections open now.
    pub connected: AtomicU64,
}

impl Counts {
    /// PUBLISH packets that nobody has answered yet.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        let answered = self.acked.load(Relaxed) + self.refused.load(Relaxed) + self.lost.load(Relaxed);
        self.sent.load(Relaxed).saturating_sub(answered)
    }
}

/// Everything one run counts.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) counts: Counts,
    errors: Mutex<Vec<String>>,
    ledger: Option<Mutex<File>>,
}

impl Tally {
    pub(super) fn new(ledger: Option<&Path>) -> std::io::Result<Self> {
        let open = |path| OpenOptions::new().create(true).append(true).open(path).map(Mutex::new);
        Ok(Self {
            counts: Counts::default(),
            errors: Mutex::new(Vec::new()),
            ledger: ledger.map(open).transpose()?,
        })
    }

    /// Writes acknowledged sequences down. Each call is one write, so that a line is whole or not there.
    pub(super) fn write_ledger(&self, serial: Serial, boot: BootId, sequences: impl Iterator<Item = u64>) {
        let Some(ledger) = &self.ledger else { return };
        let lines: String = sequences.map(|sequence| format!("{serial} {boot} {sequence}\n")).collect();
        if let Ok(mut file) = ledger.lock()
            && let Err(error) = file.write_all(lines.as_bytes())
        {
            self.error(&format!("the ledger cannot be written: {error}"));
        }
    }

    pub(super) const fn has_ledger(&self) -> bool {
        self.ledger.is_some()
    }

    pub(super) fn error(&self, text: &str) {
        if let Ok(mut errors) = self.errors.lock()
            && errors.len() < MAX_ERRORS
            && !errors.iter().any(|known| known == text)
        {
            errors.push(text.to_owned());
        }
    }

    pub(super) fn outcome(&self, times: Times, elapsed: Duration) -> Outcome {
        let at = |counter: &AtomicU64| counter.load(Relaxed);
        let counts = &self.counts;
        Outcome {
            sent: at(&counts.sent),
            acked: at(&counts.acked),
            refused: at(&counts.refused),
            lost: at(&counts.lost),
            readings: at(&counts.readings),
            connects: at(&counts.connects),
            connects_failed: at(&counts.connects_failed),
            dropped: at(&counts.dropped),
            errors: self.errors.lock().map(|errors| errors.clone()).unwrap_or_default(),
            elapsed,
            latency_us: times.latency_us,
            connect_us: times.connect_us,
        }
    }
}

/// Latencies of one thread.
#[derive(Debug, Clone)]
pub(super) struct Times {
    pub(super) latency_us: Histogram<u64>,
    pub(super) connect_us: Histogram<u64>,
}

impl Times {
    /// `None` cannot happen: the bounds are constants that the histogram accepts.
    pub(super) fn new() -> Option<Self> {
        let histogram = || Histogram::new_with_bounds(1, MAX_LATENCY_US, 3).ok();
        Some(Self { latency_us: histogram()?, connect_us: histogram()? })
    }

    pub(super) fn add(&mut self, other: &Self) {
        // Same bounds, so nothing is out of range.
        let _ = self.latency_us.add(&other.latency_us);
        let _ = self.connect_us.add(&other.connect_us);
    }
}

/// Whole microseconds, at least one.
pub(super) fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1)
}

//! Marks that parts leave as they get on.
//!
//! In: a call, cheap enough for any loop. Out: how long ago the last one was, on the clock that nobody sets.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock;

/// When a part last got on.
#[derive(Debug)]
pub struct Beat(AtomicU64);

impl Default for Beat {
    /// Now: a part that never gets on grows old from the start.
    fn default() -> Self {
        Self(AtomicU64::new(passed_ms()))
    }
}

impl Beat {
    /// It got on.
    pub fn beat(&self) {
        self.0.store(passed_ms(), Ordering::Relaxed);
    }

    /// How long ago, milliseconds.
    #[must_use]
    pub fn age_ms(&self) -> i64 {
        let age = passed_ms().saturating_sub(self.0.load(Ordering::Relaxed));
        i64::try_from(age).unwrap_or(i64::MAX)
    }
}

/// Marks of parts that have no counters of their own to keep them in.
#[derive(Debug, Default)]
pub struct Beats {
    /// Entries that the journal has committed.
    pub committed: AtomicU64,
    /// Time as a record.
    pub ticker: Beat,
    /// Certificates read anew.
    pub registry: Beat,
    /// History sealed, merged, deleted, and nothing of it failed.
    pub history: Beat,
    /// What is older than 30 days deleted from the state store.
    pub forgetting: Beat,
}

/// Milliseconds on the clock that nobody sets.
pub(super) fn passed_ms() -> u64 {
    u64::try_from(clock::passed().as_millis()).unwrap_or(u64::MAX)
}

//! What became of mails, as numbers for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Since the start, and what waits now.
#[derive(Debug, Default)]
pub struct Counters {
    sent: AtomicU64,
    failed: AtomicU64,
    delayed: AtomicU64,
    expired: AtomicU64,
    withheld: AtomicU64,
    queued: AtomicU64,
    oldest_age_s: AtomicU64,
}

impl Counters {
    /// A server took one.
    pub fn sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// One was refused for good.
    pub fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// One waits for its next try.
    pub fn delayed(&self) {
        self.delayed.fetch_add(1, Ordering::Relaxed);
    }

    /// So many were given up.
    pub fn expired(&self, count: u64) {
        self.expired.fetch_add(count, Ordering::Relaxed);
    }

    /// Who one was for may not be told any more.
    pub fn withheld(&self) {
        self.withheld.fetch_add(1, Ordering::Relaxed);
    }

    /// So many wait; the oldest since so long.
    pub fn waiting(&self, count: u64, oldest_age_ms: Option<i64>) {
        let age_s = oldest_age_ms.unwrap_or(0).max(0).unsigned_abs() / 1000;
        self.queued.store(count, Ordering::Relaxed);
        self.oldest_age_s.store(age_s, Ordering::Relaxed);
    }

    /// Names and values.
    #[must_use]
    pub fn all(&self) -> [(&'static str, u64); 7] {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("mails_sent_total", load(&self.sent)),
            ("mails_failed_total", load(&self.failed)),
            ("mails_delayed_total", load(&self.delayed)),
            ("mails_expired_total", load(&self.expired)),
            ("mails_withheld_total", load(&self.withheld)),
            ("mails_queued", load(&self.queued)),
            ("mails_oldest_queued_age_seconds", load(&self.oldest_age_s)),
        ]
    }
}

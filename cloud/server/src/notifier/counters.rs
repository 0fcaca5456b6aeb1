//! What became of messages, as numbers for the metrics: by channel, and mails under names of their own as before.

use std::sync::atomic::{AtomicU64, Ordering};

use fleet::notice::Channel;

/// Since the start, and what waits now.
#[derive(Debug)]
pub struct Counters {
    by: [(Channel, ByChannel); 4],
    expired: AtomicU64,
    queued: AtomicU64,
    oldest_age_s: AtomicU64,
}

/// Of one channel.
#[derive(Debug, Default)]
struct ByChannel {
    outcomes: [AtomicU64; 6],
    queued: AtomicU64,
}

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A server took one.
    Sent,
    /// One was refused for good.
    Failed,
    /// One waits for its next try.
    Delayed,
    /// Who one was for may not be told any more.
    Withheld,
    /// Nobody answered, and it may have arrived.
    Unknown,
    /// What must not be missed goes by the next way, too.
    NextWay,
}

impl Outcome {
    const TABLE: [(Self, &'static str); 6] = [
        (Self::Sent, "sent"),
        (Self::Failed, "failed"),
        (Self::Delayed, "delayed"),
        (Self::Withheld, "withheld"),
        (Self::Unknown, "unknown"),
        (Self::NextWay, "next_way"),
    ];
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            by: Channel::TABLE.map(|(channel, _)| (channel, ByChannel::default())),
            expired: AtomicU64::default(),
            queued: AtomicU64::default(),
            oldest_age_s: AtomicU64::default(),
        }
    }
}

impl Counters {
    /// Something came of a try.
    pub fn count(&self, channel: Channel, outcome: Outcome) {
        if let Some(counter) = self.counter(channel, outcome) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// So many were given up.
    pub fn expired(&self, count: u64) {
        self.expired.fetch_add(count, Ordering::Relaxed);
    }

    /// So many wait by each channel; the oldest since so long.
    pub fn waiting(&self, counts: &[(Channel, u64)], oldest_age_ms: Option<i64>) {
        let age_s = oldest_age_ms.unwrap_or(0).max(0).unsigned_abs() / 1000;
        for (channel, by) in &self.by {
            let count = counts.iter().find(|(other, _)| other == channel).map_or(0, |(_, count)| *count);
            by.queued.store(count, Ordering::Relaxed);
        }
        self.queued.store(counts.iter().map(|(_, count)| count).sum(), Ordering::Relaxed);
        self.oldest_age_s.store(age_s, Ordering::Relaxed);
    }

    /// Names and values.
    #[must_use]
    pub fn all(&self) -> Vec<(String, u64)> {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mails = |outcome| self.counter(Channel::Email, outcome).map_or(0, load);
        let mut all: Vec<(String, u64)> = [
            ("mails_sent_total", mails(Outcome::Sent)),
            ("mails_failed_total", mails(Outcome::Failed)),
            ("mails_delayed_total", mails(Outcome::Delayed)),
            ("mails_expired_total", load(&self.expired)),
            ("mails_withheld_total", mails(Outcome::Withheld)),
            ("mails_queued", load(&self.queued)),
            ("mails_oldest_queued_age_seconds", load(&self.oldest_age_s)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        for (channel, by) in &self.by {
            let channel = channel.name();
            for ((_, outcome), counter) in Outcome::TABLE.iter().zip(&by.outcomes) {
                let name = format!("messages_total{{channel=\"{channel}\",outcome=\"{outcome}\"}}");
                all.push((name, load(counter)));
            }
            all.push((format!("messages_queued{{channel=\"{channel}\"}}"), load(&by.queued)));
        }
        all
    }

    fn counter(&self, channel: Channel, outcome: Outcome) -> Option<&AtomicU64> {
        let (_, by) = self.by.iter().find(|(other, _)| *other == channel)?;
        let mut outcomes = Outcome::TABLE.iter().zip(&by.outcomes);
        outcomes.find(|((other, _), _)| *other == outcome).map(|(_, counter)| counter)
    }
}

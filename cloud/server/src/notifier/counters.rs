//! What became of messages, as numbers for the metrics: by channel, and mails under names of their own as before.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use fleet::dead_man::Sending;
use fleet::notice::Channel;

use crate::dead_man::Beat;

/// Since the start, and what waits now.
#[derive(Debug)]
pub struct Counters {
    by: [(Channel, ByChannel); 4],
    expired: AtomicU64,
    queued: AtomicU64,
    oldest_age_s: AtomicU64,
    /// When the outbox was last looked through.
    pub surveyed: Beat,
}

/// Of one channel.
#[derive(Debug, Default)]
struct ByChannel {
    outcomes: [AtomicU64; 6],
    queued: AtomicU64,
    /// For how long the oldest has been due that was never tried, and 1 more; 0 where there is none. Milliseconds.
    untried_ms: AtomicU64,
    /// Messages in hand, and when one was last done with, or taken up while there was none.
    in_hand: AtomicU64,
    moved: Beat,
    /// Tries in a row that failed by our way, and the first of them.
    failing: Mutex<(u32, Option<Beat>)>,
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
            surveyed: Beat::default(),
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

    /// A message was taken in hand, or is no longer.
    pub fn in_hand(&self, channel: Channel, messages: usize) {
        if let Some(by) = self.of(channel) {
            let messages = messages as u64;
            let before = by.in_hand.swap(messages, Ordering::Relaxed);
            // One more beside those that hang is no getting on.
            if messages < before || before == 0 {
                by.moved.beat();
            }
        }
    }

    /// A try failed by our way, or our way works.
    pub fn way(&self, channel: Channel, works: bool) {
        let Some(by) = self.of(channel) else { return };
        let mut failing = by.failing.lock().unwrap_or_else(PoisonError::into_inner);
        if works {
            *failing = (0, None);
        } else {
            failing.0 = failing.0.saturating_add(1);
            failing.1.get_or_insert_default();
        }
    }

    /// How each channel does.
    #[must_use]
    pub fn sending(&self) -> Vec<Sending> {
        self.by.iter().map(|(channel, by)| by.sending(*channel)).collect()
    }

    /// So many were given up.
    pub fn expired(&self, count: u64) {
        self.expired.fetch_add(count, Ordering::Relaxed);
    }

    /// So many wait by each channel, and since when the oldest of each has been due without a try; the oldest of all since
    /// so long.
    pub fn waiting(
        &self,
        counts: &[(Channel, u64)],
        untried_ms: &[(Channel, i64)],
        oldest_age_ms: Option<i64>,
    ) {
        let age_s = oldest_age_ms.unwrap_or(0).max(0).unsigned_abs() / 1000;
        for (channel, by) in &self.by {
            let count = counts.iter().find(|(other, _)| other == channel).map_or(0, |(_, count)| *count);
            by.queued.store(count, Ordering::Relaxed);
            let untried = untried_ms.iter().find(|(other, _)| other == channel);
            let untried = untried.map_or(0, |(_, ms)| ms.max(&0).unsigned_abs().saturating_add(1));
            by.untried_ms.store(untried, Ordering::Relaxed);
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

    fn of(&self, channel: Channel) -> Option<&ByChannel> {
        self.by.iter().find(|(other, _)| *other == channel).map(|(_, by)| by)
    }

    fn counter(&self, channel: Channel, outcome: Outcome) -> Option<&AtomicU64> {
        let by = self.of(channel)?;
        let mut outcomes = Outcome::TABLE.iter().zip(&by.outcomes);
        outcomes.find(|((other, _), _)| *other == outcome).map(|(_, counter)| counter)
    }
}

impl ByChannel {
    fn sending(&self, channel: Channel) -> Sending {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let untried = load(&self.untried_ms).checked_sub(1);
        Sending {
            channel,
            waiting: load(&self.queued),
            untried_ms: untried.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX)),
            failures: failing.0,
            failing_ms: failing.1.as_ref().map(Beat::age_ms),
            in_hand_ms: (load(&self.in_hand) > 0).then(|| self.moved.age_ms()),
        }
    }
}

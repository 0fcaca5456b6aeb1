//! Which frames become readings (decision 4).
//!
//! In: one sample per good frame with the uptime at which it came. Out: the samples to be kept, each with its uptime.
//! One per interval while nothing happens; every 1 s frame on battery, in a test and 30 s before and after a change; a
//! change at once, at most two a second, coalesced to the latest level, the skipped edges counted. A line that falls
//! silent is a change too: its last 30 s and its very last frame are kept. Its memory is 30 s of frames.

use std::collections::VecDeque;

use wire::{Condition, Flag, Sample};

/// How long before and after a change every frame is kept.
pub const AROUND_CHANGE_MS: u64 = 30_000;
/// At-once readings are at least this far apart.
pub const AT_ONCE_GAP_MS: u64 = 500;
/// Frames closer than this to the last kept one are no new second; a babbling inverter is thinned to one a second.
const SECOND_MS: u64 = 900;
/// A frame may come this much early and still count for its interval: frames come each second, not to the millisecond.
const EARLY_MS: u64 = 500;
/// A line without a frame for this long has fallen silent: five missed seconds are more than a disturbed frame or two.
pub const SILENT_AFTER_MS: u64 = 5_000;

/// What to do with a frame, or with one that was held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// When it came.
    pub uptime_ms: u64,
    /// What it said.
    pub sample: Sample,
    /// It shall leave at once.
    pub at_once: bool,
    /// Changes that were skipped in between and are known by their number only.
    pub skipped_edges: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Cadence {
    interval_ms: u64,
    ring: VecDeque<(u64, Sample)>,
    /// The newest frame, while it is not kept.
    newest: Option<(u64, Sample)>,
    level: Option<Sample>,
    dense_until_ms: u64,
    last_kept_ms: Option<u64>,
    last_at_once_ms: Option<u64>,
    held: Option<(u64, Sample)>,
    skipped_edges: u64,
}

impl Cadence {
    /// `interval_ms` between readings while nothing happens.
    #[must_use]
    pub const fn new(interval_ms: u64) -> Self {
        Self {
            interval_ms,
            ring: VecDeque::new(),
            newest: None,
            level: None,
            dense_until_ms: 0,
            last_kept_ms: None,
            last_at_once_ms: None,
            held: None,
            skipped_edges: 0,
        }
    }

    /// Takes a frame. `testing`: a self-test runs; `event`: button or test changed in this frame; `wanted`: somebody
    /// wants to know the present level now.
    pub fn frame(
        &mut self,
        uptime_ms: u64,
        sample: &Sample,
        testing: bool,
        event: bool,
        wanted: bool,
    ) -> Vec<Kept> {
        let mut kept = self.due(uptime_ms);
        self.newest = None;
        let changed = event || self.level.as_ref().is_some_and(|level| level.state_differs(sample));
        self.level = Some(sample.clone());
        if changed {
            self.dense_until_ms = uptime_ms + AROUND_CHANGE_MS;
            kept.extend(self.before(uptime_ms));
            if self.held.replace((uptime_ms, sample.clone())).is_some() {
                self.skipped_edges += 1;
            }
            kept.extend(self.due(uptime_ms));
            return kept;
        }
        if self.held.is_some() {
            // The same level again: it leaves with its first frame's time when its turn comes.
            return kept;
        }
        let dense = testing || on_battery(sample) || uptime_ms < self.dense_until_ms;
        let wait_ms =
            if dense { SECOND_MS } else { self.interval_ms.saturating_sub(EARLY_MS).max(SECOND_MS) };
        let due = self.last_kept_ms.is_none_or(|last| uptime_ms >= last + wait_ms);
        if due || wanted {
            self.last_kept_ms = Some(uptime_ms);
            kept.push(Kept { uptime_ms, sample: sample.clone(), at_once: wanted, skipped_edges: 0 });
        } else {
            self.remember(uptime_ms, sample);
            self.newest = Some((uptime_ms, sample.clone()));
        }
        kept
    }

    /// A held change whose turn has come, or what a line said before it fell silent.
    pub fn due(&mut self, now_ms: u64) -> Vec<Kept> {
        let mut kept = self.last_words(now_ms);
        kept.extend(self.change(now_ms));
        kept
    }

    /// When [`Cadence::due`] has something.
    #[must_use]
    pub fn due_ms(&self) -> Option<u64> {
        [self.change_due_ms(), self.silent_ms()].into_iter().flatten().min()
    }

    fn change(&mut self, now_ms: u64) -> Option<Kept> {
        if self.change_due_ms().is_none_or(|due| now_ms < due) {
            return None;
        }
        let (uptime_ms, sample) = self.held.take()?;
        self.last_at_once_ms = Some(now_ms);
        self.last_kept_ms = Some(uptime_ms);
        let skipped_edges = std::mem::take(&mut self.skipped_edges);
        Some(Kept { uptime_ms, sample, at_once: true, skipped_edges })
    }

    fn change_due_ms(&self) -> Option<u64> {
        self.held.as_ref()?;
        Some(self.last_at_once_ms.map_or(0, |last| last + AT_ONCE_GAP_MS))
    }

    /// What an inverter said last is what people ask for when it says no more.
    fn last_words(&mut self, now_ms: u64) -> Vec<Kept> {
        if self.silent_ms().is_none_or(|silent| now_ms < silent) {
            return Vec::new();
        }
        let Some((uptime_ms, sample)) = self.newest.take() else { return Vec::new() };
        let mut kept = self.before(uptime_ms);
        kept.retain(|earlier| earlier.uptime_ms < uptime_ms);
        self.last_kept_ms = Some(uptime_ms);
        kept.push(Kept { uptime_ms, sample, at_once: true, skipped_edges: 0 });
        kept
    }

    fn silent_ms(&self) -> Option<u64> {
        self.newest.as_ref().map(|(last, _)| last + SILENT_AFTER_MS)
    }

    /// The frames of the last 30 s that were not kept.
    fn before(&mut self, uptime_ms: u64) -> Vec<Kept> {
        let before = self.ring.drain(..).filter(|(at, _)| at + AROUND_CHANGE_MS >= uptime_ms);
        before
            .map(|(uptime_ms, sample)| Kept { uptime_ms, sample, at_once: false, skipped_edges: 0 })
            .collect()
    }

    fn remember(&mut self, uptime_ms: u64, sample: &Sample) {
        if self.ring.back().is_some_and(|(last, _)| uptime_ms < last + SECOND_MS) {
            return;
        }
        while self.ring.front().is_some_and(|(first, _)| first + AROUND_CHANGE_MS < uptime_ms) {
            self.ring.pop_front();
        }
        self.ring.push_back((uptime_ms, sample.clone()));
    }
}

fn on_battery(sample: &Sample) -> bool {
    sample.flags.value(Flag::BatteryPower) == Some(true)
        || sample.flags.value(Flag::LinePresent) == Some(false)
        || sample.conditions.value(Condition::UTILITY_LOST) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(battery_power: bool) -> Sample {
        let mut sample = Sample::default();
        sample.flags.set(Flag::BatteryPower, battery_power);
        sample
    }

    fn run(frames: impl IntoIterator<Item = (u64, bool)>) -> Vec<(u64, bool)> {
        let mut cadence = Cadence::new(10_000);
        let mut all = Vec::new();
        for (at, battery) in frames {
            all.extend(cadence.frame(at, &sample(battery), false, false, false));
        }
        all.into_iter().map(|kept| (kept.uptime_ms, kept.at_once)).collect()
    }

    #[test]
    fn one_reading_per_interval_while_nothing_happens() {
        let kept = run((0..61).map(|second| (1000 + second * 1000 + second % 3 * 30, false)));
        assert_eq!(kept.len(), 7, "{kept:?}");
        assert!(kept.iter().all(|(_, at_once)| !at_once));
    }

    #[test]
    fn a_change_brings_the_thirty_seconds_before_it_and_after_it() {
        // Battery from 100 s to 101 s only, so that nothing but the change makes it dense.
        let kept = run((0..200).map(|second| (second * 1000, second == 100)));
        let seconds: Vec<u64> = kept.iter().map(|(at, _)| at / 1000).collect();
        for second in 70..131 {
            assert_eq!(seconds.iter().filter(|s| **s == second).count(), 1, "second {second}: {seconds:?}");
        }
        assert!(!seconds.contains(&69) && !seconds.contains(&132), "{seconds:?}");
        assert_eq!(
            kept.iter().filter(|(_, at_once)| *at_once).map(|(at, _)| *at).collect::<Vec<_>>(),
            [100_000, 101_000]
        );
    }

    #[test]
    fn every_frame_is_kept_on_battery() {
        let kept = run((0..100).map(|second| (second * 1000, second >= 40)));
        assert_eq!(kept.iter().filter(|(at, _)| *at >= 40_000).count(), 60);
    }

    #[test]
    fn flapping_is_two_a_second_with_the_latest_level_and_every_edge_counted() {
        let mut cadence = Cadence::new(10_000);
        let (mut kept, mut level) = (Vec::new(), false);
        for step in 0..200_u64 {
            level = !level;
            kept.extend(cadence.frame(step * 50, &sample(level), false, false, false));
        }
        kept.extend(cadence.due(20_000));
        let at_once: Vec<_> = kept.iter().filter(|k| k.at_once).collect();
        assert!((20..=22).contains(&at_once.len()), "{}", at_once.len());
        assert_eq!(at_once.last().unwrap().sample, sample(level));
        // 199 edges: the first frame has nothing to differ from.
        let edges: u64 = at_once.iter().map(|k| 1 + k.skipped_edges).sum();
        assert_eq!(edges, 199);
    }

    #[test]
    fn what_a_line_said_before_it_fell_silent_is_kept_to_the_last_frame() {
        let mut cadence = Cadence::new(10_000);
        let mut kept: Vec<_> =
            (0..48).flat_map(|n| cadence.frame(n * 1000, &sample(false), false, false, false)).collect();
        kept.extend(cadence.frame(47_200, &sample(false), false, false, false));
        assert_eq!(cadence.due_ms(), Some(47_200 + SILENT_AFTER_MS));
        assert!(cadence.due(52_199).is_empty(), "not silent yet");
        kept.extend(cadence.due(52_200));
        assert!(cadence.due(99_000).is_empty(), "told once");
        let mut seconds: Vec<u64> = kept.iter().map(|kept| kept.uptime_ms).collect();
        seconds.sort_unstable();
        let expect: Vec<u64> =
            [0, 10_000].into_iter().chain((18..48).map(|n| n * 1000)).chain([47_200]).collect();
        assert_eq!(seconds, expect);
        assert_eq!(kept.last().map(|kept| (kept.uptime_ms, kept.at_once)), Some((47_200, true)));
    }

    #[test]
    fn memory_is_thirty_seconds_whatever_comes() {
        let mut cadence = Cadence::new(3_600_000);
        for at in 0..100_000 {
            cadence.frame(at * 10, &sample(false), false, false, false);
        }
        assert!(cadence.ring.len() <= 34, "{}", cadence.ring.len());
    }
}

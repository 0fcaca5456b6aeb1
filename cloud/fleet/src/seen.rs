//! Which numbered records of an inverter have been taken: an interval set per gateway start (decision 2).
//!
//! In: (boot, sequence). Out: new or seen before. Memory is bounded whatever a device sends; where a bound closes a
//! gap early, that is counted.

use wire::BootId;

/// Gateway starts remembered; the one unused for longest is forgotten first. A gateway redelivers what was in
/// flight (its newest starts), so far fewer would do.
pub const MAX_BOOTS: usize = 32;
/// Intervals remembered over all starts of one inverter. An honest gateway makes one per overflow of its spool.
pub const MAX_INTERVALS: usize = 1024;

/// Numbers taken, per gateway start.
#[derive(Clone, Debug, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Seen {
    /// Most recently used last.
    #[n(0)]
    boots: Vec<Boot>,
    /// Gaps closed to stay within [`MAX_INTERVALS`]: records that arrive for them later count as duplicates.
    #[n(1)]
    gaps_closed: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Boot {
    #[cbor(n(0), with = "crate::encoding::boot")]
    boot: BootId,
    #[n(1)]
    intervals: Vec<Interval>,
}

/// Both ends included; ascending, neither overlapping nor touching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
struct Interval {
    #[n(0)]
    first: u64,
    #[n(1)]
    last: u64,
}

impl Seen {
    /// Takes a number; `false` if it was taken before.
    pub fn insert(&mut self, boot: BootId, sequence: u64) -> bool {
        let at = self.boot_at(boot);
        let Some(entry) = self.boots.get_mut(at) else { return false };
        let before = entry.intervals.len();
        let new = insert(&mut entry.intervals, sequence);
        if entry.intervals.len() > before {
            self.bound_intervals();
        }
        new
    }

    /// Whether a number was taken.
    #[must_use]
    pub fn contains(&self, boot: BootId, sequence: u64) -> bool {
        let entry = self.boots.iter().rev().find(|entry| entry.boot == boot);
        entry.is_some_and(|entry| entry.intervals.iter().any(|i| (i.first..=i.last).contains(&sequence)))
    }

    /// Whether two numbers were taken, and all between them.
    #[must_use]
    pub fn joins(&self, boot: BootId, one: u64, other: u64) -> bool {
        let entry = self.boots.iter().rev().find(|entry| entry.boot == boot);
        let holds = |number: u64, i: &Interval| (i.first..=i.last).contains(&number);
        entry.is_some_and(|entry| entry.intervals.iter().any(|i| holds(one, i) && holds(other, i)))
    }

    /// Gaps closed to stay within the bound.
    #[must_use]
    pub const fn gaps_closed(&self) -> u64 {
        self.gaps_closed
    }

    /// Position of a start's entry, now the most recently used.
    fn boot_at(&mut self, boot: BootId) -> usize {
        let last = self.boots.len().saturating_sub(1);
        match self.boots.iter().rposition(|entry| entry.boot == boot) {
            Some(at) if at == last => at,
            Some(at) => {
                let entry = self.boots.remove(at);
                self.boots.push(entry);
                last
            }
            None => {
                if self.boots.len() >= MAX_BOOTS {
                    self.boots.remove(0);
                }
                self.boots.push(Boot { boot, intervals: Vec::new() });
                self.boots.len().saturating_sub(1)
            }
        }
    }

    /// Closes the lowest gap of the start with the most intervals. The other choice, forgetting what was taken,
    /// would let a redelivery be stored twice.
    fn bound_intervals(&mut self) {
        let total: usize = self.boots.iter().map(|entry| entry.intervals.len()).sum();
        if total <= MAX_INTERVALS {
            return;
        }
        let Some(widest) = self.boots.iter_mut().max_by_key(|entry| entry.intervals.len()) else { return };
        if widest.intervals.len() >= 2 {
            let lowest = widest.intervals.remove(0);
            if let Some(next) = widest.intervals.first_mut() {
                next.first = lowest.first;
            }
            self.gaps_closed += 1;
        }
    }
}

/// `false` if some interval holds `sequence` already.
fn insert(intervals: &mut Vec<Interval>, sequence: u64) -> bool {
    // The next number of the newest interval is by far the usual case.
    if let Some(newest) = intervals.last_mut()
        && newest.last.checked_add(1) == Some(sequence)
    {
        newest.last = sequence;
        return true;
    }
    let after = intervals.partition_point(|i| i.last < sequence);
    if intervals.get(after).is_some_and(|i| i.first <= sequence) {
        return false;
    }
    let joins_left =
        after > 0 && intervals.get(after - 1).is_some_and(|i| i.last.checked_add(1) == Some(sequence));
    let joins_right = intervals.get(after).is_some_and(|i| sequence.checked_add(1) == Some(i.first));
    match (joins_left, joins_right) {
        (true, true) => {
            let right = intervals.remove(after);
            if let Some(left) = intervals.get_mut(after - 1) {
                left.last = right.last;
            }
        }
        (true, false) => {
            if let Some(left) = intervals.get_mut(after - 1) {
                left.last = sequence;
            }
        }
        (false, true) => {
            if let Some(right) = intervals.get_mut(after) {
                right.first = sequence;
            }
        }
        (false, false) => intervals.insert(after, Interval { first: sequence, last: sequence }),
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const BOOT: BootId = BootId([7; 16]);

    proptest! {
        #[test]
        fn answers_as_a_plain_set_does(sequences in prop::collection::vec((0_u8..3, 0_u64..60), 0..300)) {
            let (mut seen, mut model) = (Seen::default(), HashSet::new());
            for (boot, sequence) in sequences {
                let id = BootId([boot; 16]);
                prop_assert_eq!(seen.contains(id, sequence), model.contains(&(boot, sequence)));
                prop_assert_eq!(seen.insert(id, sequence), model.insert((boot, sequence)));
                prop_assert!(seen.contains(id, sequence));
            }
            for entry in &seen.boots {
                prop_assert!(entry.intervals.is_sorted_by(|a, b| a.last + 1 < b.first), "{:?}", entry);
            }
        }

        #[test]
        fn a_taken_number_is_never_new_again_within_its_start(numbers in prop::collection::vec(any::<u64>(), 1..40)) {
            let mut seen = Seen::default();
            for number in &numbers {
                seen.insert(BOOT, *number);
            }
            for number in &numbers {
                prop_assert!(!seen.insert(BOOT, *number));
            }
        }
    }

    #[test]
    fn a_device_that_leaves_gaps_for_ever_stays_bounded_and_is_counted() {
        let mut seen = Seen::default();
        for number in 0..10_000 {
            assert!(seen.insert(BOOT, number * 2));
        }
        for boot in 0..100_u8 {
            assert!(seen.insert(BootId([boot; 16]), 1) || boot == 7);
        }
        assert!(seen.boots.iter().map(|entry| entry.intervals.len()).sum::<usize>() <= MAX_INTERVALS);
        assert!(seen.boots.len() <= MAX_BOOTS);
        assert!(seen.gaps_closed() > 8_000);
    }

    #[test]
    fn the_ends_of_the_range_do_not_overflow() {
        let mut seen = Seen::default();
        assert!(seen.insert(BOOT, u64::MAX));
        assert!(!seen.insert(BOOT, u64::MAX));
        assert!(seen.insert(BOOT, 0));
        assert!(seen.insert(BOOT, u64::MAX - 1));
        assert!(!seen.insert(BOOT, u64::MAX - 1));
    }
}

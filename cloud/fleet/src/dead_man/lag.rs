//! How old the oldest thing is that came and is not done, from two counters that are looked at from time to time.
//!
//! In: how many came and how many are done, looked at again and again. Out: an age, too small by one look at most. The work
//! itself pays for nothing but its two counters.

use std::collections::VecDeque;

/// Looks that are remembered; beyond, what comes counts as if it had come with the last of them.
const MOST_LOOKS: usize = 1_024;

/// One queue.
#[derive(Clone, Debug, Default)]
pub struct Lag {
    /// When so many had come, oldest first; all beyond what is done.
    looks: VecDeque<(i64, u64)>,
}

impl Lag {
    /// At `at_ms` so many had come, and so many of them were done. The age of the oldest that is not, milliseconds.
    pub fn look(&mut self, at_ms: i64, came: u64, done: u64) -> i64 {
        while self.looks.front().is_some_and(|(_, came)| *came <= done) {
            self.looks.pop_front();
        }
        let known = self.looks.back().map_or(done, |(_, came)| *came);
        if came > known {
            if self.looks.len() < MOST_LOOKS {
                self.looks.push_back((at_ms, came));
            } else if let Some((_, last)) = self.looks.back_mut() {
                *last = came;
            }
        }
        self.looks.front().map_or(0, |(since, _)| at_ms.saturating_sub(*since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_queue_that_stands_and_one_that_is_slow_both_grow_old() {
        let mut lag = Lag::default();
        let mut check = |at, came, done, expect| assert_eq!(lag.look(at, came, done), expect, "at {at}");
        check(0, 10, 10, 0);
        check(1_000, 15, 15, 0);
        check(2_000, 20, 15, 0);
        check(3_000, 25, 15, 1_000);
        check(9_000, 25, 15, 7_000);
        // It gets on, and what is oldest now came between the second and the third look.
        check(10_000, 30, 21, 7_000);
        check(11_000, 30, 29, 1_000);
        check(12_000, 30, 30, 0);
        // Counted in another order: more done than came.
        check(13_000, 30, 31, 0);
    }

    proptest! {
        /// Against the arrival of each single thing: never too old, and too young by less than a look.
        #[test]
        fn the_age_is_right_to_a_look(steps in prop::collection::vec((0_u64..5, 0_u64..5), 1..200)) {
            let (mut lag, mut arrived, mut done) = (Lag::default(), Vec::new(), 0_usize);
            for (look, (more, less)) in steps.into_iter().enumerate() {
                let at = i64::try_from(look).unwrap() * 1_000;
                // They come half-way between two looks.
                arrived.extend((0..more).map(|_| at - 500));
                done = (done + usize::try_from(less).unwrap()).min(arrived.len());
                let age = lag.look(at, arrived.len() as u64, done as u64);
                let oldest = arrived.get(done).map_or(0, |arrived| at - arrived);
                prop_assert!(age <= oldest && oldest <= age + 1_000, "{age} for {oldest}");
            }
        }
    }

    #[test]
    fn a_queue_that_stands_for_days_takes_no_more_memory() {
        let mut lag = Lag::default();
        for look in 0..5_000 {
            lag.look(look * 1_000, look.unsigned_abs() + 1, 0);
        }
        assert_eq!((lag.looks.len(), lag.look(5_000_000, 5_001, 0)), (MOST_LOOKS, 5_000_000));
        assert_eq!(lag.look(5_001_000, 5_001, 5_001), 0);
    }
}

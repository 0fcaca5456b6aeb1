//! How far up its ladder an incident is.
//!
//! In: the ladder as it is now, the time in which nobody is to be told, the instant. Out: steps whose time has come, in order
//! and each once. Of the ladder it keeps nothing but the number of the next step: whoever is taken off a ladder in the middle
//! of the night is told nothing more, and whoever is put on it is. The wait for a step begins when the one before was told.

use minicbor::{Decode, Encode};
use wire::UtcMs;

use super::hush::Hush;
use super::ladder::{LONGEST_WAIT_MS, Ladder};

/// How far up a ladder one incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Climb {
    /// The next step.
    #[n(0)]
    next: u8,
    /// So much of the wait for it was over at `counted`, milliseconds.
    #[n(1)]
    waited_ms: i64,
    #[n(2)]
    counted: UtcMs,
    #[n(3)]
    began_at: UtcMs,
    /// When the step before was told.
    #[n(4)]
    reached_at: Option<UtcMs>,
}

impl Climb {
    /// Begins when an alarm was told of.
    #[must_use]
    pub const fn new(now: UtcMs) -> Self {
        Self { next: 0, waited_ms: 0, counted: now, began_at: now, reached_at: None }
    }

    /// Since when nobody has acknowledged.
    #[must_use]
    pub const fn began_at(&self) -> UtcMs {
        self.began_at
    }

    /// The step that was told last, and when.
    #[must_use]
    pub fn reached(&self) -> Option<(usize, UtcMs)> {
        Some((usize::from(self.next).checked_sub(1)?, self.reached_at?))
    }

    /// The next step and when it is due; `None` past the last.
    #[must_use]
    pub fn due(&self, ladder: &Ladder, hush: &Hush) -> Option<(usize, UtcMs)> {
        let next = usize::from(self.next);
        let left_ms = ladder.steps().get(next)?.wait_ms.saturating_sub(self.waited_ms);
        Some((next, hush.after(self.counted, left_ms)))
    }

    /// Time up to `now` is waited, but for what is quiet and what was before `watched`: while the cloud was away nobody could
    /// acknowledge.
    pub fn count(&mut self, hush: &Hush, watched: UtcMs, now: UtcMs) {
        let free_ms = hush.free_ms(self.counted.max(watched), now);
        self.waited_ms = self.waited_ms.saturating_add(free_ms).min(LONGEST_WAIT_MS);
        self.counted = self.counted.max(now);
    }

    /// The next step, if its time has come at `now`. The wait for the one after it begins then.
    pub fn pass(&mut self, ladder: &Ladder, hush: &Hush, now: UtcMs) -> Option<usize> {
        let (step, _) = self.due(ladder, hush).filter(|(_, due)| *due <= now)?;
        (self.next, self.waited_ms) = (self.next.saturating_add(1), 0);
        (self.counted, self.reached_at) = (self.counted.max(now), Some(now));
        Some(step)
    }

    /// Nobody of the step that was told last can be reached: the next one is not waited for.
    pub const fn hurry(&mut self) {
        self.waited_ms = LONGEST_WAIT_MS;
    }
}

#[cfg(test)]
mod tests {
    use super::super::ladder::Step;
    use super::*;
    use crate::AccountKey;

    const T0: UtcMs = UtcMs(1_800_000_000_000);
    const MINUTE: i64 = 60_000;

    fn at(minutes: i64) -> UtcMs {
        T0.plus_ms(minutes * MINUTE)
    }

    fn ladder(waits: &[i64]) -> Ladder {
        let step = |(account, minutes): (i64, &i64)| Step {
            wait_ms: minutes * MINUTE,
            people: vec![AccountKey(account)],
        };
        Ladder::new((1..).zip(waits).map(step).collect()).unwrap()
    }

    /// What is reached at each of these minutes.
    fn reached(climb: &mut Climb, hush: &Hush, minutes: &[i64]) -> Vec<Vec<usize>> {
        let ladder = ladder(&[0, 15, 15]);
        let look = |minutes: &i64| {
            climb.count(hush, UtcMs(0), at(*minutes));
            std::iter::from_fn(|| climb.pass(&ladder, hush, at(*minutes))).collect()
        };
        minutes.iter().map(look).collect()
    }

    #[test]
    fn each_step_is_reached_once_after_its_wait() {
        let mut climb = Climb::new(T0);
        let none = Hush::default();
        assert_eq!(
            reached(&mut climb, &none, &[0, 14, 15, 16, 29, 30, 600]),
            [vec![0], vec![], vec![1], vec![], vec![], vec![2], vec![]]
        );
        assert_eq!((climb.due(&ladder(&[0, 15, 15]), &none), climb.reached()), (None, Some((2, at(30)))));
        // Nobody looked for a while: one after the other all the same, so that each has time to answer.
        assert_eq!(reached(&mut Climb::new(T0), &none, &[600, 614, 615]), [vec![0], vec![], vec![1]]);
    }

    #[test]
    fn an_open_ladder_does_not_climb_in_a_window_nor_make_up_for_it() {
        let hush = Hush::of([(at(10), at(610))]);
        let mut climb = Climb::new(T0);
        assert_eq!(reached(&mut climb, &hush, &[0]), [vec![0]]);
        assert_eq!(climb.due(&ladder(&[0, 15, 15]), &hush), Some((1, at(615))), "known beforehand");
        let looks = reached(&mut climb, &hush, &[15, 100, 609, 610, 614, 615]);
        assert_eq!(looks, [vec![], vec![], vec![], vec![], vec![], vec![1]]);
        // It was ended early, which was not known before.
        let mut climb = Climb::new(T0);
        reached(&mut climb, &hush, &[0, 15, 100]);
        assert_eq!(reached(&mut climb, &Hush::of([(at(10), at(100))]), &[104, 105]), [vec![], vec![1]]);
        // A step without a wait is not told in a window either.
        assert_eq!(reached(&mut Climb::new(at(20)), &hush, &[20, 610]), [vec![], vec![0]]);
    }

    #[test]
    fn time_that_nobody_watched_does_not_count() {
        let (none, ladder) = (Hush::default(), ladder(&[15]));
        let mut climb = Climb::new(T0);
        climb.count(&none, UtcMs(0), at(10));
        climb.count(&none, at(100), at(101));
        assert_eq!(climb.due(&ladder, &none), Some((0, at(105))));
    }

    #[test]
    fn a_step_of_nobody_who_can_be_reached_is_not_waited_for_but_in_a_window() {
        let (none, ladder) = (Hush::default(), ladder(&[0, 15, 15]));
        let mut climb = Climb::new(T0);
        assert_eq!(climb.pass(&ladder, &none, T0), Some(0));
        climb.hurry();
        assert_eq!(climb.due(&ladder, &Hush::of([(T0, at(9))])), Some((1, at(9))));
        assert_eq!(climb.pass(&ladder, &none, T0), Some(1));
        assert_eq!(climb.due(&ladder, &none), Some((2, at(15))), "and the one after it is");
    }

    #[test]
    fn the_ladder_may_be_changed_under_it() {
        let none = Hush::default();
        let mut climb = Climb::new(T0);
        assert_eq!(climb.pass(&ladder(&[0, 15]), &none, T0), Some(0));
        assert_eq!(climb.due(&ladder(&[0]), &none), None, "it ends");
        assert_eq!(climb.due(&ladder(&[0, 5]), &none), Some((1, at(5))));
        assert_eq!(climb.due(&ladder(&[9, 9, 9]), &none), Some((1, at(9))), "by number");
    }
}

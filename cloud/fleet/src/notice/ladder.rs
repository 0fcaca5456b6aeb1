//! An escalation ladder: whom to tell next while nobody has acknowledged.
//!
//! In: steps of people with delays, time, whether somebody acknowledged, whether nobody is to be told for now. Out: steps
//! whose time has come, once each. Time in which nobody is to be told does not count: a ladder that is open when a maintenance
//! window begins neither climbs in it nor makes up for it afterwards.

use minicbor::{Decode, Encode};
use wire::UtcMs;

use crate::AccountKey;

/// Steps of one ladder.
pub const MOST_STEPS: usize = 8;
/// People of one step.
pub const MOST_PEOPLE: usize = 20;
/// The longest wait for a step, milliseconds.
pub const LONGEST_WAIT_MS: i64 = wire::time::DAY_MS;

/// Whom to tell, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ladder(Vec<Step>);

/// Some people, and how long to wait for them to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// After the step before, or after the alarm; milliseconds.
    pub wait_ms: i64,
    /// Who is told then.
    pub people: Vec<AccountKey>,
}

/// How far up a ladder one incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Climb {
    /// The next step.
    #[n(0)]
    next: u8,
    /// When the wait for it began, moved by the time in which nobody was to be told.
    #[n(1)]
    since: UtcMs,
    /// Nobody is to be told since then.
    #[n(2)]
    paused_at: Option<UtcMs>,
}

/// Why something is no ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LadderError {
    /// More than may be.
    #[error("a ladder has at most {MOST_STEPS} steps of at most {MOST_PEOPLE} people")]
    TooMany,
    /// A step of nobody.
    #[error("each step names somebody")]
    Nobody,
    /// A wait that is negative or longer than a day.
    #[error("a step waits for nothing to a day")]
    Wait,
}

impl Ladder {
    /// Of these steps.
    ///
    /// # Errors
    /// [`LadderError`].
    pub fn new(steps: Vec<Step>) -> Result<Self, LadderError> {
        if steps.len() > MOST_STEPS || steps.iter().any(|step| step.people.len() > MOST_PEOPLE) {
            return Err(LadderError::TooMany);
        }
        if steps.iter().any(|step| step.people.is_empty()) {
            return Err(LadderError::Nobody);
        }
        if steps.iter().any(|step| !(0..=LONGEST_WAIT_MS).contains(&step.wait_ms)) {
            return Err(LadderError::Wait);
        }
        Ok(Self(steps))
    }

    /// Its steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl Climb {
    /// Begins when an alarm is told of.
    #[must_use]
    pub const fn new(now: UtcMs) -> Self {
        Self { next: 0, since: now, paused_at: None }
    }

    /// When the next step is due; `None` while nobody is to be told, and past the last step.
    #[must_use]
    pub fn due(&self, ladder: &Ladder) -> Option<UtcMs> {
        let step = ladder.0.get(usize::from(self.next)).filter(|_| self.paused_at.is_none())?;
        Some(self.since.plus_ms(step.wait_ms))
    }

    /// From `now` on nobody is to be told, or somebody is again.
    pub fn pause(&mut self, paused: bool, now: UtcMs) {
        match (self.paused_at, paused) {
            (None, true) => self.paused_at = Some(now),
            (Some(at), false) => {
                self.since = self.since.plus_ms(now.since(at).max(0));
                self.paused_at = None;
            }
            _ => {}
        }
    }

    /// The steps whose time has come at `now`, in order, each once.
    pub fn pass<'a>(&mut self, ladder: &'a Ladder, now: UtcMs) -> Vec<&'a Step> {
        let mut reached = Vec::new();
        while let Some(due) = self.due(ladder).filter(|due| *due <= now) {
            reached.extend(ladder.0.get(usize::from(self.next)));
            (self.next, self.since) = (self.next.saturating_add(1), due);
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: UtcMs = UtcMs(1_800_000_000_000);
    const MINUTE: i64 = 60_000;

    fn ladder() -> Ladder {
        let step =
            |minutes: i64, account| Step { wait_ms: minutes * MINUTE, people: vec![AccountKey(account)] };
        Ladder::new(vec![step(0, 1), step(15, 2), step(15, 3)]).unwrap()
    }

    fn reached(climb: &mut Climb, minutes: i64) -> Vec<i64> {
        let ladder = ladder();
        let steps = climb.pass(&ladder, T0.plus_ms(minutes * MINUTE));
        steps.iter().flat_map(|step| &step.people).map(|account| account.0).collect()
    }

    #[test]
    fn each_step_is_reached_once_after_its_wait() {
        let mut climb = Climb::new(T0);
        assert_eq!(reached(&mut climb, 0), [1]);
        assert_eq!((reached(&mut climb, 14), reached(&mut climb, 15)), (vec![], vec![2]));
        assert_eq!(reached(&mut climb, 600), [3]);
        assert_eq!((reached(&mut climb, 6_000), climb.due(&ladder())), (vec![], None));
        // Nobody looked for a while: all in order.
        assert_eq!(reached(&mut Climb::new(T0), 600), [1, 2, 3]);
    }

    #[test]
    fn an_open_ladder_does_not_climb_in_a_window_nor_make_up_for_it() {
        let mut climb = Climb::new(T0);
        assert_eq!(reached(&mut climb, 0), [1]);
        climb.pause(true, T0.plus_ms(10 * MINUTE));
        assert_eq!((reached(&mut climb, 600), climb.due(&ladder())), (vec![], None));
        climb.pause(true, T0.plus_ms(500 * MINUTE));
        climb.pause(false, T0.plus_ms(610 * MINUTE));
        assert_eq!((reached(&mut climb, 614), reached(&mut climb, 615)), (vec![], vec![2]));
    }

    #[test]
    fn a_ladder_is_bounded_and_every_step_names_somebody() {
        let step = |wait_ms, people: usize| Step { wait_ms, people: vec![AccountKey(1); people] };
        assert_eq!(Ladder::new(vec![step(0, 0)]), Err(LadderError::Nobody));
        assert_eq!(Ladder::new(vec![step(-1, 1)]), Err(LadderError::Wait));
        assert_eq!(Ladder::new(vec![step(LONGEST_WAIT_MS + 1, 1)]), Err(LadderError::Wait));
        assert_eq!(Ladder::new(vec![step(0, 21)]), Err(LadderError::TooMany));
        assert_eq!(Ladder::new(vec![step(0, 1); 9]), Err(LadderError::TooMany));
        assert!(Ladder::new(vec![step(LONGEST_WAIT_MS, MOST_PEOPLE); MOST_STEPS]).is_ok());
    }
}

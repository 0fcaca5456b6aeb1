//! An escalation ladder: whom to tell next while nobody has acknowledged.
//!
//! In: steps of people with the wait before each. Out: a ladder that is bounded. Who climbs it and when is in `climb`.

use std::collections::HashSet;

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

/// Why something is no ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LadderError {
    /// More than may be.
    #[error("a ladder has at most {MOST_STEPS} steps of at most {MOST_PEOPLE} people")]
    TooMany,
    /// A step of nobody.
    #[error("each step names somebody")]
    Nobody,
    /// Somebody twice in one step.
    #[error("nobody is in a step twice")]
    Twice,
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
        let twice = |step: &Step| {
            let people: HashSet<&AccountKey> = step.people.iter().collect();
            people.len() < step.people.len()
        };
        if steps.iter().any(twice) { Err(LadderError::Twice) } else { Ok(Self(steps)) }
    }

    /// As rows hold it: of a step whose people have all left nobody is left, and it keeps its place.
    #[must_use]
    pub const fn kept(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    /// Its steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The people of a step; none of one that is not there.
    #[must_use]
    pub fn people(&self, step: usize) -> &[AccountKey] {
        self.0.get(step).map_or(&[], |step| &step.people)
    }

    /// Whether nobody is on it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|step| step.people.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ladder_is_bounded_and_every_step_names_somebody() {
        let step = |wait_ms, people: i64| Step { wait_ms, people: (0..people).map(AccountKey).collect() };
        assert_eq!(Ladder::new(vec![step(0, 0)]), Err(LadderError::Nobody));
        assert_eq!(Ladder::new(vec![step(-1, 1)]), Err(LadderError::Wait));
        assert_eq!(Ladder::new(vec![step(LONGEST_WAIT_MS + 1, 1)]), Err(LadderError::Wait));
        assert_eq!(Ladder::new(vec![step(0, 21)]), Err(LadderError::TooMany));
        assert_eq!(Ladder::new(vec![step(0, 1); 9]), Err(LadderError::TooMany));
        assert!(Ladder::new(vec![step(LONGEST_WAIT_MS, 20); MOST_STEPS]).is_ok());
        let twice = Step { wait_ms: 0, people: vec![AccountKey(1), AccountKey(2), AccountKey(1)] };
        assert_eq!(Ladder::new(vec![twice]), Err(LadderError::Twice));
        let left = Ladder::kept(vec![Step { wait_ms: 0, people: vec![] }, step(0, 1)]);
        assert_eq!((left.people(0).len(), left.people(1).len(), left.people(2).len()), (0, 1, 0));
        assert!(
            !left.is_empty() && Ladder::kept(vec![step(0, 0)]).is_empty() && Ladder::default().is_empty()
        );
    }
}

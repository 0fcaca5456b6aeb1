//! What is found over looks: since when, and not for a blink.
//!
//! In: checks of each look. Out: the same, each with since when it is so. What gets worse must be seen twice: a machine that
//! stood still as a whole (suspended, or moved to another host) finds every part late when it goes on, and a moment later
//! none. What gets better counts at once.

use std::collections::HashMap;

use wire::UtcMs;

use super::{Check, Grade};

/// A check, and since when it is not well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub check: Check,
    /// Since then; `None` where it is well.
    pub since: Option<UtcMs>,
}

/// What is remembered from look to look.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    known: HashMap<&'static str, Known>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    seen: Grade,
    since: Option<UtcMs>,
}

impl Watch {
    /// Takes a look.
    pub fn look(&mut self, checks: Vec<Check>, now: UtcMs) -> Vec<Finding> {
        checks.into_iter().map(|check| self.one(check, now)).collect()
    }

    fn one(&mut self, mut check: Check, now: UtcMs) -> Finding {
        let known = self.known.entry(check.name).or_default();
        let seen = std::mem::replace(&mut known.seen, check.grade);
        check.grade = check.grade.min(seen);
        if check.grade == Grade::Well {
            (check.says, check.what_to_do) = (String::new(), "");
            known.since = None;
        } else {
            known.since.get_or_insert(now);
        }
        Finding { check, since: known.since }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(grade: Grade) -> Check {
        Check { name: "disk", grade, says: "full".to_owned(), what_to_do: "make room" }
    }

    #[test]
    fn worse_is_seen_twice_and_better_once() {
        let mut watch = Watch::default();
        let steps = [
            (Grade::Bad, Grade::Well, None),
            (Grade::Well, Grade::Well, None),
            (Grade::Warn, Grade::Well, None),
            (Grade::Bad, Grade::Warn, Some(3)),
            (Grade::Bad, Grade::Bad, Some(3)),
            (Grade::Warn, Grade::Warn, Some(3)),
            (Grade::Well, Grade::Well, None),
            (Grade::Bad, Grade::Well, None),
            (Grade::Bad, Grade::Bad, Some(8)),
        ];
        for (at, (seen, expect, since)) in (0..).zip(steps) {
            let found = watch.look(vec![check(seen)], UtcMs(at)).remove(0);
            assert_eq!((found.check.grade, found.since), (expect, since.map(UtcMs)), "at {at}");
            assert_eq!(found.check.says.is_empty(), expect == Grade::Well, "at {at}");
        }
    }
}

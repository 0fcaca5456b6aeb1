//! When the next test is due, and which was missed.
//!
//! In: when the last tests that count were, since when anybody watches, a rule set. Out: a [`Standing`] for each kind, which may become the
//! conditions `test.due` and `test.missed`. A test of full length counts as a short one too.

use wire::UtcMs;

use super::rules::RuleSet;

/// How it stands with one kind of test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Done; the next is due then.
    Done {
        /// Due from then on.
        next: UtcMs,
    },
    /// Due, at the latest then.
    Due {
        /// After this it is missed.
        by: UtcMs,
    },
    /// It should have been done by then.
    Missed {
        /// Since then.
        since: UtcMs,
    },
}

/// How it stands with both kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The short test.
    pub monthly: Standing,
    /// The one of full length.
    pub annual: Standing,
}

/// From when a test is due, and after when it is missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// Due from then on.
    pub from: UtcMs,
    /// After this it is missed.
    pub by: UtcMs,
}

/// How it stands at `now`. `monthly` and `annual` are when the last tests that count began; `None`: none since `watched_since`,
/// from where time then counts.
#[must_use]
pub fn due(
    rules: &RuleSet,
    monthly: Option<UtcMs>,
    annual: Option<UtcMs>,
    watched_since: UtcMs,
    now: UtcMs,
) -> Due {
    let [short, long] = deadlines(rules, monthly, annual, watched_since);
    Due { monthly: standing(short, now), annual: standing(long, now) }
}

/// When the next short one and the next of full length are due and missed; see [`due`].
#[must_use]
pub fn deadlines(
    rules: &RuleSet,
    monthly: Option<UtcMs>,
    annual: Option<UtcMs>,
    watched_since: UtcMs,
) -> [Deadline; 2] {
    let short = monthly.max(annual).unwrap_or(watched_since);
    let long = annual.unwrap_or(watched_since);
    [
        Deadline { from: short.plus_ms(rules.monthly_ms), by: short.plus_ms(rules.monthly_most_ms) },
        Deadline {
            from: long.plus_ms(rules.annual_ms - rules.annual_notice_ms),
            by: long.plus_ms(rules.annual_ms),
        },
    ]
}

fn standing(deadline: Deadline, now: UtcMs) -> Standing {
    let Deadline { from, by } = deadline;
    match now {
        _ if now > by => Standing::Missed { since: by },
        _ if now >= from => Standing::Due { by },
        _ => Standing::Done { next: from },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::self_test::{EN_50172, NFPA_101};
    use wire::time::DAY_MS;

    const T0: UtcMs = UtcMs(1_800_000_000_000);

    #[test]
    fn thirty_days_are_due_and_five_weeks_are_missed() {
        let at = |days: i64| T0.plus_ms(days * DAY_MS);
        let monthly = |rules: &RuleSet, days| due(rules, Some(T0), None, T0, at(days)).monthly;
        for rules in [NFPA_101, EN_50172] {
            assert_eq!(monthly(&rules, 29), Standing::Done { next: at(30) });
            assert_eq!(monthly(&rules, 30), Standing::Due { by: at(35) });
            assert_eq!(monthly(&rules, 36), Standing::Missed { since: at(35) });
        }
        let annual = |days| due(&NFPA_101, None, Some(T0), T0, at(days)).annual;
        assert_eq!(annual(334), Standing::Done { next: at(335) });
        assert_eq!(annual(340), Standing::Due { by: at(365) });
        assert_eq!(annual(366), Standing::Missed { since: at(365) });
        let counted = due(&NFPA_101, Some(T0), Some(at(20)), T0, at(36));
        assert_eq!(counted.monthly, Standing::Done { next: at(50) }, "a long test is a short one too");
        assert_eq!(due(&NFPA_101, None, None, T0, at(40)).monthly, Standing::Missed { since: at(35) });
    }
}

//! Which self-tests counted: what due dates need, and no more. It outlives 30 days (decision 25).
//!
//! In: tests that were found, the rules that hold then. Out: how it stands with both kinds, and whether the last one failed. A result that
//! comes later than its test judges it anew.

use minicbor::{Decode, Encode};
use wire::UtcMs;

use super::due::{Due, due};
use super::grade::{Grade, grade};
use super::recognise::Found;
use super::rules::RuleSet;
use crate::alarm::Rules;

/// Readings are seconds apart: a test of full length may be this much shorter, seconds.
const SLACK_S: f32 = 12.0;

/// The tests that counted last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Tests {
    #[n(0)]
    #[cbor(default)]
    monthly: Counted,
    #[n(1)]
    #[cbor(default)]
    annual: Counted,
    /// From the first reading on.
    #[n(2)]
    watched_since: Option<UtcMs>,
    #[n(3)]
    failed: Option<Failed>,
}

/// When the last one that counts began, and the one before it, in case that one turns out not to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct Counted {
    #[n(0)]
    at: Option<UtcMs>,
    #[n(1)]
    before: Option<UtcMs>,
}

/// A test that failed and that none has made good since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct Failed {
    #[n(0)]
    at: UtcMs,
    /// Of full length: only another of those makes it good.
    #[n(1)]
    long: bool,
}

impl Counted {
    fn count(&mut self, at: UtcMs, least_ms: i64) {
        if self.at.is_none_or(|last| at.since(last) >= least_ms && at > last) {
            self.before = self.at;
            self.at = Some(at);
        }
    }

    fn discount(&mut self, at: UtcMs) {
        if self.at == Some(at) {
            self.at = self.before;
        }
    }
}

impl Tests {
    /// Somebody watches.
    pub const fn watch(&mut self, at: UtcMs) {
        if self.watched_since.is_none() {
            self.watched_since = Some(at);
        }
    }

    /// Takes a test that is over.
    pub fn take(&mut self, found: &Found, rules: &Rules) {
        let (set, required_s) = (rules.rule_set(), required_s(rules));
        let at = found.started;
        let long = found.longest_s() + SLACK_S >= required_s;
        match grade(found, set, required_s) {
            Grade::Passed | Grade::Remark(_) => {
                self.monthly.count(at, if long { 0 } else { self.least_ms(set) });
                if long {
                    self.annual.count(at, 0);
                }
                self.failed.take_if(|failed| failed.at <= at && (long || !failed.long));
            }
            Grade::Incomplete(_) => self.discount(at),
            Grade::Failed(_) => {
                // What a long one left open stays open, also where this one is judged anew.
                let long = found.is_long() || self.failed.is_some_and(|failed| failed.long);
                self.discount(at);
                if self.failed.is_none_or(|failed| failed.at <= at) {
                    self.failed = Some(Failed { at, long });
                }
            }
        }
    }

    /// Sooner after the last one a short test does not count. The long one has its own time of the year: a short one soon after it is
    /// where it should be.
    fn least_ms(&self, set: &RuleSet) -> i64 {
        if self.monthly.at == self.annual.at { 0 } else { set.monthly_least_ms }
    }

    fn discount(&mut self, at: UtcMs) {
        self.monthly.discount(at);
        self.annual.discount(at);
        self.failed.take_if(|failed| failed.at == at);
    }

    /// When the last short one that counts began.
    #[must_use]
    pub const fn monthly(&self) -> Option<UtcMs> {
        self.monthly.at
    }

    /// When the last one of full length that counts began.
    #[must_use]
    pub const fn annual(&self) -> Option<UtcMs> {
        self.annual.at
    }

    /// Since when anybody watches.
    #[must_use]
    pub const fn watched_since(&self) -> Option<UtcMs> {
        self.watched_since
    }

    /// When the test began that failed and that none has made good.
    #[must_use]
    pub fn failed_at(&self) -> Option<UtcMs> {
        self.failed.map(|failed| failed.at)
    }

    /// How it stands at `now`; `None` before anybody watched.
    #[must_use]
    pub fn due(&self, set: &RuleSet, now: UtcMs) -> Option<Due> {
        Some(due(set, self.monthly.at, self.annual.at, self.watched_since?, now))
    }
}

/// How long a test of full length lasts, seconds.
fn required_s(rules: &Rules) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "minutes of a day at most")]
    let minutes = rules.required_minutes() as f32;
    minutes * 60.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::self_test::{Kind, SeenBy, Standing};
    use wire::time::DAY_MS;

    const T0: UtcMs = UtcMs(1_800_000_000_000);

    fn at(days: i64) -> UtcMs {
        T0.plus_ms(days * DAY_MS)
    }

    fn found(days: i64, kind: Kind, length_s: f32) -> Found {
        Found {
            kind,
            seen_by: SeenBy::Telemetry,
            started: at(days),
            length_s,
            interrupted: false,
            gave_up: false,
            charged: Some(true),
            above_cutoff_v: None,
            load: None,
            own: None,
            at_cutoff: false,
        }
    }

    #[test]
    fn tests_that_count_move_the_due_dates_and_one_that_failed_stands_until_it_is_made_good() {
        let rules = Rules::default();
        let mut tests = Tests::default();
        assert_eq!(tests.due(rules.rule_set(), at(1)), None, "nobody watched");
        tests.watch(at(0));
        tests.take(&found(5, Kind::Monthly, 30.0), &rules);
        assert_eq!((tests.monthly(), tests.annual()), (Some(at(5)), None));
        tests.take(&found(15, Kind::Monthly, 30.0), &rules);
        assert_eq!(tests.monthly(), Some(at(5)), "sooner than three weeks is not the next one");
        tests.take(&found(16, Kind::Monthly, 11.0), &rules);
        tests.take(&found(40, Kind::Annual, 5_400.0), &rules);
        assert_eq!((tests.monthly(), tests.annual()), (Some(at(40)), Some(at(40))));
        let due = tests.due(rules.rule_set(), at(41)).unwrap();
        assert_eq!(due.monthly, Standing::Done { next: at(70) });
        // Its own result comes later, and is another.
        let told = Found { gave_up: true, ..found(40, Kind::Annual, 5_400.0) };
        tests.take(&told, &rules);
        assert_eq!((tests.monthly(), tests.annual(), tests.failed_at()), (Some(at(5)), None, Some(at(40))));
        tests.take(&found(70, Kind::Monthly, 30.0), &rules);
        assert_eq!(tests.failed_at(), Some(at(40)), "half a minute proves no ninety");
        tests.take(&found(80, Kind::Manual, 5_395.0), &rules);
        assert_eq!((tests.failed_at(), tests.annual()), (None, Some(at(80))));
        // A backlog tells of an older one.
        tests.take(&found(60, Kind::Annual, 5_400.0), &rules);
        assert_eq!(tests.annual(), Some(at(80)));
    }

    #[test]
    fn a_short_test_soon_after_the_long_one_is_where_it_should_be() {
        let rules = Rules::default();
        // The long one three weeks after a short one or sooner, and the short one in its usual turn after it.
        for (long, short) in [(22, 30), (10, 15), (30, 32)] {
            let mut tests = Tests::default();
            tests.watch(at(0));
            tests.take(&found(0, Kind::Monthly, 30.0), &rules);
            tests.take(&found(long, Kind::Annual, 5_400.0), &rules);
            tests.take(&found(short, Kind::Monthly, 30.0), &rules);
            assert_eq!((tests.monthly(), tests.annual()), (Some(at(short)), Some(at(long))));
            let due = tests.due(rules.rule_set(), at(short + 34)).unwrap();
            assert_eq!(due.monthly, Standing::Due { by: at(short + 35) }, "not missed");
            tests.take(&found(short + 6, Kind::Monthly, 30.0), &rules);
            assert_eq!(tests.monthly(), Some(at(short)), "after a short one three weeks are asked for still");
        }
    }

    #[test]
    fn a_long_test_that_failed_stands_until_a_long_one_passes_whoever_started_it() {
        let rules = Rules::default();
        let gave_up = |days, kind, length_s| Found { gave_up: true, ..found(days, kind, length_s) };
        for (kind, length_s) in [(Kind::Manual, 3_600.0), (Kind::Annual, 600.0), (Kind::Annual, 3_600.0)] {
            let mut tests = Tests::default();
            tests.take(&gave_up(10, kind, length_s), &rules);
            tests.take(&found(40, Kind::Monthly, 30.0), &rules);
            assert_eq!(
                tests.failed_at(),
                Some(at(10)),
                "half a minute proves nothing of {kind:?} {length_s} s"
            );
            // A short one fails too, and its own result comes later and says the same.
            tests.take(&gave_up(70, Kind::Monthly, 11.0), &rules);
            tests.take(&gave_up(70, Kind::Monthly, 11.0), &rules);
            tests.take(&found(71, Kind::Monthly, 30.0), &rules);
            assert_eq!(tests.failed_at(), Some(at(70)), "the long one is open still: {kind:?}");
            tests.take(&found(75, Kind::Manual, 5_400.0), &rules);
            assert_eq!(tests.failed_at(), None);
        }
        let mut tests = Tests::default();
        tests.take(&gave_up(10, Kind::Manual, 20.0), &rules);
        tests.take(&found(11, Kind::Monthly, 30.0), &rules);
        assert_eq!(tests.failed_at(), None, "a short one by hand is made good by a short one");
    }

    #[test]
    fn who_must_hold_longer_tests_longer() {
        let (mut tests, mut rules) = (Tests::default(), Rules::default());
        rules.require(Some(180));
        tests.take(&found(1, Kind::Annual, 5_400.0), &rules);
        assert_eq!((tests.monthly(), tests.annual()), (None, None), "cut short");
        tests.take(&found(2, Kind::Annual, 10_800.0), &rules);
        assert_eq!(tests.annual(), Some(at(2)));
    }
}

//! How a test went, by what was seen of it.
//!
//! In: a found test, a rule set, the required time. Out: a [`Grade`] with its reason. The inverter's own result counts where it says that
//! the test failed; where it says that it passed, what was seen counts. A battery at the cut-off is no more than near its end where the
//! inverter says that the test passed, or that somebody ended it.

use wire::TestResult;

use super::recognise::{Found, Kind};
use super::rules::RuleSet;

/// How a test went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// It counts.
    Passed,
    /// It counts, and there is something to look at.
    Remark(Reason),
    /// It does not count, and says nothing against the battery: it has to be done again.
    Incomplete(Reason),
    /// The battery or the inverter failed.
    Failed(Reason),
}

/// Why it is no plain pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Utility power failed within it.
    Outage,
    /// It ended before its time, and the battery fed on.
    CutShort,
    /// The battery gave up.
    GaveUp,
    /// The inverter says that it failed.
    OwnResult,
    /// The battery was not full at its start.
    NotCharged,
    /// It ended near the cut-off.
    LowVoltage,
}

/// Readings and a test's own clock may differ by this, seconds.
const SLACK_S: f32 = 12.0;
/// Less than this above the cut-off at the end is worth a look, V per cell.
const LOW_CELL_V: f32 = 0.03;

/// Grades a test against a rule set; `required_s` is the time of the long one, seconds.
#[must_use]
pub fn grade(test: &Found, rules: &RuleSet, required_s: f32) -> Grade {
    let own = |result: &TestResult| says(test, result);
    #[expect(clippy::cast_precision_loss, reason = "seconds of a short test")]
    let monthly_s = rules.monthly_s as f32;
    let asked_s = if test.kind == Kind::Annual { required_s } else { monthly_s };
    let length_s = test.own_length_s().map_or(test.length_s, |told| told.max(test.length_s));
    if test.gave_up || emptied(test, length_s, asked_s, required_s) {
        return Grade::Failed(Reason::GaveUp);
    }
    if own(&TestResult::Failed) {
        return Grade::Failed(Reason::OwnResult);
    }
    if test.interrupted {
        return Grade::Incomplete(Reason::Outage);
    }
    if own(&TestResult::Aborted) || length_s + slack(asked_s) < asked_s {
        return Grade::Incomplete(Reason::CutShort);
    }
    if test.charged == Some(false) {
        return Grade::Remark(Reason::NotCharged);
    }
    if test.above_cutoff_v.is_some_and(|above| above < LOW_CELL_V) || own(&TestResult::Warning) {
        return Grade::Remark(Reason::LowVoltage);
    }
    Grade::Passed
}

/// The battery gave up with utility power there: the inverter goes back to that, and nothing but the voltage tells it from a test that is
/// over. One that ran for all of the required time has shown it, and a short one that ended at its time was not ended by the battery.
fn emptied(test: &Found, length_s: f32, asked_s: f32, required_s: f32) -> bool {
    let explained = [TestResult::Passed, TestResult::Warning, TestResult::Aborted]
        .iter()
        .any(|result| says(test, result));
    let in_full = length_s + slack(required_s) >= required_s;
    let in_time = asked_s - slack(asked_s)..=asked_s + SLACK_S;
    let short = test.kind != Kind::Annual && in_time.contains(&length_s);
    test.at_cutoff && !test.interrupted && !explained && !in_full && !short
}

fn says(test: &Found, result: &TestResult) -> bool {
    test.own.as_ref().is_some_and(|told| told.result == result.name())
}

/// A test of 30 s that is read each second is not short for a reading.
fn slack(asked_s: f32) -> f32 {
    (0.1 * asked_s).min(SLACK_S)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::TestRecord;
    use crate::self_test::{NFPA_101, SeenBy};
    use wire::UtcMs;

    #[test]
    fn the_cut_off_ends_a_test_that_was_to_go_on_and_no_other() {
        let told = |result: &str| TestRecord {
            count: 3,
            kind: "annual".to_owned(),
            result: result.to_owned(),
            started: None,
            length_s: None,
            end_voltage: None,
            told: UtcMs(0),
        };
        let check = |kind, length_s, own: Option<&str>, interrupted, expect| {
            let test = Found {
                kind,
                seen_by: SeenBy::Telemetry,
                started: UtcMs(0),
                length_s,
                interrupted,
                gave_up: false,
                charged: Some(true),
                above_cutoff_v: Some(0.01),
                load: None,
                own: own.map(told),
                at_cutoff: true,
            };
            assert_eq!(grade(&test, &NFPA_101, 5_400.0), expect, "{test:?}");
        };
        let (gave_up, cut_short) = (Grade::Failed(Reason::GaveUp), Grade::Incomplete(Reason::CutShort));
        let low = Grade::Remark(Reason::LowVoltage);
        for kind in [Kind::Monthly, Kind::Annual, Kind::Manual] {
            check(kind, 3_600.0, None, false, gave_up);
            check(kind, 1_200.0, None, false, gave_up);
            check(kind, 12.0, None, false, gave_up);
            check(kind, 5_391.0, None, false, low);
            check(kind, 7_000.0, None, false, low);
        }
        check(Kind::Monthly, 30.0, None, false, low);
        check(Kind::Monthly, 41.0, None, false, low);
        check(Kind::Annual, 3_600.0, Some("failed"), false, gave_up);
        check(Kind::Annual, 3_600.0, Some("aborted"), false, cut_short);
        check(Kind::Annual, 3_600.0, Some("passed"), false, cut_short);
        check(Kind::Annual, 5_400.0, Some("warning"), false, low);
        check(Kind::Annual, 3_600.0, None, true, Grade::Incomplete(Reason::Outage));
    }
}

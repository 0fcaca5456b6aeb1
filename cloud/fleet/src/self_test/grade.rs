//! How a test went, by what was seen of it.
//!
//! In: a found test, a rule set, the required time. Out: a [`Grade`] with its reason. The inverter's own result counts where it says that
//! the test failed; where it says that it passed, what was seen counts.

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
    let own = |result: &TestResult| test.own.as_ref().is_some_and(|told| told.result == result.name());
    #[expect(clippy::cast_precision_loss, reason = "seconds of a short test")]
    let monthly_s = rules.monthly_s as f32;
    let asked_s = if test.kind == Kind::Annual { required_s } else { monthly_s };
    let length_s = test.own_length_s().map_or(test.length_s, |told| told.max(test.length_s));
    if test.gave_up {
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

/// A test of 30 s that is read each second is not short for a reading.
fn slack(asked_s: f32) -> f32 {
    (0.1 * asked_s).min(SLACK_S)
}

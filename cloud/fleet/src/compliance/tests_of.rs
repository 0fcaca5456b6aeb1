//! Tests of a record, graded, each with its distance from the one before.
//!
//! In: records, a rule set. Out: the tests, the oldest first. A test that counts may come too soon after the last one that counted, or
//! too late; what was done again after a failure is not too soon.

use wire::UtcMs;
use wire::time::DAY_MS;

use super::view::Watched;
use crate::record::Record;
use crate::self_test::{Found, Grade, Kind, grade};

/// A test with its grade.
#[derive(Clone, Debug, PartialEq)]
pub struct Graded {
    /// Its record's key.
    pub key: String,
    /// As it was found.
    pub test: Found,
    /// How it went.
    pub grade: Grade,
    /// It is not where the rule set wants it.
    pub apart: Option<Apart>,
}

/// Distance from the test before that the rule set does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apart {
    /// Too soon after it, whole days.
    TooNear(i64),
    /// Too long after it, whole days.
    TooFar(i64),
}

impl Graded {
    /// Whether it is the test that was asked for.
    #[must_use]
    pub const fn counts(&self) -> bool {
        matches!(self.grade, Grade::Passed | Grade::Remark(_))
    }

    /// When it began.
    #[must_use]
    pub const fn started(&self) -> UtcMs {
        self.test.started
    }
}

/// The tests among `records`, the oldest first.
pub(super) fn tests_of(watched: &Watched<'_>, records: &[Record]) -> Vec<Graded> {
    let graded = |record: &Record| match record {
        Record::Test(test) => Some(Graded {
            key: record.key(),
            test: test.clone(),
            grade: grade(test, watched.rules, watched.required_s),
            apart: None,
        }),
        Record::Outage(_) => None,
    };
    let mut tests: Vec<Graded> = records.iter().filter_map(graded).collect();
    tests.sort_by_key(Graded::started);
    let mut last: Option<(UtcMs, Kind)> = None;
    for test in &mut tests {
        if !test.counts() {
            continue;
        }
        test.apart = last.and_then(|last| apart(watched, last, test));
        last = Some((test.started(), test.test.kind));
    }
    tests
}

fn apart(watched: &Watched<'_>, (last, last_kind): (UtcMs, Kind), test: &Graded) -> Option<Apart> {
    let between_ms = test.started().since(last);
    // The long one has its own time of the year: a short one soon before or after it is where it should be.
    let short = last_kind != Kind::Annual && test.test.kind != Kind::Annual;
    if between_ms > watched.rules.monthly_most_ms {
        Some(Apart::TooFar(between_ms / DAY_MS))
    } else if short && between_ms < watched.rules.monthly_least_ms {
        Some(Apart::TooNear(between_ms / DAY_MS))
    } else {
        None
    }
}

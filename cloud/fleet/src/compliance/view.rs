//! What stands in each month, and how it is with the long test.
//!
//! In: records, what is known of the watching. Out: a [`View`]. The rule of a month goes by the time since the last test that counted, as
//! the standards have it, not by the page of the calendar: where two tests are 30 days apart, a month between them may have none.

use wire::UtcMs;

use super::month::Month;
use super::tests_of::{Graded, tests_of};
use crate::record::{Outage, Record};
use crate::self_test::{Grade, Kind, Reason, RuleSet, Standing, due};

/// What is known of one inverter beside its records.
pub struct Watched<'a> {
    /// What is asked for.
    pub rules: &'a RuleSet,
    /// Length of the long test, seconds.
    pub required_s: f32,
    /// Since when anybody watches it.
    pub since: UtcMs,
    /// Records of what began before this are not kept.
    pub kept_from: UtcMs,
    /// When it was last heard.
    pub heard_until: Option<UtcMs>,
    /// Tests that counted and are known of though their records may be gone.
    pub last: Last,
    /// Now.
    pub now: UtcMs,
    /// Minutes that the wall's clock shows at an instant, since it showed 1970.
    pub wall: &'a dyn Fn(UtcMs) -> i64,
}

/// When the last tests that counted began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Last {
    /// The short one.
    pub monthly: Option<UtcMs>,
    /// The one of full length.
    pub annual: Option<UtcMs>,
}

/// Tests of some months.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Each month, the oldest first.
    pub months: Vec<MonthView>,
    /// How it is with the long test.
    pub annual: Annual,
    /// Every test that is kept, the oldest first.
    pub tests: Vec<Graded>,
    /// Every power failure that is kept, the oldest first.
    pub outages: Vec<Outage>,
    /// How it is with the short one.
    pub monthly: Standing,
}

/// One month.
#[derive(Clone, Debug, PartialEq)]
pub struct MonthView {
    /// Which.
    pub month: Month,
    /// What stands in it.
    pub cell: Cell,
    /// The test that proves it, by its place in [`View::tests`].
    pub proof: Option<usize>,
    /// A test in it is too near to, or too far from, the one before.
    pub apart: bool,
    /// Power failures that began in it.
    pub outages: usize,
}

/// What stands in a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Done, and well.
    Passed,
    /// Done, with something to look at.
    Remark(Reason),
    /// It failed first, and was done again.
    Retested,
    /// Failed, and not done again since.
    Failed(Reason),
    /// Begun, and not as long as asked for.
    Incomplete(Reason),
    /// Not done in its time.
    Missed,
    /// To be done, at the latest then.
    Due {
        /// After this it is missed.
        by: UtcMs,
    },
    /// The next one is asked for later.
    Later {
        /// From then on.
        from: UtcMs,
    },
    /// None was asked for in this month.
    NoneDue,
    /// Nothing was heard of the inverter.
    NotHeard,
    /// Records of then are not kept any more.
    NotKept,
    /// Nobody watched yet.
    NotWatched,
}

/// How it is with the long test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Annual {
    /// Done then; the next is due at the latest a year later.
    Done {
        /// When.
        at: UtcMs,
        /// Its place in [`View::tests`], where it is kept.
        proof: Option<usize>,
        /// The next.
        by: UtcMs,
    },
    /// To be done, at the latest then.
    Due {
        /// After this it is missed.
        by: UtcMs,
        /// The last that counted.
        last: Option<UtcMs>,
    },
    /// Not done in its time.
    Missed {
        /// Since then.
        since: UtcMs,
        /// The last that counted.
        last: Option<UtcMs>,
    },
    /// The last one failed.
    Failed {
        /// When.
        at: UtcMs,
        /// Why.
        reason: Reason,
        /// Its place in [`View::tests`].
        proof: usize,
    },
    /// None since anybody watches; the first is due at the latest then.
    NotYet {
        /// After this it is missed.
        by: UtcMs,
    },
    /// None that is known of: older records are not kept.
    NotKept,
}

/// The view of `months` months, of which `last` is the latest. `records`: all that are kept, at least of these months and of one before.
#[must_use]
pub fn view(watched: &Watched<'_>, records: &[Record], last: Month, months: u8) -> View {
    let tests = tests_of(watched, records);
    let outages: Vec<Outage> = records.iter().filter_map(outage).collect();
    let cells = Cells::new(watched, &tests);
    let all = (0..i64::from(months)).rev().map(|back| cells.month(last.plus(-back), &outages)).collect();
    let (annual, monthly) = (cells.annual(), cells.due().monthly);
    View { months: all, annual, outages, monthly, tests }
}

fn outage(record: &Record) -> Option<Outage> {
    match record {
        Record::Outage(outage) => Some(outage.clone()),
        Record::Test(_) => None,
    }
}

struct Cells<'a> {
    watched: &'a Watched<'a>,
    tests: &'a [Graded],
    /// When tests that counted began, ascending.
    counted: Vec<UtcMs>,
    now: Month,
}

impl<'a> Cells<'a> {
    fn new(watched: &'a Watched<'a>, tests: &'a [Graded]) -> Self {
        let mut counted: Vec<UtcMs> =
            tests.iter().filter(|test| test.counts()).map(Graded::started).collect();
        counted.extend([watched.last.monthly, watched.last.annual].into_iter().flatten());
        counted.sort_unstable();
        counted.dedup();
        Self { watched, tests, counted, now: Month::of(watched.now, watched.wall) }
    }

    fn of(&self, at: UtcMs) -> Month {
        Month::of(at, self.watched.wall)
    }

    fn month(&self, month: Month, outages: &[Outage]) -> MonthView {
        let within: Vec<(usize, &Graded)> =
            self.tests.iter().enumerate().filter(|(_, test)| self.of(test.started()) == month).collect();
        let (cell, proof) = of_tests(&within).unwrap_or_else(|| (self.without(month), None));
        MonthView {
            month,
            cell,
            proof,
            apart: within.iter().any(|(_, test)| test.apart.is_some()),
            outages: outages.iter().filter(|outage| self.of(outage.started) == month).count(),
        }
    }

    /// What stands in a month without a test.
    fn without(&self, month: Month) -> Cell {
        let watched = self.watched;
        let forgotten = watched.kept_from > watched.since;
        let counted_in = |at: &UtcMs| self.of(*at) == month;
        if month < self.of(watched.since) {
            return Cell::NotWatched;
        }
        if month < self.now && forgotten && month <= self.of(watched.kept_from)
            || self.counted.iter().any(counted_in)
        {
            return Cell::NotKept;
        }
        if watched.heard_until.is_none_or(|heard| self.of(heard) < month) {
            return Cell::NotHeard;
        }
        let before = self.counted.iter().rev().find(|at| self.of(**at) < month).copied();
        let base = before.unwrap_or(if forgotten { watched.kept_from } else { watched.since });
        let by = base.plus_ms(watched.rules.monthly_most_ms);
        let from = base.plus_ms(watched.rules.monthly_ms);
        let next = self.counted.iter().find(|at| self.of(**at) > month).copied().unwrap_or(watched.now);
        if month > self.now {
            return Cell::Later { from: from.max(watched.now) };
        }
        if by < next && self.of(by) <= month {
            return Cell::Missed;
        }
        if month < self.now {
            Cell::NoneDue
        } else if watched.now >= from {
            Cell::Due { by }
        } else {
            Cell::Later { from }
        }
    }

    /// When the last tests that counted began; a short one of nowhere is where the keeping begins.
    fn due(&self) -> crate::self_test::Due {
        let watched = self.watched;
        let since = if watched.kept_from > watched.since { watched.kept_from } else { watched.since };
        due(watched.rules, self.counted.last().copied(), self.last_annual(), since, watched.now)
    }

    fn last_annual(&self) -> Option<UtcMs> {
        let long = |test: &&Graded| test.test.kind == Kind::Annual && test.counts();
        self.tests.iter().filter(long).map(Graded::started).chain(self.watched.last.annual).max()
    }

    fn annual(&self) -> Annual {
        let last = self.last_annual();
        // Only one that counts makes it good: one that was cut short since says nothing of the battery.
        let failed =
            |(_, test): &(usize, &Graded)| test.test.is_long() && matches!(test.grade, Grade::Failed(_));
        if let Some((proof, test)) = self.tests.iter().enumerate().rfind(failed)
            && let Grade::Failed(reason) = test.grade
            && last.is_none_or(|last| last < test.started())
        {
            return Annual::Failed { at: test.started(), reason, proof };
        }
        let watched = self.watched;
        if last.is_none() && watched.kept_from > watched.since {
            return Annual::NotKept;
        }
        let by = last.unwrap_or(watched.since).plus_ms(watched.rules.annual_ms);
        match (self.due().annual, last) {
            (Standing::Missed { since }, last) => Annual::Missed { since, last },
            (Standing::Due { by }, last) => Annual::Due { by, last },
            (Standing::Done { .. }, None) => Annual::NotYet { by },
            (Standing::Done { .. }, Some(at)) => {
                Annual::Done { at, proof: self.tests.iter().position(|test| test.started() == at), by }
            }
        }
    }
}

/// What a month's tests say together: the newest that says something of battery and inverter, and whether one failed before it.
fn of_tests(within: &[(usize, &Graded)]) -> Option<(Cell, Option<usize>)> {
    let tells = |(_, test): &&(usize, &Graded)| !matches!(test.grade, Grade::Incomplete(_));
    let (place, newest) = within.iter().rfind(tells).or(within.last())?;
    let failed = within.iter().any(|(_, test)| matches!(test.grade, Grade::Failed(_)));
    let cell = match newest.grade {
        Grade::Passed | Grade::Remark(_) if failed => Cell::Retested,
        Grade::Passed => Cell::Passed,
        Grade::Remark(reason) => Cell::Remark(reason),
        Grade::Failed(reason) => Cell::Failed(reason),
        Grade::Incomplete(reason) => Cell::Incomplete(reason),
    };
    Some((cell, Some(*place)))
}

//! What a gateway kept while it had no contact, followed in order beside what is live.
//!
//! In: late readings and what late events tell of tests. Out: records, and at the end what readiness, recogniser and outages know better. It
//! begins as a copy of what was known before the silence, and ends at the first live reading after it. A late reading out of order, or of a stream
//! that does not tell line presence, is stored like any other and judged by nobody.

use minicbor::{Decode, Encode};
use wire::{Condition as Own, Flag, Sample, UtcMs};

use crate::event::TestRecord;
use crate::inverter::InverterState;
use crate::readiness::{Moment, Readiness, Source};
use crate::record::Record;
use crate::self_test::{Found, Recogniser};

use super::lane::Lane;
use super::outages::Outages;
use super::{GAP_MS, Taken};

/// Nothing late came for this long: nothing more will, milliseconds.
const PATIENCE_MS: i64 = 10 * 60_000;
/// It is complete this near to where the live one began, milliseconds: one reading and a half.
const NEAR_MS: i64 = 15_000;

/// What follows late readings.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Backlog {
    #[n(0)]
    readiness: Readiness,
    #[n(1)]
    recogniser: Recogniser,
    #[n(2)]
    outages: Outages,
    /// The last reading that was taken, or the last before the silence.
    #[n(3)]
    at: Option<UtcMs>,
    /// The live one goes on from here.
    #[n(4)]
    until: UtcMs,
    /// Something late last came then, by the cloud's clock.
    #[n(5)]
    touched: UtcMs,
    /// The self-test last told of.
    #[n(6)]
    told: Option<TestRecord>,
    /// Something was taken.
    #[n(7)]
    fed: bool,
}

impl Backlog {
    /// Begins where contact was lost.
    pub(super) fn begin(state: &InverterState, taken: &Taken<'_>) -> Self {
        let known = |test: &&TestRecord| taken.before.is_some_and(|before| test.told <= before);
        Self {
            readiness: state.readiness.clone(),
            recogniser: state.recogniser.clone(),
            outages: state.outages.clone(),
            at: taken.before,
            until: taken.at,
            touched: taken.received_at,
            told: state.test.as_ref().filter(known).cloned(),
            fed: false,
        }
    }

    /// Takes the next late reading.
    pub(super) fn take(&mut self, taken: &Taken<'_>, counts: impl FnMut(&Found), records: &mut Vec<Record>) {
        self.touched = self.touched.max(taken.received_at);
        if self.at.is_some_and(|at| taken.at <= at) || taken.at >= self.until {
            return;
        }
        let Some(source) = source(taken.sample, self.outages.is_running()) else { return };
        (self.at, self.fed) = (Some(taken.at), true);
        let moment = Moment::read(taken.sample, taken.at, source);
        let Self { readiness, recogniser, outages, told, .. } = self;
        let known = records.len();
        Lane { readiness, recogniser, outages }.take(&moment, told.as_ref(), counts, records);
        for record in records.iter_mut().skip(known) {
            if let Record::Outage(outage) = record {
                outage.contact_lost = true;
            }
        }
    }

    /// A late event told of a self-test.
    pub(crate) fn told(&mut self, test: &TestRecord) {
        if test.told < self.until {
            self.told = Some(test.clone());
        }
    }

    /// It has come to where the live one began.
    pub(super) fn is_complete(&self) -> bool {
        self.at.is_some_and(|at| self.until.since(at) <= NEAR_MS)
    }

    /// Nothing more will come.
    pub(super) fn is_over(&self, now: UtcMs) -> bool {
        now.since(self.touched) > PATIENCE_MS
    }

    /// The live one goes on from here.
    pub(super) const fn until(&self) -> UtcMs {
        self.until
    }

    /// What it knows better goes over to the live ones.
    pub(super) fn into_live(
        self,
        readiness: &mut Readiness,
        recogniser: &mut Recogniser,
        outages: &mut Outages,
    ) {
        if !self.fed {
            return;
        }
        let complete = self.at.is_some_and(|at| self.until.since(at) <= GAP_MS);
        readiness.adopt(self.readiness, complete);
        recogniser.adopt(self.recogniser);
        outages.adopt(self.outages);
    }
}

/// What feeds the load, by the reading alone. After an outage the battery feeds on for some seconds with the line there again:
/// that is its end, and no test. `None` where the stream does not tell.
fn source(sample: &Sample, outage: bool) -> Option<Source> {
    let (battery, line) = (sample.flags.value(Flag::BatteryPower)?, sample.flags.value(Flag::LinePresent)?);
    let holds = |own: &Own| sample.conditions.value(*own) == Some(true);
    let bad = [Own::UTILITY_LOST, Own::INPUT_LOW, Own::INPUT_HIGH].iter().any(holds);
    Some(match (battery, line) {
        (false, false) => Source::Nothing,
        (false, true) => Source::Line,
        (true, true) if !bad && !outage => Source::Test,
        (true, _) => Source::Outage,
    })
}

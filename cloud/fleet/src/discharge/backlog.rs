//! What a gateway kept while it had no contact, followed in order beside what is live.
//!
//! In: late readings and what late events tell of tests. Out: records, and at the end what readiness, recogniser and outages know better. It
//! begins as a copy of what was known before the silence, and ends with the first live reading after it. What ended since that reading and had
//! begun by then is held until it is told when it really began. A late reading out of order, or of a stream that does not tell line presence, is
//! stored like any other and judged by nobody.

use minicbor::{Decode, Encode};
use wire::{BootId, Condition as Own, Flag, Sample, UtcMs};

use crate::event::TestRecord;
use crate::inverter::InverterState;
use crate::readiness::{Moment, Readiness, Source};
use crate::record::Record;
use crate::seen::Seen;
use crate::self_test::{Found, Recogniser};

use super::lane::Lane;
use super::outages::Outages;
use super::{GAP_MS, Taken};

/// Nothing late came for this long: nothing more will, milliseconds.
const PATIENCE_MS: i64 = 10 * 60_000;

/// What follows late readings.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
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
    /// The live one goes on with this.
    #[n(4)]
    next: Moment,
    /// Something late last came then, by the cloud's clock.
    #[n(5)]
    touched: UtcMs,
    /// The self-test last told of.
    #[n(6)]
    told: Option<TestRecord>,
    /// Something was taken.
    #[n(7)]
    fed: bool,
    /// What ended since and began with `next`, as far as the live one saw.
    #[n(8)]
    held: Vec<Record>,
    /// What its gateway named `next`.
    #[cbor(n(9), with = "crate::encoding::boot")]
    boot: BootId,
    #[n(10)]
    number: u64,
}

impl Backlog {
    /// Begins where contact was lost; `next`: the first moment after it, with its name.
    pub(super) fn begin(
        state: &InverterState,
        taken: &Taken<'_>,
        (next, (boot, number)): (Moment, (BootId, u64)),
    ) -> Self {
        let known = |test: &&TestRecord| taken.before.is_some_and(|before| test.told <= before);
        Self {
            readiness: state.readiness.clone(),
            recogniser: state.recogniser.clone(),
            outages: state.outages.clone(),
            at: taken.before,
            next,
            touched: taken.received_at,
            told: state.test.as_ref().filter(known).cloned(),
            fed: false,
            held: Vec::new(),
            boot,
            number,
        }
    }

    /// Takes the next late reading.
    pub(super) fn take(&mut self, taken: &Taken<'_>, records: &mut Vec<Record>) {
        if self.at.is_some_and(|at| taken.at <= at) || taken.at >= self.until() {
            return;
        }
        let Some(source) = source(taken.sample, self.outages.is_running()) else { return };
        (self.at, self.fed) = (Some(taken.at), true);
        self.follow(&Moment::read(taken.sample, taken.at, source), records);
    }

    fn follow(&mut self, moment: &Moment, records: &mut Vec<Record>) {
        let Self { readiness, recogniser, outages, told, .. } = self;
        let known = records.len();
        Lane { readiness, recogniser, outages }.take(moment, told.as_ref(), records);
        for record in records.iter_mut().skip(known) {
            if let Record::Outage(outage) = record {
                outage.contact_lost = true;
            }
        }
    }

    /// What it follows.
    pub(super) const fn lane(&mut self) -> Lane<'_> {
        let Self { readiness, recogniser, outages, .. } = self;
        Lane { readiness, recogniser, outages }
    }

    /// Something late came, for this silence or one before it.
    pub(super) fn touch(&mut self, now: UtcMs) {
        self.touched = self.touched.max(now);
    }

    /// A late event told of a self-test.
    pub(super) fn told(&mut self, test: &TestRecord) {
        self.told = Some(test.clone());
    }

    /// Keeps a record of what began with the first moment after the silence; gives back any other.
    pub(super) fn hold(&mut self, record: Record) -> Option<Record> {
        if record.started() != self.until() {
            return Some(record);
        }
        self.held.push(record);
        None
    }

    /// It has come to where the live one began: nothing is missing any more between what was just taken and that.
    pub(super) fn is_complete(&self, taken: &Taken<'_>, seen: &Seen) -> bool {
        let joins = |(boot, number)| boot == self.boot && seen.joins(boot, number, self.number);
        taken.number.is_some_and(joins)
    }

    /// Nothing more will come.
    pub(super) fn is_over(&self, now: UtcMs) -> bool {
        now.since(self.touched) > PATIENCE_MS
    }

    /// The live one goes on from here.
    pub(super) const fn until(&self) -> UtcMs {
        self.next.at
    }

    /// What it knows better goes over to what followed it: later backlogs and the live ones. Gives what was held and what ended with the first
    /// moment after the silence.
    pub(super) fn settle(mut self, lanes: &mut [Lane<'_>]) -> Vec<Record> {
        let mut records = Vec::new();
        let held = std::mem::take(&mut self.held);
        let complete = self.at.is_some_and(|at| self.until().since(at) <= GAP_MS);
        // With the line there again an outage ends at the latest here; the seconds that the battery may feed on are no test.
        let next = self.next;
        self.follow(&next, &mut records);
        for lane in &mut *lanes {
            if self.fed {
                lane.readiness.adopt(self.readiness.clone(), complete);
            }
            lane.recogniser.adopt(self.recogniser.clone());
            lane.outages.adopt(self.outages.clone());
            lane.recogniser.join(next.at, &self.recogniser);
            lane.outages.join(next.at, &self.outages);
        }
        records.extend(held.into_iter().filter_map(|record| match record {
            Record::Test(_) if self.recogniser.in_outage() => None,
            Record::Test(test) => {
                Some(self.recogniser.joined(test)).filter(Found::is_long_enough).map(Record::Test)
            }
            Record::Outage(outage) => Some(Record::Outage(self.outages.joined(outage))),
        }));
        records
    }
}

/// What feeds the load, by the reading alone. After an outage the battery feeds on for some seconds with the line there again:
/// that is its end, and no test. `None` where the stream does not tell.
pub(super) fn source(sample: &Sample, outage: bool) -> Option<Source> {
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

//! Each reading is followed by what rests on discharges: readiness, self-tests, outages.
//!
//! In: the inverter's state with the newest reading in it, or a late one that a gateway kept while it had no contact. Out: records of tests
//! and outages that are over. Late data never runs the state backwards: it has a lane of its own ([`Backlog`]), which takes over what it
//! knows better once it has come to where the live one began. Nothing is allocated for a reading with utility power there.

mod backlog;
mod lane;
mod left;
mod outages;

pub use backlog::Backlog;
pub use left::{Left, Range};
pub use outages::Outages;

use wire::{BootId, Sample, UtcMs};

use crate::alarm::Key;
use crate::condition::Condition;
use crate::event::TestRecord;
use crate::inverter::InverterState;
use crate::readiness::Moment;
use crate::record::Record;
use crate::seen::Seen;
use lane::Lane;

/// Readings of a gateway that is in contact are no further apart, milliseconds; the cadence is 10 s.
const GAP_MS: i64 = 60_000;
/// Nor this far where numbers between them were not taken: those are still to come. On battery it reads each second.
const SKIPPED_MS: i64 = 2_000;

/// What is the same for all readings of a report.
pub(crate) struct Taken<'a> {
    /// What was read.
    pub sample: &'a Sample,
    /// When, repaired.
    pub at: UtcMs,
    /// The newest reading before it.
    pub before: Option<UtcMs>,
    /// When the cloud received it.
    pub received_at: UtcMs,
    /// Start and number that its gateway gave it; who numbers may keep what could not be sent.
    pub number: Option<(BootId, u64)>,
}

impl Taken<'_> {
    /// Contact was lost before it, as far as can be told: what came meanwhile may be told late.
    fn is_after_silence(&self, seen: &Seen) -> bool {
        let gap_ms = self.before.map_or(i64::MAX, |before| self.at.since(before));
        let skipped = |(boot, number): (BootId, u64)| {
            number.checked_sub(1).is_some_and(|before| !seen.contains(boot, before))
        };
        gap_ms > GAP_MS || (gap_ms > SKIPPED_MS && self.number.is_some_and(skipped))
    }
}

/// Silences whose backlogs are followed at once; where there are more, the oldest one's is not waited for.
const MOST_BACKLOGS: usize = 4;

/// Takes a reading that is the newest, and is in the state already.
pub(crate) fn live(state: &mut InverterState, taken: &Taken<'_>, records: &mut Vec<Record>) {
    while state.backlogs.first().is_some_and(|oldest| oldest.is_over(taken.received_at)) {
        settle(state, records);
    }
    let silence = taken.number.filter(|_| taken.is_after_silence(&state.seen));
    // What was going on before a silence may be over.
    let outage = silence.is_none() && state.outages.is_running();
    let moment = backlog::source(taken.sample, outage).map_or_else(
        || Moment::of(state, taken.sample, taken.at),
        |source| Moment::read(taken.sample, taken.at, source),
    );
    if let Some(number) = silence {
        if state.backlogs.len() >= MOST_BACKLOGS {
            settle(state, records);
        }
        state.backlogs.push(Backlog::begin(state, taken, (moment, number)));
        state.outages.cut();
        state.recogniser.cut();
    }
    state.tests.watch(taken.at);
    let known = records.len();
    let InverterState { readiness, recogniser, outages, test, backlogs, .. } = state;
    // While a backlog may tell how a test went, the word of its result alone makes none.
    let told = test.as_ref().filter(|_| backlogs.is_empty() || taken.before.is_none());
    Lane { readiness, recogniser, outages }.take(&moment, told, records);
    for record in records.split_off(known) {
        let record = state.backlogs.iter_mut().try_fold(record, |record, backlog| backlog.hold(record));
        records.extend(record.inspect(|record| count(state, record)));
    }
    left::count(state, &moment);
}

/// Takes a reading that is late.
pub(crate) fn late(state: &mut InverterState, taken: &Taken<'_>, records: &mut Vec<Record>) {
    let within = |backlog: &Backlog| taken.at < backlog.until();
    let Some(at) = state.backlogs.iter().position(within) else { return };
    // It comes in order: of the silences before this one nothing more will come.
    for _ in 0..at {
        settle(state, records);
    }
    state.backlogs.iter_mut().for_each(|backlog| backlog.touch(taken.received_at));
    let known = records.len();
    let InverterState { backlogs, seen, .. } = state;
    let Some(backlog) = backlogs.first_mut() else { return };
    backlog.take(taken, records);
    let complete = backlog.is_complete(taken, seen);
    records.iter().skip(known).for_each(|record| count(state, record));
    if complete {
        settle(state, records);
    }
}

/// A late event told of a self-test.
pub(crate) fn told(state: &mut InverterState, test: &TestRecord) {
    if let Some(backlog) = state.backlogs.iter_mut().find(|backlog| test.told < backlog.until()) {
        backlog.told(test);
    }
}

/// What came late after the first silence is in order with what came since: there is one lane less.
fn settle(state: &mut InverterState, records: &mut Vec<Record>) {
    if state.backlogs.is_empty() {
        return;
    }
    let backlog = state.backlogs.remove(0);
    let InverterState { readiness, recogniser, outages, backlogs, .. } = state;
    let mut lanes: Vec<Lane<'_>> = backlogs.iter_mut().map(Backlog::lane).collect();
    lanes.push(Lane { readiness, recogniser, outages });
    let settled = backlog.settle(&mut lanes);
    for record in settled {
        count(state, &record);
        records.push(record);
    }
}

/// Due dates rest on it.
fn count(state: &mut InverterState, record: &Record) {
    if let Record::Test(found) = record {
        state.tests.take(found, &state.rules);
    }
}

/// Whether anything is kept from before an instant that [`forget_before`] would take.
pub(crate) fn holds_before(state: &InverterState, before: UtcMs) -> bool {
    state.readiness.evidence.iter().any(|one| one.at < before && Some(one.at) != rests_on(state))
        || state.recogniser.holds_before(before)
        || state.outages.holds_before(before)
        || state.backlogs.iter().any(|backlog| backlog.until() < before)
}

/// Forgets what was before an instant, but for what due dates need, what is true now, and what an alarm that is still active rests on.
pub(crate) fn forget_before(state: &mut InverterState, before: UtcMs) {
    let rests_on = rests_on(state);
    state.readiness.evidence.retain(|one| one.at >= before || Some(one.at) == rests_on);
    state.recogniser.forget_before(before);
    state.outages.forget_before(before);
    state.backlogs.retain(|backlog| backlog.until() >= before);
}

/// The discharge that says that the battery is weak, while the alarm of that is active: a weak battery does not become a good one by
/// being forgotten.
fn rests_on(state: &InverterState) -> Option<UtcMs> {
    let weak = state.alarms.is_open(&Key::of(Condition::BATTERY_WEAK));
    let newest = || state.readiness.evidence.iter().rev().find(|one| one.whole.is_some());
    weak.then(newest).flatten().map(|one| one.at)
}

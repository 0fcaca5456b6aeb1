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

use wire::{Sample, UtcMs};

use crate::alarm::Key;
use crate::condition::Condition;
use crate::inverter::InverterState;
use crate::readiness::Moment;
use crate::record::Record;
use lane::Lane;

/// Readings of a gateway that is in contact are no further apart, milliseconds; the cadence is 10 s.
const GAP_MS: i64 = 60_000;

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
    /// Its gateway numbers what it sends, and so may keep what it could not send.
    pub numbered: bool,
}

/// Takes a reading that is the newest, and is in the state already.
pub(crate) fn live(state: &mut InverterState, taken: &Taken<'_>, records: &mut Vec<Record>) {
    let unread = taken.before.is_none_or(|before| taken.at.since(before) > GAP_MS);
    if unread || state.backlog.as_ref().is_some_and(|backlog| backlog.is_over(taken.received_at)) {
        settle(state);
    }
    if unread && taken.numbered {
        state.backlog = Some(Box::new(Backlog::begin(state, taken)));
    }
    let moment = Moment::of(state, taken.sample, taken.at);
    state.tests.watch(taken.at);
    let InverterState { readiness, recogniser, outages, test, backlog, rules, tests, .. } = state;
    // While a backlog may tell how a test went, the word of its result alone makes none.
    let told = test.as_ref().filter(|_| backlog.is_none() || taken.before.is_none());
    let mut lane = Lane { readiness, recogniser, outages };
    lane.take(&moment, told, |found| tests.take(found, rules), records);
    left::count(state, &moment);
}

/// Takes a reading that is late.
pub(crate) fn late(state: &mut InverterState, taken: &Taken<'_>, records: &mut Vec<Record>) {
    let InverterState { backlog, rules, tests, .. } = state;
    let Some(backlog) = backlog else { return };
    backlog.take(taken, |found| tests.take(found, rules), records);
    if backlog.is_complete() {
        settle(state);
    }
}

/// What came late is in order with what came since: one lane is left.
fn settle(state: &mut InverterState) {
    if let Some(backlog) = state.backlog.take() {
        backlog.into_live(&mut state.readiness, &mut state.recogniser, &mut state.outages);
    }
}

/// Whether anything is kept from before an instant that [`forget_before`] would take.
pub(crate) fn holds_before(state: &InverterState, before: UtcMs) -> bool {
    state.readiness.evidence.iter().any(|one| one.at < before && Some(one.at) != rests_on(state))
        || state.recogniser.holds_before(before)
        || state.outages.holds_before(before)
        || state.backlog.as_ref().is_some_and(|backlog| backlog.until() < before)
}

/// Forgets what was before an instant, but for what due dates need, what is true now, and what an alarm that is still active rests on.
pub(crate) fn forget_before(state: &mut InverterState, before: UtcMs) {
    let rests_on = rests_on(state);
    state.readiness.evidence.retain(|one| one.at >= before || Some(one.at) == rests_on);
    state.recogniser.forget_before(before);
    state.outages.forget_before(before);
    state.backlog.take_if(|backlog| backlog.until() < before);
}

/// The discharge that says that the battery is weak, while the alarm of that is active: a weak battery does not become a good one by
/// being forgotten.
fn rests_on(state: &InverterState) -> Option<UtcMs> {
    let weak = state.alarms.is_open(&Key::of(Condition::BATTERY_WEAK));
    let newest = || state.readiness.evidence.iter().rev().find(|one| one.whole.is_some());
    weak.then(newest).flatten().map(|one| one.at)
}

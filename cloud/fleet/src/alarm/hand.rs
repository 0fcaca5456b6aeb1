//! What people do about alarms, applied in the order of the journal.
//!
//! In: a state, an act, when it was done. Out: events. An act that came too late or may not be done changes nothing: who may
//! do what was settled before it was journalled.

use wire::UtcMs;

use super::pass::{observe, pass, tell};
use crate::act::Act;
use crate::event::{Cause, Event};
use crate::inverter::InverterState;

/// Applies an act that concerns alarms; any other changes nothing.
pub fn act(state: &mut InverterState, act: Act, at: UtcMs) -> Vec<Event> {
    let mut events = pass(state, at);
    let now = state.alarms.time();
    let mut turns = Vec::new();
    let InverterState { alarms, rules, .. } = state;
    match act {
        Act::Acknowledge { alarm, account, note } => {
            alarms.acknowledge(&alarm, account, note, &mut turns);
        }
        Act::Shelve { alarm, account, until, reason } => {
            alarms.shelve(&alarm, until, account, reason, &mut turns);
        }
        Act::Unshelve { alarm, account } => {
            alarms.unshelve(&alarm, account, &mut turns);
        }
        // What is refused was checked before; here only a race can be, and then the other one stands.
        Act::Maintain(window) => drop(rules.add_window(window, now)),
        Act::EndMaintenance { number } => rules.end_window(number, now),
        Act::SetLimit(limit) => drop(rules.set_limit(limit)),
        Act::RemoveLimit { number } => rules.remove_limit(number),
        Act::Require { minutes } => rules.require(minutes),
        Act::Grade { severities } => rules.grade(severities),
        Act::KeepLogbook { keeps } => rules.keep_logbook(keeps),
        Act::JudgeBy { rule_set } => rules.judge_by(rule_set),
        Act::Claim { .. } | Act::Cancel { .. } | Act::Forget => {}
    }
    tell(turns, now, &mut events);
    observe(state, now, Cause::default(), &mut events);
    events
}

//! Time passes for one inverter, and what is known of it is looked at.
//!
//! In: a state and an instant. Out: events, the next instant at which time alone brings about something. Nobody need look
//! at an inverter before that. Asks no clock.

use wire::UtcMs;

use super::facts::{facts, next_change};
use super::turn::{AlarmTurn, Turned};
use crate::apply::battery;
use crate::event::{Cause, Event, EventKind};
use crate::inverter::InverterState;

/// Instants looked at in one pass. Few are ever due at once; a bound keeps a mistake from holding up the others.
const MOST_STEPS: usize = 1_000;

/// Does all that time alone brings about up to `now`.
pub fn pass(state: &mut InverterState, now: UtcMs) -> Vec<Event> {
    let mut events = Vec::new();
    for _ in 0..MOST_STEPS {
        let Some(at) = due(state).filter(|at| *at <= now) else { break };
        advance(state, at, &mut events);
        battery(state, at, Cause::default(), &mut events);
        look(state, Cause::default(), &mut events);
    }
    advance(state, now, &mut events);
    events
}

/// When time alone will bring about something.
#[must_use]
pub fn due(state: &InverterState) -> Option<UtcMs> {
    let alarms = state.alarms.due(&state.rules);
    let change = next_change(state, state.alarms.now);
    alarms.into_iter().chain(change).min()
}

/// Nobody watched for `gap_ms` (negative: the clock was set back): every deadline moves by it.
pub fn resumed(state: &mut InverterState, gap_ms: i64) {
    state.watch.resumed(gap_ms);
    state.alarms.resumed(gap_ms);
}

/// Looks at what holds at `now`, told of by `cause`.
pub(crate) fn observe(state: &mut InverterState, now: UtcMs, cause: Cause, events: &mut Vec<Event>) {
    advance(state, now, events);
    look(state, cause, events);
}

fn advance(state: &mut InverterState, now: UtcMs, events: &mut Vec<Event>) {
    let mut turns = Vec::new();
    let InverterState { alarms, rules, .. } = state;
    alarms.advance(rules, now, &mut turns);
    tell(turns, now, events);
}

fn look(state: &mut InverterState, cause: Cause, events: &mut Vec<Event>) {
    let now = state.alarms.now;
    if state.watch.is_catching_up(now) {
        return;
    }
    let facts = facts(state, state.rules.required_minutes(), now, None);
    let read_at = state.last_reading.unwrap_or(now);
    let mut turns = Vec::new();
    let InverterState { alarms, rules, .. } = state;
    alarms.observe(rules, &facts, read_at, cause, &mut turns);
    tell(turns, now, events);
}

/// Turns as events, each at the instant it is about.
pub(super) fn tell(turns: Vec<AlarmTurn>, now: UtcMs, events: &mut Vec<Event>) {
    events.extend(turns.into_iter().map(|turn| {
        let time = match turn.what {
            Turned::Raised { .. } => turn.alarm.since,
            Turned::Cleared { ended, .. } => ended,
            _ => now,
        };
        let cause = turn.alarm.cause;
        Event { time, received_at: now, cause, late: false, kind: EventKind::Alarm(turn) }
    }));
}

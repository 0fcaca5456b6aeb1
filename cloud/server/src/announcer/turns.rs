//! Turns of alarms on their way into rows.
//!
//! In: turns, in order. Out: one transaction with their events, the alarms and incidents that they change, and what is to be
//! told at once. Only a turn whose event was not there changes anything.

use std::collections::{BTreeSet, HashSet};

use fleet::InverterKey;
use fleet::alarm::{AlarmTurn, Turned};
use fleet::condition::Severity;
use store::state::{Alarm, EventRow, IncidentKey, StateError};
use wire::UtcMs;

use super::escalate::{self, When};
use super::work::Work;
use super::{Announcer, names, tell};

/// A turn of an alarm.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Its event's row, which names it for all time.
    pub event: EventRow,
    /// What.
    pub turn: AlarmTurn,
    /// How much the alarm matters.
    pub severity: Severity,
}

impl Turn {
    const fn inverter(&self) -> InverterKey {
        self.event.inverter
    }

    const fn at(&self) -> UtcMs {
        self.event.received_at
    }
}

/// Writes turns. `false`: an incident was changed by somebody else, and nothing is written.
pub async fn write(announcer: &Announcer, turns: &[Turn]) -> Result<bool, StateError> {
    let change = announcer.store.announcing().await?;
    let events: Vec<EventRow> = turns.iter().map(|turn| turn.event.clone()).collect();
    let mut new = change.new_events(&events).await?;
    let fresh = |turn: &&Turn| new.remove(&(turn.inverter(), turn.event.key.clone()));
    let turns: Vec<&Turn> = turns.iter().filter(fresh).collect();
    let Some(at) = turns.iter().map(|turn| turn.at()).max() else { return Ok(true) };
    let mut work = Work::of(&change, &inverters(&turns)).await?;
    let codes: Vec<String> = turns.iter().filter_map(|turn| first_code(&work, turn)).collect();
    let mut taken = change.taken_codes(&codes).await?;
    for turn in turns {
        take(&mut work, turn, &mut taken);
    }
    let messages = work.pass(at);
    let told: BTreeSet<IncidentKey> = messages.iter().map(|numbered| numbered.incident).collect();
    tell::all(announcer, &change, &mut work, messages, at).await?;
    let looked: BTreeSet<IncidentKey> = work.in_hand.union(&told).copied().collect();
    escalate::all(announcer, &change, &mut work, &looked, (When::Turned, at)).await?;
    let made = work.made();
    let queued = made.messages.len();
    let written = change.commit(&made).await?;
    if written && queued > 0 {
        announcer.queued.notify_one();
        tracing::info!(messages = queued, "people are told of alarms");
    }
    Ok(written)
}

fn inverters(turns: &[&Turn]) -> Vec<InverterKey> {
    let keys: HashSet<InverterKey> = turns.iter().map(|turn| turn.inverter()).collect();
    keys.into_iter().collect()
}

fn first_code(work: &Work, turn: &Turn) -> Option<String> {
    let placed = work.placed(turn.inverter())?;
    Some(names::first_code(&placed.inverter.public_id, &turn.turn.alarm.to_string()))
}

/// Applies one turn. Of an inverter that was given up nothing is kept.
fn take(work: &mut Work, turn: &Turn, taken: &mut HashSet<String>) {
    let Some(placed) = work.placed(turn.inverter()) else { return };
    let (name, at) = (turn.turn.alarm.to_string(), turn.at());
    let known = work.alarm(turn.inverter(), &name).cloned();
    let mut alarm = known.unwrap_or_else(|| {
        let code = names::code(&placed.inverter.public_id, &name, taken);
        taken.insert(code.clone());
        new_alarm(turn, name, code)
    });
    match &turn.turn.what {
        Turned::Raised { unstable, quiet } => {
            (alarm.unstable, alarm.quiet) = (*unstable, *quiet);
            if !quiet {
                alarm.incident = work.join(&alarm, &turn.turn.alarm, at);
            }
        }
        Turned::Unstable => {
            alarm.unstable = true;
            again(work, &alarm, turn, true);
        }
        Turned::Returned => {
            (alarm.quiet, alarm.shelved_until) = (false, None);
            if !again(work, &alarm, turn, false) {
                alarm.incident = work.join(&alarm, &turn.turn.alarm, at);
            }
        }
        Turned::Cleared { ended, .. } => {
            alarm.cleared = Some((*ended, at));
            // Whoever was told that it began is told that it is over, whatever was shelved since.
            work.in_incident(alarm.incident, |incident| {
                incident.cleared(turn.inverter(), &turn.turn.alarm, at)
            });
        }
        Turned::Acknowledged { by, note } => {
            (alarm.acknowledged_at, alarm.acknowledged_by) = (Some(at), Some(*by));
            alarm.note.clone_from(note);
            if alarm.severity == Severity::Critical {
                work.in_incident(alarm.incident, |incident| {
                    incident.taken(*by, at);
                    true
                });
            }
            work.in_hand.extend(alarm.incident);
        }
        Turned::Shelved { until, .. } => {
            alarm.shelved_until = Some(*until);
            work.in_hand.extend(alarm.incident);
        }
        Turned::Unshelved { .. } => alarm.shelved_until = None,
    }
    work.put(alarm);
}

/// Something else is known of an alarm that was told. `false`: it is part of nothing that is open.
fn again(work: &mut Work, alarm: &Alarm, turn: &Turn, unstable: bool) -> bool {
    work.in_incident(alarm.incident, |incident| {
        incident.again(turn.inverter(), &turn.turn.alarm, unstable, turn.at())
    })
}

/// An alarm as its first turn tells of it.
fn new_alarm(turn: &Turn, name: String, code: String) -> Alarm {
    Alarm {
        inverter: turn.inverter(),
        name,
        code,
        key: turn.turn.alarm.key.clone(),
        severity: turn.severity,
        since: turn.turn.alarm.since,
        raised_at: turn.at(),
        cleared: None,
        unstable: false,
        quiet: false,
        acknowledged_at: None,
        acknowledged_by: None,
        note: String::new(),
        shelved_until: None,
        incident: None::<IncidentKey>,
    }
}

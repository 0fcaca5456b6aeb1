//! The inverters' one owner: applies journal entries in order.
//!
//! In: entries with their positions. Out: readings into history, events to be written, states marked for a snapshot
//! and for pages. Time is the entry's received-at, never the wall clock, so that replay gives the same. Never waits
//! for a disk or a database.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fleet::pairing::{End, Outcome, Pairing};
use fleet::retention::KEPT_MS;
use fleet::{Act, EventKind, InverterKey, InverterState, alarm};
use store::Position;
use store::history::History;
use store::journal::{Body, Entry};
use store::state::{EventRow, NewQuarantined, RecordRow};
use wire::time::HOUR_MS;
use wire::{Report, UtcMs};

use super::Counters;
use super::effects::{Effect, Effects};
use super::schedule::Schedule;
use crate::acts::NOBODY;
use crate::announcer::Turn;
use crate::live::LiveStates;

/// Reports that could not be read, kept between two snapshots: at most this many of 64,000 bytes in memory. Every one is
/// counted and is an event.
const QUARANTINED_AT_ONCE: usize = 100;

/// Ticks come each ten seconds. Where none came for this long the process stood still or the clock was set, milliseconds.
const WATCH_GAP_MS: i64 = 30_000;

/// All states and what is to be done about them.
pub struct States {
    slots: HashMap<InverterKey, Slot>,
    /// To be written with the next snapshot.
    unsaved: Vec<InverterKey>,
    /// To be shown to pages.
    unshown: Vec<InverterKey>,
    events: Vec<EventRow>,
    records: Vec<RecordRow>,
    /// To be written at once.
    effects: Effects,
    quarantine: Vec<NewQuarantined>,
    position: Position,
    /// The time that entries have come to; 1970 before the first.
    now: UtcMs,
    schedule: Schedule,
    history: Arc<History>,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Slot {
    /// Shared with pages after it was shown; then the next change copies it, at most once per showing.
    state: Arc<InverterState>,
    unsaved: bool,
    unshown: bool,
    /// When it is to be looked at.
    scheduled: Option<UtcMs>,
}

/// What a snapshot holds.
pub struct Unsaved {
    /// States that changed since the last one.
    pub states: Vec<(InverterKey, Vec<u8>)>,
    /// Events since the last one.
    pub events: Vec<EventRow>,
    /// Tests and outages that ended since the last one, or of which more is known.
    pub records: Vec<RecordRow>,
    /// What must be written before the position may move.
    pub effects: Effects,
    /// Reports that could not be read since the last one, the first so many.
    pub quarantine: Vec<NewQuarantined>,
    /// Everything at or before it is in there.
    pub position: Position,
    /// The time that it had come to there.
    pub watched_until: UtcMs,
}

impl States {
    /// Nothing known yet.
    pub fn new(history: Arc<History>, counters: Arc<Counters>) -> Self {
        Self {
            slots: HashMap::new(),
            unsaved: Vec::new(),
            unshown: Vec::new(),
            events: Vec::new(),
            records: Vec::new(),
            effects: Effects::default(),
            quarantine: Vec::new(),
            position: Position::START,
            now: UtcMs(0),
            schedule: Schedule::default(),
            history,
            counters,
        }
    }

    /// Takes the snapshots of an earlier run.
    pub fn load(
        &mut self,
        states: Vec<(InverterKey, InverterState)>,
        position: Position,
        watched_until: UtcMs,
    ) {
        for (key, state) in states {
            // One that was only claimed has nothing to show: its page says that it has not reported yet.
            let unshown = state.has_reported();
            let mut slot = Slot { state: Arc::new(state), unshown, ..Slot::default() };
            self.schedule.at(key, alarm::due(&slot.state), &mut slot.scheduled);
            self.slots.insert(key, slot);
            if unshown {
                self.unshown.push(key);
            }
        }
        (self.position, self.now) = (position, watched_until);
    }

    /// Applies one entry; `report` is its payload decoded, where that was done before.
    pub fn take(&mut self, position: Position, entry: Entry, report: Option<Report>) {
        let received_at = entry.received_at;
        self.time(received_at, entry.body == Body::CloudUp);
        match entry.body {
            Body::Report { inverter, payload } => {
                match report.map_or_else(|| wire::report::decode(&payload), Ok) {
                    Ok(report) => self.report(position, inverter, report, received_at),
                    // It was decoded before it was journalled as a report; an older version's bounds may have differed.
                    Err(error) => {
                        self.quarantined(inverter, received_at, position, error.to_string(), payload);
                    }
                }
            }
            Body::Quarantined { inverter, reason, payload } => {
                self.quarantined(inverter, received_at, position, reason, payload);
            }
            Body::Act { inverter, payload } => match Act::from_bytes(&payload) {
                Ok(act) => self.act(inverter, act, received_at),
                Err(error) => {
                    tracing::warn!(inverter = inverter.0, %error, "an act of another version was passed over");
                }
            },
            Body::Tick => self.effects.push(Effect::Expire(received_at)),
            Body::CloudUp | Body::CloudDown => {}
        }
        self.position = position;
    }

    /// Time has come to `now`: what is due is done. Nobody watched where the cloud was down, stood still, or its clock was
    /// set; then every deadline moves along.
    fn time(&mut self, now: UtcMs, up: bool) {
        let gap_ms = now.since(self.now);
        let unwatched = (up && gap_ms != 0) || gap_ms.saturating_abs() > WATCH_GAP_MS;
        if unwatched && self.now > UtcMs(0) {
            self.resumed(gap_ms);
        }
        let before = self.now;
        self.now = if unwatched { now } else { self.now.max(now) };
        if before.0.div_euclid(HOUR_MS) != self.now.0.div_euclid(HOUR_MS) {
            self.forget_old();
        }
        while let Some((at, inverter)) = self.schedule.pop(self.now) {
            let Some(slot) = self.slots.get_mut(&inverter) else { continue };
            if slot.scheduled != Some(at) {
                continue;
            }
            slot.scheduled = None;
            if alarm::due(&slot.state).is_some_and(|due| due <= self.now) {
                let events = alarm::pass(Arc::make_mut(&mut slot.state), self.now);
                self.changed(inverter, !events.is_empty());
                self.events(inverter, &events);
            } else {
                self.reschedule(inverter);
            }
        }
    }

    /// What was last told thirty days ago is taken out of the states, for pages and snapshots alike.
    fn forget_old(&mut self) {
        let before = self.now.plus_ms(-KEPT_MS);
        let all: Vec<InverterKey> = self.slots.keys().copied().collect();
        for inverter in all {
            let Some(slot) = self.slots.get_mut(&inverter) else { continue };
            // Reported lately, as nearly all have: nothing is copied for them.
            if !slot.state.holds_before(before) {
                continue;
            }
            if Arc::make_mut(&mut slot.state).forget_before(before) {
                self.changed(inverter, true);
            }
        }
    }

    fn resumed(&mut self, gap_ms: i64) {
        tracing::info!(gap_ms, "nobody watched for a time: deadlines of silence are moved by it");
        let all: Vec<InverterKey> = self.slots.keys().copied().collect();
        self.schedule = Schedule::default();
        for inverter in all {
            if let Some(slot) = self.slots.get_mut(&inverter) {
                alarm::resumed(Arc::make_mut(&mut slot.state), gap_ms);
                slot.scheduled = None;
            }
            self.changed(inverter, false);
        }
    }

    /// The state of `inverter` is not what was saved, nor, if `live`, what was shown.
    fn changed(&mut self, inverter: InverterKey, live: bool) {
        let slot = self.slots.entry(inverter).or_default();
        if !std::mem::replace(&mut slot.unsaved, true) {
            self.unsaved.push(inverter);
        }
        if live && !std::mem::replace(&mut slot.unshown, true) {
            self.unshown.push(inverter);
        }
        self.reschedule(inverter);
    }

    fn reschedule(&mut self, inverter: InverterKey) {
        if let Some(slot) = self.slots.get_mut(&inverter) {
            self.schedule.at(inverter, alarm::due(&slot.state), &mut slot.scheduled);
        }
    }

    /// Turns of alarms are written at once, the rest with the next snapshot.
    fn events(&mut self, inverter: InverterKey, events: &[fleet::Event]) {
        let state = self.slots.get(&inverter).map(|slot| &slot.state);
        for event in events {
            let event_row = EventRow::of(inverter, event);
            match (&event.kind, state) {
                (EventKind::Alarm(turn), Some(state)) => {
                    let severity = state.alarms.severity(&turn.alarm.key, &state.rules);
                    self.effects.turned([Turn { event: event_row, turn: turn.clone(), severity }]);
                }
                _ => self.events.push(event_row),
            }
        }
    }

    /// When time alone will bring about something next.
    pub fn next_due(&self) -> Option<UtcMs> {
        self.schedule.next()
    }

    fn report(&mut self, position: Position, inverter: InverterKey, report: Report, received_at: UtcMs) {
        let slot = self.slots.entry(inverter).or_default();
        let applied = fleet::apply(Arc::make_mut(&mut slot.state), report, received_at);
        self.changed(inverter, applied.live);
        if !applied.stored.is_empty() {
            self.history.append(inverter, &applied.stored, position);
        }
        self.counters.reports.fetch_add(1, Ordering::Relaxed);
        self.counters.readings.fetch_add(applied.stored.len() as u64, Ordering::Relaxed);
        self.events(inverter, &applied.events);
        let told = |record| RecordRow { inverter, record, told_at: received_at };
        self.records.extend(applied.records.into_iter().map(told));
        self.effects.extend(applied.pairings.into_iter().map(Effect::Ended));
    }

    fn act(&mut self, inverter: InverterKey, act: Act, at: UtcMs) {
        // A claim on a serial number that nobody registered: only time can end it.
        let nobody = inverter == NOBODY;
        match act {
            Act::Claim { attempt, account } if !nobody => self.pairing(inverter).claim(attempt, account, at),
            Act::Claim { .. } => {}
            Act::Cancel { attempt } => {
                if !nobody {
                    self.pairing(inverter).cancel(attempt);
                }
                self.effects.push(Effect::Ended(Outcome { attempt, end: End::Cancelled, at }));
            }
            Act::Forget => self.forget(inverter),
            act if !nobody => {
                let slot = self.slots.entry(inverter).or_default();
                let events = alarm::act(Arc::make_mut(&mut slot.state), act, at);
                let shown = slot.state.has_reported();
                self.changed(inverter, shown);
                self.events(inverter, &events);
            }
            _ => {}
        }
    }

    /// Nobody has it any more: its silence raises no alarm, and no snapshot of it is written again.
    fn forget(&mut self, inverter: InverterKey) {
        self.slots.remove(&inverter);
        self.unsaved.retain(|known| *known != inverter);
        self.unshown.retain(|known| *known != inverter);
        self.events.retain(|event| event.inverter != inverter);
        self.records.retain(|row| row.inverter != inverter);
        self.effects.forget(inverter);
    }

    fn pairing(&mut self, inverter: InverterKey) -> &mut Pairing {
        self.changed(inverter, false);
        &mut Arc::make_mut(&mut self.slots.entry(inverter).or_default().state).pairing
    }

    fn quarantined(
        &mut self,
        inverter: InverterKey,
        received_at: UtcMs,
        position: Position,
        reason: String,
        payload: Vec<u8>,
    ) {
        tracing::warn!(inverter = inverter.0, reason, "a payload was kept out of the telemetry");
        self.counters.quarantined.fetch_add(1, Ordering::Relaxed);
        let key = format!("quarantined/{}/{}", position.batch, position.index);
        if self.quarantine.len() < QUARANTINED_AT_ONCE {
            let (key, reason) = (key.clone(), reason.clone());
            self.quarantine.push(NewQuarantined { key, inverter, received_at, reason, payload });
        }
        self.events.push(EventRow {
            inverter,
            key,
            kind: "quarantined".to_owned(),
            condition: None,
            occurred_at: received_at,
            received_at,
            late: false,
            detail: reason,
        });
    }

    /// Shows pages what changed since the last call.
    pub fn show(&mut self, live: &LiveStates) {
        let slots = &mut self.slots;
        live.show(self.unshown.drain(..).filter_map(|key| {
            let slot = slots.get_mut(&key)?;
            slot.unshown = false;
            Some((key, Arc::clone(&slot.state)))
        }));
    }

    /// Whether pages have something to see.
    pub fn has_unshown(&self) -> bool {
        !self.unshown.is_empty()
    }

    /// Whether something is to be written at once.
    pub fn has_effects(&self) -> bool {
        !self.effects.is_empty()
    }

    /// Whether alarms took a turn.
    pub fn has_turns(&self) -> bool {
        self.effects.has_turns()
    }

    /// Takes what is to be written at once.
    pub fn effects(&mut self) -> Effects {
        std::mem::take(&mut self.effects)
    }

    /// Takes what the next snapshot must hold.
    pub fn unsaved(&mut self) -> Unsaved {
        let slots = &mut self.slots;
        let states = self.unsaved.drain(..).filter_map(|key| {
            let slot = slots.get_mut(&key)?;
            slot.unsaved = false;
            Some((key, slot.state.to_snapshot()))
        });
        Unsaved {
            states: states.collect(),
            events: std::mem::take(&mut self.events),
            records: std::mem::take(&mut self.records),
            effects: self.effects(),
            quarantine: std::mem::take(&mut self.quarantine),
            position: self.position,
            watched_until: self.now,
        }
    }

    /// The last entry applied.
    pub fn position(&self) -> Position {
        self.position
    }
}

#[cfg(test)]
mod tests {
    use fleet::AccountKey;
    use fleet::pairing::AttemptKey;
    use store::day_keys::DayKeys;
    use store::history::Config;

    use super::*;

    fn states(folder: &tempfile::TempDir) -> States {
        let keys = DayKeys::at(folder.path().join("keys"), || web::random_bytes().ok());
        let history = Arc::new(History::open(folder.path(), keys, Config::default()).unwrap());
        States::new(history, Arc::new(Counters::default()))
    }

    #[test]
    fn an_inverter_that_was_given_up_is_not_missed() {
        let folder = tempfile::tempdir().unwrap();
        let (inverter, at) = (InverterKey(7), UtcMs(1_800_000_000_000));
        let mut states = states(&folder);
        let take = |states: &mut States, ms: i64, body| {
            let entry = Entry { received_at: at.plus_ms(ms), body };
            states.take(Position { batch: 1, index: u32::try_from(ms / 1_000).unwrap() }, entry, None);
        };
        let report = Body::Report { inverter, payload: b"{\"version\":1,\"readings\":[{}]}".to_vec() };
        take(&mut states, 0, report);
        assert_eq!(states.unsaved().states.len(), 1);
        assert!(states.next_due().is_some());
        take(&mut states, 1_000, Body::Act { inverter, payload: Act::Forget.to_bytes() });
        for tick in 1..200 {
            take(&mut states, tick * 10_000, Body::Tick);
        }
        let unsaved = states.unsaved();
        assert!(unsaved.states.is_empty() && unsaved.events.is_empty());
        assert_eq!(states.next_due(), None);
    }

    #[test]
    fn a_claim_on_a_silent_inverter_is_kept_and_shows_nothing_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (silent, at) = (InverterKey(7), UtcMs(1_800_000_000_000));
        let claim = Act::Claim { attempt: AttemptKey(1), account: AccountKey(2) };
        let body = Body::Act { inverter: silent, payload: claim.to_bytes() };
        let mut before = states(&folder);
        before.take(Position { batch: 1, index: 0 }, Entry { received_at: at, body }, None);
        assert!(!before.has_unshown(), "pages and counters see inverters that report");
        let unsaved = before.unsaved();
        let (key, bytes) = unsaved.states.first().unwrap();
        let kept = InverterState::from_snapshot(bytes).unwrap();
        assert!(!kept.has_reported() && kept.pairing != Pairing::default(), "the claim waits");
        drop(before);
        let live = LiveStates::default();
        let mut after = states(&folder);
        after.load(vec![(*key, kept)], unsaved.position, unsaved.watched_until);
        after.show(&live);
        assert_eq!(live.count(), 0);
    }
}

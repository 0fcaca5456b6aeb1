//! One report becomes state, readings to store and events.
//!
//! In: the state of the inverter, a decoded report, the instant the cloud received it. Out: [`Applied`]; the state is
//! changed in place. The same reports in the same order give the same result, whenever they are applied. Only what
//! is newest changes what is true now; late data is stored and marked late (decision 3).

use wire::report::EventKind as Told;
use wire::{BootId, Condition as Own, Flag, LinkCounts, Quantity, Reading, Report, UtcMs};

use crate::alarm::{self, LIVE_LAG_MS};
use crate::cadence;
use crate::condition::Condition;
use crate::dating::{self, Dated, Said};
use crate::discharge::{self, Taken};
use crate::event::{Cause, Event, EventKind, TestRecord};
use crate::inverter::{Gateway, InverterState, Link, Press, WrongInverter};
use crate::level::{self, Turn};
use crate::pairing::{Outcome, Pressed};
use crate::reading::StoredReading;
use crate::record::Record;

/// Below this the line is dead, tenths of a volt: nothing runs on 30 V.
const DEAD_LINE: wire::Scaled = 300;

/// What one report came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// Readings to store, in the report's order.
    pub stored: Vec<StoredReading>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// Tests and outages that are over, also those of which more is known now.
    pub records: Vec<Record>,
    /// Attempts at pairing that a press ended.
    pub pairings: Vec<Outcome>,
    /// Whether what is true now changed (values count): pages want to know.
    pub live: bool,
}

/// Applies a report received at `received_at`.
pub fn apply(state: &mut InverterState, report: Report, received_at: UtcMs) -> Applied {
    let mut work = Work {
        boot: report.boot,
        sent_uptime_ms: report.uptime_ms,
        received_at,
        applied: Applied { stored: Vec::with_capacity(report.readings.len()), ..Applied::default() },
        jump_told: false,
        lag_ms: None,
        cause: Cause::default(),
    };
    // What time alone brought about came before the report did.
    work.applied.events = alarm::pass(state, received_at);
    state.counters.reports += 1;
    state.last_contact = state.last_contact.max(Some(received_at));
    state.watch.contact(received_at);
    // Events first: a reading taken on battery in a test that this very report announces is not an outage.
    for event in report.events {
        work.event(state, event);
    }
    for reading in report.readings {
        work.reading(state, reading);
    }
    if let Some(counts) = report.link {
        take_link(state, counts, received_at);
        work.applied.live = true;
    }
    if let (Some(boot), true) = (report.boot, work.applied.live) {
        if state.gateway.is_some_and(|gateway| gateway.boot != boot) {
            state.watch.broke(received_at);
        }
        state.gateway = Some(Gateway { boot, uptime_ms: report.uptime_ms, time: received_at });
    }
    work.settle(state);
    work.applied
}

/// What is the same for every record of one report, and what has come of it so far.
struct Work {
    boot: Option<BootId>,
    sent_uptime_ms: Option<u64>,
    received_at: UtcMs,
    applied: Applied,
    /// One `clock.jump` per report tells of all its records.
    jump_told: bool,
    /// How late the newest reading came, where one was the newest.
    lag_ms: Option<i64>,
    /// The last new record.
    cause: Cause,
}

impl Work {
    fn reading(&mut self, state: &mut InverterState, reading: Reading) {
        let said = Said {
            time: reading.time,
            quality: reading.quality,
            uptime_ms: reading.uptime_ms,
            sent_uptime_ms: self.sent_uptime_ms,
        };
        let cause = Cause { boot: self.boot, sequence: reading.sequence };
        let Some((time, quality)) = self.take(state, &said, cause) else { return };
        let reading = StoredReading {
            time,
            quality,
            reported_time: reading.time.filter(|reported| *reported != time),
            boot: self.boot,
            sequence: reading.sequence,
            sample: reading.sample,
        };
        self.levels(state, &reading, cause);
        let numbered = reading.boot.is_some() && reading.sequence.is_some();
        if numbered || state.cadence.admit(time, self.received_at, busy(state, time)) {
            state.counters.stored += 1;
            self.applied.stored.push(reading);
        } else {
            state.counters.thinned += 1;
        }
    }

    /// New, and when it happened; `None` if it was seen before or is too old. Both are counted.
    fn take(
        &mut self,
        state: &mut InverterState,
        said: &Said,
        cause: Cause,
    ) -> Option<(UtcMs, wire::Quality)> {
        if let (Some(boot), Some(sequence)) = (cause.boot, cause.sequence)
            && !state.seen.insert(boot, sequence)
        {
            state.counters.duplicates += 1;
            return None;
        }
        match dating::date(said, self.received_at) {
            Dated::TooOld => {
                state.counters.too_old += 1;
                None
            }
            Dated::At { time, quality, jumped } => {
                self.cause = cause;
                if jumped {
                    self.jump(state, said.time.unwrap_or(time), cause);
                }
                Some((time, quality))
            }
        }
    }

    fn jump(&mut self, state: &mut InverterState, reported: UtcMs, cause: Cause) {
        state.counters.future += 1;
        state.clock_jump = state.clock_jump.max(Some(self.received_at));
        if !std::mem::replace(&mut self.jump_told, true) {
            self.tell(self.received_at, cause, false, EventKind::ClockJump { reported });
        }
    }

    /// Values, flags and conditions of a reading, each where it is the newest of its kind.
    fn levels(&mut self, state: &mut InverterState, reading: &StoredReading, cause: Cause) {
        let (time, before) = (reading.time, state.last_reading);
        let late = before.is_some_and(|newest| time < newest);
        if late {
            state.counters.late += 1;
        } else {
            if state.last_reading.is_some() && state.unknown != reading.sample.unknown {
                state.last_change = Some(time);
            }
            state.last_reading = Some(time);
            state.wrong_inverter = None;
            if state.unknown != reading.sample.unknown {
                state.unknown.clone_from(&reading.sample.unknown);
            }
            self.applied.live = true;
        }
        level::merge_quantities(&mut state.latest, &reading.sample, time);
        for (flag, holds) in reading.sample.flags.iter() {
            if level::merge_level(&mut state.flags, flag.code(), holds, time).is_some() {
                state.last_change = state.last_change.max(Some(time));
            }
        }
        for (condition, holds) in reading.sample.conditions.iter() {
            if let Some(turn) = level::merge_level(&mut state.conditions, condition.code(), holds, time) {
                state.last_change = state.last_change.max(Some(time));
                if late {
                    self.was(&turn, time, cause);
                }
            }
        }
        let taken = Taken {
            sample: &reading.sample,
            at: time,
            before,
            received_at: self.received_at,
            number: cause.boot.zip(cause.sequence),
        };
        if late {
            discharge::late(state, &taken, &mut self.applied.records);
            return;
        }
        battery(state, time, cause, &mut self.applied.events);
        discharge::live(state, &taken, &mut self.applied.records);
        if state.flag(Flag::BatteryPower) == Some(true) || state.on_battery_since.is_some() {
            state.watch.discharged(self.received_at);
        }
        let lag_ms = self.received_at.since(time);
        self.lag_ms = Some(lag_ms);
        // A report may tell of several instants; each is looked at, unless it is history.
        if lag_ms <= LIVE_LAG_MS {
            state.watch.reading(self.received_at, lag_ms);
            alarm::observe(state, self.received_at, cause, &mut self.applied.events);
        }
    }

    /// Everything that the report tells of is known: what holds now?
    fn settle(&mut self, state: &mut InverterState) {
        if let Some(lag_ms) = self.lag_ms.filter(|lag_ms| *lag_ms > LIVE_LAG_MS) {
            state.watch.reading(self.received_at, lag_ms);
        }
        let told = state.link.filter(|link| link.time == self.received_at).map(|link| link.silent_ms);
        // A reading that was just taken speaks for the line where nothing else does.
        let heard = self.lag_ms.filter(|lag_ms| *lag_ms <= LIVE_LAG_MS).map(|_| 0);
        if let Some(silent_ms) = told.or(heard) {
            state.watch.line(self.received_at, silent_ms);
        }
        alarm::observe(state, self.received_at, self.cause, &mut self.applied.events);
        let turned = self.applied.events.iter().any(|event| matches!(event.kind, EventKind::Alarm(_)));
        self.applied.live |= turned;
    }

    fn was(&mut self, turn: &Turn, time: UtcMs, cause: Cause) {
        let Some(condition) = Condition::from_code(turn.code) else { return };
        self.tell(time, cause, true, EventKind::Was { condition, holds: turn.holds });
    }

    fn event(&mut self, state: &mut InverterState, event: wire::Event) {
        // The gateway's own instant of an event is dated like a reading without a stated quality; its wall time is
        // only as good as its clock, so the age by uptime goes first where there is one.
        let said = Said {
            time: event.time,
            quality: wire::Quality::Aged,
            uptime_ms: event.uptime_ms,
            sent_uptime_ms: self.sent_uptime_ms,
        };
        let cause = Cause { boot: self.boot, sequence: event.sequence };
        let Some((time, _)) = self.take(state, &said, cause) else { return };
        let late = state.last_reading.is_some_and(|newest| time < newest);
        match event.kind {
            Told::Button { boot, count, age_ms } => {
                let held_ms = said.sent_uptime_ms.zip(said.uptime_ms);
                let held_ms = held_ms.and_then(|(sent, noticed)| sent.checked_sub(noticed));
                let pressed = Pressed { boot, count, age_ms, held_ms, received_at: self.received_at };
                self.applied.pairings.extend(state.pairing.press(&pressed));
                self.button(state, cause, boot, count, age_ms);
            }
            Told::Test { count, test, result, started, length_s, end_voltage } => {
                let (kind, result) = (test.name().to_owned(), result.name().to_owned());
                let told = TestRecord { count, kind, result, started, length_s, end_voltage, told: time };
                self.test(state, cause, told, late);
            }
            Told::Gap { count, from, to, .. } => {
                state.counters.lost_by_gateway = state.counters.lost_by_gateway.saturating_add(count);
                state.data_gap = state.data_gap.max(Some(self.received_at));
                self.tell(time, cause, late, EventKind::Gap { count, from, to });
            }
            Told::WrongInverter { found } => {
                if !late {
                    let since = state.wrong_inverter.take().map_or(time, |wrong| wrong.since);
                    state.wrong_inverter = Some(WrongInverter { found: found.clone(), since });
                }
                self.tell(time, cause, late, EventKind::WrongInverter { found });
            }
            Told::Other(name) => self.tell(time, cause, late, EventKind::Other(name)),
        }
        self.applied.live |= !late;
    }

    /// Decision 19: the instant of a press is received − age; the age includes the gateway's holding time.
    fn button(
        &mut self,
        state: &mut InverterState,
        cause: Cause,
        boot: Option<u64>,
        count: u64,
        age_ms: u64,
    ) {
        let time = self.received_at.plus_ms(i64::try_from(age_ms).unwrap_or(i64::MAX).saturating_neg());
        let known = state.button.is_some_and(|press| press.boot == boot && press.count == count);
        if known {
            return;
        }
        let late = state.button.is_some_and(|press| time < press.time);
        if !late {
            state.button = Some(Press { boot, count, time });
        }
        self.tell(time, cause, late, EventKind::Button { boot, count });
    }

    fn test(&mut self, state: &mut InverterState, cause: Cause, told: TestRecord, late: bool) {
        let newer = state.test.as_ref().is_none_or(|known| told.told >= known.told);
        let time = told.told;
        if late {
            discharge::told(state, &told);
        }
        if newer {
            let anew =
                state.test.as_ref().is_none_or(|known| known.count != told.count || !known.in_progress());
            state.watch.test(told.in_progress(), anew, self.received_at);
            state.test = Some(told.clone());
            state.last_change = state.last_change.max(Some(time));
        }
        self.tell(time, cause, late && !newer, EventKind::Test(told));
    }

    fn tell(&mut self, time: UtcMs, cause: Cause, late: bool, kind: EventKind) {
        self.applied.events.push(Event { time, received_at: self.received_at, cause, late, kind });
    }
}

fn take_link(state: &mut InverterState, counts: LinkCounts, time: UtcMs) {
    if state.link.is_none_or(|known| known.time <= time) {
        let LinkCounts { frames_good, frames_bad, silent_ms } = counts;
        state.link = Some(Link { frames_good, frames_bad, silent_ms, time });
    }
}

/// Notes whether the battery feeds the load because utility power is lost, and tells if that changed.
pub(crate) fn battery(state: &mut InverterState, time: UtcMs, cause: Cause, events: &mut Vec<Event>) {
    let now = state.alarms.time();
    let kind = match (state.on_battery_since, on_battery(state, time.max(now))) {
        (None, true) => {
            state.on_battery_since = Some(time);
            EventKind::OnBattery
        }
        (Some(since), false) => {
            state.on_battery_since = None;
            EventKind::OffBattery { since }
        }
        _ => return,
    };
    events.push(Event { time, received_at: now, cause, late: false, kind });
}

/// Utility power is lost, or too bad to use, and the battery feeds the load. A self-test with the line present is not
/// that; a real outage within a test is, by whatever the inverter lets see of it. When utility power is back the battery feeds
/// on for some seconds, until the inverter trusts it: that is the outage's end, and no test.
fn on_battery(state: &InverterState, now: UtcMs) -> bool {
    let lost = state.condition(Own::UTILITY_LOST);
    let (battery, line) = (state.flag(Flag::BatteryPower), state.flag(Flag::LinePresent));
    let bad = [Own::INPUT_LOW, Own::INPUT_HIGH].iter().any(|own| state.condition(*own) == Some(true));
    let voltage = state.value(Quantity::INPUT_VOLTAGE).filter(|(_, time)| Some(*time) == state.last_reading);
    let dead = line.is_none() && voltage.is_some_and(|(volts, _)| volts < DEAD_LINE);
    let only_battery_told = battery == Some(true) && line.is_none() && lost.is_none();
    let feeds_on = state.on_battery_since.is_some() && battery == Some(true) && line.is_some();
    lost == Some(true)
        || feeds_on
        || (line == Some(false) && battery != Some(false))
        || (battery == Some(true) && (bad || dead))
        || (only_battery_told && !state.testing(now))
}

fn busy(state: &InverterState, time: UtcMs) -> bool {
    let after_change = |change: UtcMs| time.since(change).saturating_abs() <= cadence::AFTER_CHANGE_MS;
    state.on_battery_since.is_some() || state.testing(time) || state.last_change.is_some_and(after_change)
}

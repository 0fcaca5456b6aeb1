//! An inverter with its gateway's numbering, the cloud's clock, and an owner that looks at it when something is due.

use fleet::alarm::{self, AlarmTurn, Turned};
use fleet::{Act, Condition, Event, EventKind, InverterState, apply};
use wire::report::EventKind as Told;
use wire::{BootId, Flag, LinkCounts, Quality, Quantity, Reading, Report, TestKind, TestResult, UtcMs};

pub const T0: UtcMs = UtcMs(1_800_000_000_000);
pub const BOOT: BootId = BootId([1; 16]);
pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;

pub struct Rig {
    pub state: InverterState,
    pub now: UtcMs,
    pub boot: BootId,
    sequence: u64,
    /// Everything that happened since it was last taken.
    events: Vec<Event>,
}

impl Rig {
    pub fn new() -> Self {
        let (state, events) = (InverterState::default(), Vec::new());
        Self { state, now: T0, boot: BOOT, sequence: 0, events }
    }

    /// Time passes, and what is due is done when it is due, as the server does it.
    pub fn pass(&mut self, ms: i64) -> &mut Self {
        let end = self.now.plus_ms(ms);
        while let Some(due) = alarm::due(&self.state).filter(|due| *due <= end) {
            assert!(due > self.now || alarm::due(&self.state) != Some(self.now), "it is due again and again");
            self.now = due.max(self.now);
            self.events.extend(alarm::pass(&mut self.state, self.now));
        }
        self.now = end;
        self
    }

    /// A reading of an inverter that is well, but for the edit, taken now.
    pub fn reading(&mut self, edit: impl FnOnce(&mut Reading)) -> &mut Self {
        let reading = self.make(edit);
        self.report(Report { boot: Some(self.boot), readings: vec![reading], ..Report::default() })
    }

    pub fn make(&mut self, edit: impl FnOnce(&mut Reading)) -> Reading {
        self.sequence += 1;
        let mut reading = Reading {
            sequence: Some(self.sequence),
            time: Some(self.now),
            quality: Quality::Synchronised,
            ..Reading::default()
        };
        reading.sample.flags.set(Flag::LinePresent, true);
        reading.sample.flags.set(Flag::BatteryPower, false);
        reading.sample.conditions = wire::Conditions::all_clear();
        reading.sample.quantities.set(Quantity::BATTERY_RUNTIME, 100 * 60);
        edit(&mut reading);
        reading
    }

    pub fn event(&mut self, kind: Told) -> &mut Self {
        self.sequence += 1;
        let event =
            wire::Event { sequence: Some(self.sequence), uptime_ms: None, time: Some(self.now), kind };
        self.report(Report { boot: Some(self.boot), events: vec![event], ..Report::default() })
    }

    pub fn report(&mut self, report: Report) -> &mut Self {
        self.events.extend(apply(&mut self.state, report, self.now).events);
        self
    }

    pub fn heartbeat(&mut self, silent_ms: Option<u64>) -> &mut Self {
        let link = silent_ms.map(|silent_ms| LinkCounts { frames_good: 1, frames_bad: 0, silent_ms });
        self.report(Report { boot: Some(self.boot), link, ..Report::default() })
    }

    pub fn test(&mut self, test: TestKind, result: TestResult) -> &mut Self {
        self.event(Told::Test { count: 1, test, result, started: None, length_s: None, end_voltage: None })
    }

    /// Reports each ten seconds for that long.
    pub fn well_for(&mut self, ms: i64) -> &mut Self {
        for _ in 0..ms / 10_000 {
            self.reading(|_| {}).pass(10_000);
        }
        self
    }

    pub fn act(&mut self, act: Act) -> &mut Self {
        self.events.extend(alarm::act(&mut self.state, act, self.now));
        self
    }

    /// The cloud is away for that long and comes back; a snapshot is all that is left of it.
    pub fn cloud_away(&mut self, ms: i64) -> &mut Self {
        self.state = InverterState::from_snapshot(&self.state.to_snapshot()).unwrap();
        self.now = self.now.plus_ms(ms);
        alarm::resumed(&mut self.state, ms);
        self
    }

    pub fn take(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// `raised utility.lost` and so on, since it was last asked.
    pub fn turns(&mut self) -> Vec<String> {
        let turn = |event: Event| match event.kind {
            EventKind::Alarm(AlarmTurn { alarm, what }) => Some(format!("{} {}", what.name(), alarm.key)),
            _ => None,
        };
        self.take().into_iter().filter_map(turn).collect()
    }

    /// The turns of one condition with when they were told, since it was last asked; others are dropped.
    pub fn told(&mut self, condition: Condition) -> Vec<(&'static str, i64)> {
        let turn = |event: &Event| match &event.kind {
            EventKind::Alarm(turn) if turn.alarm.key.condition == condition => {
                Some((turn.what.name(), event.received_at.since(T0)))
            }
            _ => None,
        };
        self.take().iter().filter_map(turn).collect()
    }

    /// The newest alarm that is open.
    pub fn open(&self) -> Vec<String> {
        self.state.open_alarms().map(|open| open.name.key.to_string()).collect()
    }
}

pub fn outage(reading: &mut Reading) {
    reading.sample.flags.set(Flag::LinePresent, false);
    reading.sample.flags.set(Flag::BatteryPower, true);
    reading.sample.conditions.set(wire::Condition::UTILITY_LOST, true);
}

/// How many turns a person could be told of.
pub fn messages(events: &[Event]) -> usize {
    let told = |event: &&Event| match &event.kind {
        EventKind::Alarm(turn) => match turn.what {
            Turned::Raised { quiet, .. } | Turned::Cleared { quiet, .. } => !quiet,
            Turned::Unstable | Turned::Returned => true,
            _ => false,
        },
        _ => false,
    };
    events.iter().filter(told).count()
}

//! Alarms against a second opinion: a model that knows no deadlines and walks through time second by second.
//!
//! Random reports, silences, duplicates, late data, restarts and ticks; the machine and the model must tell the same turns at
//! the same instants.

use std::collections::BTreeMap;

use fleet::alarm::{self, AlarmTurn, Severities, Turned};
use fleet::condition::Severity;
use fleet::{Act, Condition, Event, EventKind, InverterState, apply};
use proptest::prelude::*;
use wire::{Condition as Own, Conditions, Quality, Reading, Report, UtcMs};

use crate::alarm_rig::{BOOT, T0};

/// Condition, raise delay, clear delay, seconds: written down here a second time on purpose.
const KEYS: [(Own, i64, i64); 3] =
    [(Own::UTILITY_LOST, 0, 5), (Own::AMBIENT_HIGH, 60, 60), (Own::INPUT_LOW, 10, 60)];
const OFFLINE: &str = "link.gateway_offline";
const SILENT: &str = "link.serial_silent";
const OFFLINE_S: i64 = 900;
const SILENT_S: i64 = 60;
const UNSTABLE_S: i64 = 1_800;
const LEAK_S: i64 = 1_800;

/// What comes to the journal, and how many seconds after what came before it.
#[derive(Clone, Debug)]
enum Step {
    /// A reading with these conditions.
    Reading([bool; 3]),
    /// What was sent last, sent again.
    Again,
    /// An hour old.
    Late([bool; 3]),
    Tick,
    /// Somebody says how much each matters: it changes nothing of what is told when.
    Grade([Severity; 3]),
    /// The cloud was away all that time, and has a snapshot only.
    Restart,
}

/// What was told: name, key, second.
type Told = (String, String, i64);

fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let wait = prop_oneof![
        6 => 1_i64..8,
        4 => 8_i64..75,
        2 => 200_i64..1_000,
        1 => 890_i64..910,
        1 => 1_500_i64..8_000,
    ];
    let levels = || prop::array::uniform3(prop::bool::weighted(0.4));
    let step = prop_oneof![
        10 => levels().prop_map(Step::Reading),
        1 => Just(Step::Again),
        1 => levels().prop_map(Step::Late),
        2 => Just(Step::Tick),
        2 => prop::array::uniform3(prop::sample::select(&[Severity::Warning, Severity::Critical][..]))
            .prop_map(Step::Grade),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec((wait, step), 1..70)
}

/// The machine, fed as the server feeds it.
struct Machine {
    state: InverterState,
    now: UtcMs,
    sequence: u64,
    last: Option<Report>,
    events: Vec<Event>,
}

impl Machine {
    fn new() -> Self {
        Self { state: InverterState::default(), now: T0, sequence: 0, last: None, events: Vec::new() }
    }

    fn step(&mut self, wait: i64, step: &Step) {
        self.now = self.now.plus_ms(wait * 1_000);
        match step {
            Step::Reading(levels) => {
                let report = self.report(levels, self.now);
                self.last = Some(report.clone());
                self.apply(report);
            }
            Step::Again => {
                if let Some(report) = self.last.clone() {
                    self.apply(report);
                }
            }
            Step::Late(levels) => {
                // Late only where something newer is known.
                if self.last.is_some() {
                    let report = self.report(levels, self.now.plus_ms(-30 * 86_400_000 / 2));
                    self.apply(report);
                }
            }
            Step::Grade(all) => {
                let mut severities = Severities::default();
                for ((own, ..), severity) in KEYS.iter().zip(all) {
                    severities.set((*own).into(), *severity).unwrap();
                }
                let act = Act::Grade { severities };
                self.events.extend(alarm::act(&mut self.state, act, self.now));
            }
            Step::Tick => self.events.extend(alarm::pass(&mut self.state, self.now)),
            Step::Restart => {
                self.state = InverterState::from_snapshot(&self.state.to_snapshot()).unwrap();
                alarm::resumed(&mut self.state, wait * 1_000);
            }
        }
    }

    fn report(&mut self, levels: &[bool; 3], time: UtcMs) -> Report {
        self.sequence += 1;
        let mut conditions = Conditions::all_clear();
        for ((own, ..), holds) in KEYS.iter().zip(levels) {
            conditions.set(*own, *holds);
        }
        let mut reading = Reading {
            sequence: Some(self.sequence),
            time: Some(time),
            quality: Quality::Synchronised,
            ..Reading::default()
        };
        reading.sample.conditions = conditions;
        Report { boot: Some(BOOT), readings: vec![reading], ..Report::default() }
    }

    fn apply(&mut self, report: Report) {
        self.events.extend(apply(&mut self.state, report, self.now).events);
    }

    fn told(&self) -> Vec<Told> {
        let told = |event: &Event| match &event.kind {
            // Of contact that comes and goes the model knows nothing; a story tells of it.
            EventKind::Alarm(turn) if turn.alarm.key.condition == Condition::LINK_UNSTABLE => None,
            EventKind::Alarm(AlarmTurn { alarm, what }) => {
                let name = match what {
                    Turned::Raised { unstable: true, .. } => "raised unstable",
                    other => other.name(),
                };
                // An offline alarm is one millisecond past its second.
                Some((name.to_owned(), alarm.key.to_string(), event.received_at.since(T0) / 1_000))
            }
            _ => None,
        };
        let mut told: Vec<_> = self.events.iter().filter_map(told).collect();
        told.sort_by_key(|(_, key, second)| (*second, key.clone()));
        told
    }
}

/// One key of the model.
#[derive(Clone, Default)]
struct Model {
    holds: bool,
    raised: bool,
    unstable: bool,
    /// Watched seconds that it has held, or has been gone.
    seconds: i64,
    /// When it began to hold.
    since: i64,
    flaps: Bucket,
    blips: Bucket,
}

/// Leaks one each half hour while there is something in it.
#[derive(Clone, Default)]
struct Bucket {
    count: u32,
    seconds: i64,
}

impl Bucket {
    fn add(&mut self, most: u32) -> bool {
        if self.count == 0 {
            self.seconds = 0;
        }
        self.count = (self.count + 1).min(most);
        self.count == most
    }

    fn second(&mut self) {
        self.seconds += 1;
        if self.seconds % LEAK_S == 0 {
            self.count = self.count.saturating_sub(1);
        }
    }
}

#[derive(Default)]
struct Oracle {
    second: i64,
    keys: BTreeMap<String, (Model, i64, i64)>,
    /// Watched seconds without a report, and without a reading.
    silent_s: Option<i64>,
    unread_s: i64,
    known: bool,
    told: Vec<Told>,
}

impl Oracle {
    fn new() -> Self {
        let keys =
            KEYS.iter().map(|(own, raise, clear)| (own.to_string(), (Model::default(), *raise, *clear)));
        let others = [OFFLINE, SILENT].map(|key| (key.to_owned(), (Model::default(), 0, 0)));
        Self { keys: keys.chain(others).collect(), ..Self::default() }
    }

    fn step(&mut self, wait: i64, step: &Step) {
        for _ in 0..wait {
            self.second += 1;
            let watched = !matches!(step, Step::Restart);
            self.leak();
            if watched {
                self.walk();
            }
        }
        match step {
            Step::Reading(levels) => {
                (self.silent_s, self.unread_s, self.known) = (Some(0), 0, true);
                self.see(OFFLINE, false);
                self.see(SILENT, false);
                for ((own, ..), holds) in KEYS.iter().zip(levels) {
                    self.see(&own.to_string(), *holds);
                }
            }
            Step::Again | Step::Late(_) if self.known => {
                self.silent_s = Some(0);
                self.see(OFFLINE, false);
                self.see(SILENT, self.unread_s > OFFLINE_S);
            }
            Step::Again | Step::Late(_) | Step::Tick | Step::Grade(_) | Step::Restart => {}
        }
    }

    fn leak(&mut self) {
        for (model, ..) in self.keys.values_mut() {
            model.flaps.second();
            model.blips.second();
        }
    }

    /// A watched second goes by.
    fn walk(&mut self) {
        // The deadline is a millisecond after its second: a report in that very second comes first.
        self.silent_s = self.silent_s.map(|silent| silent + 1);
        if self.silent_s == Some(OFFLINE_S + 1) {
            self.second -= 1;
            self.see(OFFLINE, true);
            self.second += 1;
        }
        self.unread_s += i64::from(self.known);
        let spoke_on = self.silent_s.is_some_and(|silent| self.unread_s - silent >= SILENT_S);
        if self.unread_s == OFFLINE_S + 1 && spoke_on {
            self.second -= 1;
            self.see(SILENT, true);
            self.second += 1;
        }
        let second = self.second;
        for (key, (model, raise_s, clear_s)) in &mut self.keys {
            model.seconds += 1;
            let clear_s = if model.unstable { UNSTABLE_S } else { *clear_s };
            if model.holds && !model.raised && model.seconds >= *raise_s {
                model.raise(key, second, false, &mut self.told);
            } else if !model.holds && model.raised && model.seconds >= clear_s {
                (model.raised, model.unstable) = (false, false);
                self.told.push(("cleared".into(), key.clone(), second));
            }
        }
    }

    fn see(&mut self, key: &str, holds: bool) {
        let second = self.second;
        let Some((model, raise_s, clear_s)) = self.keys.get_mut(key) else { return };
        if model.holds == holds {
            // A reading vouches for all the time since it began, watched or not.
            model.seconds = if holds { second - model.since } else { model.seconds };
            if holds && !model.raised && model.seconds >= *raise_s {
                model.raise(key, second, false, &mut self.told);
            }
            return;
        }
        (model.holds, model.seconds, model.since) = (holds, 0, second);
        if !holds {
            if model.raised && *clear_s == 0 && !model.unstable {
                model.raised = false;
                self.told.push(("cleared".into(), key.to_owned(), second));
            }
            return;
        }
        if model.raised {
            if model.flaps.add(3) && !model.unstable {
                model.unstable = true;
                self.told.push(("unstable".into(), key.to_owned(), second));
            }
            return;
        }
        let restless = model.blips.add(10);
        if *raise_s == 0 || restless {
            model.raise(key, second, restless, &mut self.told);
        }
    }

    fn told(mut self) -> Vec<Told> {
        self.told.sort_by_key(|(_, key, second)| (*second, key.clone()));
        self.told
    }
}

impl Model {
    fn raise(&mut self, key: &str, second: i64, restless: bool, told: &mut Vec<Told>) {
        (self.raised, self.unstable) = (true, self.flaps.add(3) || restless);
        let name = if self.unstable { "raised unstable" } else { "raised" };
        told.push((name.to_owned(), key.to_owned(), second));
    }
}

fn machine(steps: &[(i64, Step)]) -> Machine {
    let mut machine = Machine::new();
    steps.iter().for_each(|(wait, step)| machine.step(*wait, step));
    machine
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_machine_tells_what_the_model_tells_and_when(mut steps in steps()) {
        // Both have told all when an hour is over.
        steps.push((3_600, Step::Tick));
        let mut oracle = Oracle::new();
        steps.iter().for_each(|(wait, step)| oracle.step(*wait, step));
        prop_assert_eq!(machine(&steps).told(), oracle.told());
    }

    #[test]
    fn one_open_alarm_a_key_and_a_clear_follows_its_raise(steps in steps()) {
        let mut open = BTreeMap::new();
        let machine = machine(&steps);
        let mut names = std::collections::BTreeSet::new();
        for event in &machine.events {
            let EventKind::Alarm(AlarmTurn { alarm, what }) = &event.kind else { continue };
            match what {
                Turned::Raised { .. } => {
                    prop_assert!(open.insert(alarm.key.clone(), alarm.clone()).is_none(), "two open: {}", alarm);
                    prop_assert!(names.insert(event.key()), "a name twice: {}", event.key());
                }
                Turned::Cleared { .. } => prop_assert_eq!(open.remove(&alarm.key), Some(alarm.clone())),
                _ => prop_assert_eq!(open.get(&alarm.key), Some(alarm)),
            }
        }
        let still: Vec<_> = machine.state.open_alarms().map(|open| open.name).collect();
        prop_assert_eq!(still, open.into_values().collect::<Vec<_>>());
    }
}

proptest! {
    // A tick each second of hours.
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn how_often_the_clock_is_looked_at_changes_nothing(steps in steps()) {
        let (mut often, seldom) = (Machine::new(), machine(&steps));
        for (wait, step) in &steps {
            // A restart is as long as it is; there are no ticks in it.
            let ticks = if matches!(step, Step::Restart) { 0 } else { wait - 1 };
            (0..ticks).for_each(|_| often.step(1, &Step::Tick));
            often.step(wait - ticks, step);
        }
        prop_assert_eq!(&often.events, &seldom.events);
        let again = InverterState::from_snapshot(&often.state.to_snapshot()).unwrap();
        prop_assert_eq!(again, often.state);
    }
}

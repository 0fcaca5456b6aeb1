//! A few situations that people meet, end to end through `apply` and `screen`.

use fleet::screen::{DEFAULT_REQUIRED_MINUTES, LIVE_MS, OFFLINE_MS};
use fleet::{Condition, EventKind, Freshness, InverterState, Ready, ScreenState, apply, screen};
use wire::report::EventKind as Told;
use wire::{
    BootId, Condition as Own, Event, Flag, LinkCounts, Quality, Quantity, Reading, Report, TestKind,
    TestResult, UtcMs,
};

const T0: UtcMs = UtcMs(1_800_000_000_000);
const BOOT: BootId = BootId([1; 16]);

/// An inverter, its gateway's numbering, and the cloud's clock.
struct Rig {
    state: InverterState,
    now: UtcMs,
    sequence: u64,
}

impl Rig {
    fn new() -> Self {
        Self { state: InverterState::default(), now: T0, sequence: 0 }
    }

    fn pass(&mut self, ms: i64) -> &mut Self {
        self.now = self.now.plus_ms(ms);
        self
    }

    fn reading(&mut self, edit: impl FnOnce(&mut Reading)) -> Vec<fleet::Event> {
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
        self.report(Report { boot: Some(BOOT), readings: vec![reading], ..Report::default() })
    }

    fn event(&mut self, kind: Told) -> Vec<fleet::Event> {
        self.sequence += 1;
        let event = Event { sequence: Some(self.sequence), uptime_ms: None, time: Some(self.now), kind };
        self.report(Report { boot: Some(BOOT), events: vec![event], ..Report::default() })
    }

    fn report(&mut self, report: Report) -> Vec<fleet::Event> {
        apply(&mut self.state, report, self.now).events
    }

    fn test(&mut self, result: TestResult) -> Vec<fleet::Event> {
        let test = TestKind::Monthly;
        self.event(Told::Test { count: 1, test, result, started: None, length_s: None, end_voltage: None })
    }

    fn check(&self, state: ScreenState, ready: Ready) -> fleet::Screen {
        let shown = screen(&self.state, DEFAULT_REQUIRED_MINUTES, self.now);
        assert_eq!((shown.state, shown.ready), (state, ready), "{shown:?}");
        shown
    }
}

fn outage(reading: &mut Reading) {
    reading.sample.flags.set(Flag::LinePresent, false);
    reading.sample.flags.set(Flag::BatteryPower, true);
    reading.sample.conditions.set(Own::UTILITY_LOST, true);
}

#[test]
fn normal_late_offline_by_age_alone() {
    let mut rig = Rig::new();
    assert_eq!(rig.check(ScreenState::Offline, Ready::No).freshness, Freshness::Offline, "nothing yet");
    rig.reading(|_| {});
    assert_eq!(rig.check(ScreenState::Normal, Ready::Yes).would_hold_minutes, Some(100));
    assert_eq!(rig.pass(LIVE_MS - 1).check(ScreenState::Normal, Ready::Yes).freshness, Freshness::Live);
    assert_eq!(rig.pass(1).check(ScreenState::Normal, Ready::Yes).freshness, Freshness::Late);
    assert_eq!(
        rig.pass(OFFLINE_MS - LIVE_MS).check(ScreenState::Normal, Ready::Yes).freshness,
        Freshness::Late
    );
    assert_eq!(rig.pass(1).check(ScreenState::Offline, Ready::No).freshness, Freshness::Offline);
}

#[test]
fn an_outage_is_on_battery_since_its_first_reading_even_after_contact_is_lost() {
    let mut rig = Rig::new();
    rig.reading(|_| {});
    rig.pass(1_000);
    let events = rig.reading(outage);
    let kinds: Vec<_> = events.iter().map(|e| e.kind.name()).collect();
    assert_eq!(kinds, ["on_battery", "raised"]);
    let since = rig.now;
    rig.pass(5_000).reading(outage);
    rig.pass(OFFLINE_MS + 1);
    let shown = rig.check(ScreenState::OnBattery, Ready::No);
    assert_eq!((shown.on_battery_since, shown.freshness), (Some(since), Freshness::Offline));
    assert_eq!(shown.holds_until, Some(since.plus_ms(5_000 + 100 * 60_000)));
    let events = rig.reading(|_| {});
    assert!(events.iter().any(|e| e.kind == EventKind::OffBattery { since }), "{events:?}");
    rig.check(ScreenState::Normal, Ready::Yes);
}

#[test]
fn a_test_never_reads_as_an_outage_and_an_outage_in_a_test_is_never_hidden() {
    let mut rig = Rig::new();
    rig.reading(|_| {});
    rig.test(TestResult::InProgress);
    let events = rig.pass(1_000).reading(|r| r.sample.flags.set(Flag::BatteryPower, true));
    assert!(events.is_empty(), "{events:?}");
    rig.check(ScreenState::Testing, Ready::No);
    rig.pass(1_000).reading(outage);
    rig.check(ScreenState::OnBattery, Ready::No);
    rig.pass(1_000).reading(|_| {});
    rig.test(TestResult::Passed);
    rig.check(ScreenState::Normal, Ready::Yes);
    rig.test(TestResult::Failed);
    rig.check(ScreenState::Alarm, Ready::No);
}

#[test]
fn a_stream_without_line_presence_is_on_battery_by_its_flag_unless_a_test_runs() {
    let mut rig = Rig::new();
    let only_battery = |r: &mut Reading| {
        r.sample.flags = wire::Flags::default();
        r.sample.conditions = wire::Conditions::default();
        r.sample.flags.set(Flag::BatteryPower, true);
    };
    rig.reading(only_battery);
    rig.check(ScreenState::OnBattery, Ready::No);
    let mut rig = Rig::new();
    rig.test(TestResult::InProgress);
    rig.reading(only_battery);
    rig.check(ScreenState::Testing, Ready::No);
}

#[test]
fn an_unknown_runtime_is_not_ready_and_a_short_one_is_an_alarm() {
    let mut rig = Rig::new();
    rig.reading(|r| r.sample.quantities = wire::Quantities::new());
    assert_eq!(rig.check(ScreenState::Normal, Ready::Unknown).would_hold_minutes, None);
    rig.reading(|r| r.sample.quantities.set(Quantity::BATTERY_RUNTIME, 89 * 60 + 59));
    rig.check(ScreenState::Alarm, Ready::No);
    rig.reading(|r| r.sample.quantities.set(Quantity::BATTERY_RUNTIME, 90 * 60));
    rig.check(ScreenState::Normal, Ready::Yes);
}

#[test]
fn a_warning_can_be_ready_and_the_most_urgent_state_is_shown() {
    let mut rig = Rig::new();
    rig.reading(|r| r.sample.conditions.set(Own::AMBIENT_HIGH, true));
    rig.check(ScreenState::Warning, Ready::Yes);
    rig.pass(1_000).reading(|r| {
        r.sample.conditions.set(Own::AMBIENT_HIGH, true);
        r.sample.conditions.set(Own::CHARGER_FAULT, true);
    });
    let shown = rig.check(ScreenState::Alarm, Ready::No);
    let active: Vec<_> = shown.active.iter().map(|a| (a.condition, a.since)).collect();
    assert_eq!(active, [(Condition::CHARGER_FAULT, rig.now), (Condition::AMBIENT_HIGH, T0)]);
}

#[test]
fn a_silent_serial_line_is_not_a_silent_gateway() {
    let mut rig = Rig::new();
    rig.reading(|_| {});
    rig.pass(61_000);
    let link = LinkCounts { frames_good: 1, frames_bad: 0, silent_ms: 61_000 };
    rig.report(Report { boot: Some(BOOT), link: Some(link), ..Report::default() });
    let shown = rig.check(ScreenState::Warning, Ready::Yes);
    assert_eq!(shown.active.first().map(|a| a.condition), Some(Condition::SERIAL_SILENT));
}

#[test]
fn the_wrong_inverter_is_told_until_the_right_one_is_back() {
    let mut rig = Rig::new();
    rig.event(Told::WrongInverter { found: "HQ-9999".to_owned() });
    let shown = screen(&rig.state, 90, rig.now);
    assert!(shown.active.iter().any(|a| a.condition == Condition::WRONG_INVERTER));
    rig.pass(1_000).reading(|_| {});
    rig.check(ScreenState::Normal, Ready::Yes);
}

#[test]
fn a_clock_ahead_is_dated_by_arrival_and_told_once_per_report() {
    let mut rig = Rig::new();
    let ahead = rig.now.plus_ms(3_600_000);
    let readings = (1..4).map(|n| Reading {
        sequence: Some(n),
        time: Some(ahead.plus_ms(i64::try_from(n).unwrap())),
        quality: Quality::Synchronised,
        ..Reading::default()
    });
    let report = Report { boot: Some(BOOT), readings: readings.collect(), ..Report::default() };
    let applied = apply(&mut rig.state, report, rig.now);
    assert!(applied.stored.iter().all(|r| r.time == rig.now && r.reported_time.is_some()));
    let jumps = applied.events.iter().filter(|e| matches!(e.kind, EventKind::ClockJump { .. })).count();
    assert_eq!((jumps, rig.state.counters.future), (1, 3));
}

#[test]
fn older_than_thirty_days_is_dropped_and_counted() {
    let mut rig = Rig::new();
    rig.pass(0);
    let old = rig.now.plus_ms(-31 * 86_400_000);
    rig.reading(|r| r.time = Some(old));
    assert_eq!((rig.state.counters.too_old, rig.state.counters.stored, rig.state.last_reading), (1, 0, None));
}

#[test]
fn a_press_is_named_by_boot_and_count_and_dated_by_its_age() {
    let mut rig = Rig::new();
    let press = |count, age_ms| Told::Button { boot: Some(3), count, age_ms };
    assert_eq!(rig.event(press(1, 2_000)).len(), 1);
    assert_eq!(rig.state.button.map(|p| p.time), Some(T0.plus_ms(-2_000)));
    assert!(rig.pass(1_000).event(press(1, 3_000)).is_empty(), "the same press, told again");
    assert_eq!(rig.event(press(2, 0)).len(), 1);
}

#[test]
fn event_keys_name_the_record_and_differ_within_it() {
    let mut rig = Rig::new();
    let events = rig.reading(|r| {
        outage(r);
        r.sample.conditions.set(Own::BATTERY_LOW, true);
    });
    let mut keys: Vec<_> = events.iter().map(fleet::Event::key).collect();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().any(|key| key == &format!("raised/utility.lost/{BOOT}/1")), "{keys:?}");
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 3);
}

#[test]
fn unnumbered_readings_each_second_are_thinned_but_not_on_battery() {
    let mut state = InverterState::default();
    let mut stored = 0;
    let mut send = |n: i64, battery: bool, stored: &mut usize| {
        let mut reading = Reading::default();
        reading.sample.flags.set(Flag::LinePresent, !battery);
        reading.sample.flags.set(Flag::BatteryPower, battery);
        let report = Report { readings: vec![reading], ..Report::default() };
        *stored += apply(&mut state, report, T0.plus_ms(n * 1_000)).stored.len();
    };
    (0..3_600).for_each(|n| send(n, false, &mut stored));
    assert!((360..=480).contains(&stored), "{stored}");
    let before = stored;
    (3_600..4_600).for_each(|n| send(n, true, &mut stored));
    assert_eq!(stored - before, 1_000);
}

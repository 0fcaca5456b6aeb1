//! What people complain of in alarm systems, each as a story that must not come true here.

use fleet::alarm::{AlarmName, Limit, Severities, Side, UNSTABLE_CLEAR_MS, Window};
use fleet::condition::Severity;
use fleet::{AccountKey, Act, Condition, EventKind, ScreenState, apply, screen};
use wire::report::EventKind as Told;
use wire::{Condition as Own, Flag, Quality, Quantity, Reading, Report, TestKind, TestResult};

use crate::alarm_rig::{BOOT, HOUR, MINUTE, Rig, T0, messages, outage};

const DANA: AccountKey = AccountKey(7);

/// The one open alarm.
fn only(rig: &Rig) -> AlarmName {
    let open: Vec<_> = rig.state.open_alarms().collect();
    assert_eq!(open.len(), 1, "{open:?}");
    open[0].name.clone()
}

#[test]
fn offline_is_told_after_its_delay_and_not_19_000_seconds_late() {
    let mut rig = Rig::new();
    rig.well_for(HOUR).pass(19_000_000);
    let last = HOUR - 10_000;
    assert_eq!(rig.told(Condition::GATEWAY_OFFLINE), [("raised", last + 15 * MINUTE + 1)]);
    let open: Vec<_> = rig.state.open_alarms().collect();
    assert_eq!((open.len(), open[0].name.since), (1, T0.plus_ms(last)));
}

#[test]
fn offline_does_not_stay_after_the_inverter_is_back() {
    let mut rig = Rig::new();
    // The report comes in the very millisecond of the deadline, one before it, one after it.
    for (late, turns) in [(0, 0), (1, 2), (2, 2)] {
        rig.reading(|_| {}).pass(15 * MINUTE + late).reading(|_| {}).pass(MINUTE);
        let told = rig.told(Condition::GATEWAY_OFFLINE);
        assert_eq!(told.len(), turns, "{late}: {told:?}");
        assert!(rig.open().is_empty(), "{late}");
    }
}

#[test]
fn a_gateway_that_lives_does_not_hide_a_dead_inverter() {
    let mut rig = Rig::new();
    rig.well_for(MINUTE).turns();
    for beat in 1..=12_u64 {
        rig.heartbeat(Some(beat * 10_000)).pass(10_000);
    }
    assert_eq!(rig.turns(), ["raised link.serial_silent"]);
    assert_eq!(screen(&rig.state, 90, rig.now).state, ScreenState::Warning);
    rig.reading(|_| {}).heartbeat(Some(0));
    assert_eq!(rig.turns(), ["cleared link.serial_silent"]);
    // A gateway that says nothing of its line: no reading for as long as it takes to be offline.
    let mut rig = Rig::new();
    rig.reading(|_| {});
    for _ in 0..100 {
        rig.pass(10_000).heartbeat(None);
    }
    assert_eq!(rig.told(Condition::SERIAL_SILENT), [("raised", 15 * MINUTE + 1)]);
    assert_eq!(screen(&rig.state, 90, rig.now).state, ScreenState::Offline);
    assert_eq!(rig.open(), ["link.serial_silent"], "the gateway itself is not offline");
}

#[test]
fn a_silent_line_stays_told_over_a_restart_of_the_cloud() {
    let mut rig = Rig::new();
    rig.reading(|_| {}).pass(70_000).heartbeat(Some(70_000)).turns();
    rig.cloud_away(HOUR).pass(5_000).heartbeat(Some(HOUR.unsigned_abs() + 75_000));
    assert!(rig.turns().is_empty());
    assert_eq!(rig.open(), ["link.serial_silent"]);
}

#[test]
fn one_hertz_for_a_day_makes_few_messages_and_the_last_state_is_told() {
    for own in [Own::UTILITY_LOST, Own::CHARGER_FAULT, Own::AMBIENT_HIGH] {
        let mut rig = Rig::new();
        for second in 0..86_400 {
            rig.reading(|r| r.sample.conditions.set(own, second % 2 == 0)).pass(1_000);
        }
        let events = rig.take();
        assert!((1..=3).contains(&messages(&events)), "{own}: {}", messages(&events));
        assert_eq!(rig.open(), [own.to_string()], "it is open while it comes and goes");
        assert!(rig.state.open_alarms().all(|open| open.unstable));
        rig.well_for(UNSTABLE_CLEAR_MS + MINUTE);
        assert_eq!(rig.turns(), [format!("cleared {own}")]);
    }
}

#[test]
fn contact_that_comes_and_goes_for_four_hours_is_not_sixty_messages() {
    let mut rig = Rig::new();
    for _ in 0..4 * 60 / 16 {
        rig.well_for(30_000).pass(15 * MINUTE + 30_000);
    }
    let told = rig.turns();
    assert!(told.len() <= 9, "{told:?}");
    rig.well_for(UNSTABLE_CLEAR_MS + 90 * MINUTE);
    assert!(rig.open().is_empty(), "{:?}", rig.open());
    // A gateway that starts anew each minute, and is never long enough away to be offline.
    let mut rig = Rig::new();
    for start in 0..240_u8 {
        rig.boot = wire::BootId([start; 16]);
        rig.well_for(50_000).pass(10_000);
    }
    let events = rig.take();
    assert_eq!(messages(&events), 1);
    assert_eq!(rig.open(), ["link.unstable"]);
}

#[test]
fn a_self_test_is_no_outage_and_an_outage_in_it_is_not_hidden() {
    let mut rig = Rig::new();
    rig.reading(|_| {}).test(TestKind::Monthly, TestResult::InProgress);
    rig.pass(1_000).reading(|r| r.sample.flags.set(Flag::BatteryPower, true));
    assert_eq!(rig.turns(), ["raised test.running"]);
    rig.pass(5_000).reading(outage);
    assert_eq!(rig.turns(), ["raised utility.lost"]);
    rig.pass(5_000).reading(|_| {}).pass(10_000).test(TestKind::Monthly, TestResult::Passed);
    assert_eq!(rig.turns(), ["cleared utility.lost", "cleared test.running"]);
}

#[test]
fn a_test_that_nobody_tells_of_is_seen_by_its_flags() {
    let mut rig = Rig::new();
    rig.reading(|_| {}).pass(10_000).reading(|r| r.sample.flags.set(Flag::BatteryPower, true));
    assert_eq!(rig.turns(), ["raised test.running"]);
    assert_eq!(screen(&rig.state, 90, rig.now).state, ScreenState::Testing);
    // The same flags with utility power too bad to use are no test.
    rig.pass(10_000).reading(|r| {
        r.sample.flags.set(Flag::BatteryPower, true);
        r.sample.conditions.set(Own::INPUT_LOW, true);
    });
    assert_eq!(rig.turns(), ["cleared test.running", "raised utility.lost"]);
}

#[test]
fn an_outage_is_not_hidden_by_a_test_flag_that_is_stuck() {
    // A stream that tells of the battery only: while a test runs, that is the test.
    let only_battery = |battery: bool| {
        move |r: &mut Reading| {
            r.sample.flags = wire::Flags::default();
            r.sample.conditions = wire::Conditions::default();
            r.sample.flags.set(Flag::BatteryPower, battery);
        }
    };
    let mut rig = Rig::new();
    rig.reading(only_battery(false)).test(TestKind::Monthly, TestResult::InProgress).turns();
    rig.pass(10_000).reading(only_battery(true));
    assert!(rig.turns().is_empty());
    // It is told of again and again, which does not make it younger.
    for _ in 0..29 {
        rig.pass(MINUTE).test(TestKind::Monthly, TestResult::InProgress).reading(only_battery(true));
        assert!(rig.turns().is_empty());
    }
    rig.pass(MINUTE);
    assert_eq!(rig.turns(), ["cleared test.running", "raised utility.lost", "raised test.stuck"]);
    assert_eq!(screen(&rig.state, 90, rig.now).state, ScreenState::OnBattery);
    // An outage that the telemetry shows is seen at once.
    let mut rig = Rig::new();
    rig.reading(only_battery(false)).test(TestKind::Annual, TestResult::InProgress).turns();
    rig.pass(10_000).reading(|r| {
        only_battery(true)(r);
        r.sample.quantities.set(Quantity::INPUT_VOLTAGE, 12);
    });
    assert_eq!(rig.turns(), ["raised utility.lost"]);
}

#[test]
fn no_alarm_comes_of_the_clouds_own_absence() {
    let mut rig = Rig::new();
    rig.well_for(MINUTE).turns();
    rig.pass(10 * MINUTE).cloud_away(8 * HOUR).pass(4 * MINUTE).well_for(HOUR);
    assert!(rig.turns().is_empty());
    // What was silent before and stays silent is told of, by the time somebody watched.
    rig.pass(10 * MINUTE).cloud_away(HOUR).pass(HOUR);
    let last = rig.state.last_contact.unwrap().since(T0);
    assert_eq!(rig.told(Condition::GATEWAY_OFFLINE), [("raised", last + 15 * MINUTE + 1 + HOUR)]);
}

#[test]
fn a_clock_that_is_set_back_holds_up_no_alarm() {
    let mut rig = Rig::new();
    rig.well_for(MINUTE).turns();
    rig.cloud_away(-2 * HOUR).pass(15 * MINUTE + 2);
    assert_eq!(rig.turns(), ["raised link.gateway_offline"]);
}

#[test]
fn a_condition_is_raised_after_its_delay_and_cleared_after_its_delay() {
    let mut rig = Rig::new();
    let hot = |r: &mut Reading| r.sample.conditions.set(Own::AMBIENT_HIGH, true);
    rig.reading(hot).pass(59_999);
    assert!(rig.turns().is_empty());
    rig.pass(1);
    assert_eq!(rig.turns(), ["raised ambient.high"]);
    rig.reading(|_| {}).pass(59_999);
    assert!(rig.turns().is_empty());
    rig.pass(1);
    assert_eq!(rig.turns(), ["cleared ambient.high"]);
    // A report that tells of a whole minute has held for a minute.
    let begins = rig.make(hot);
    rig.pass(MINUTE);
    let ends = rig.make(hot);
    rig.report(Report { boot: Some(BOOT), readings: vec![begins, ends], ..Report::default() });
    assert_eq!(rig.turns(), ["raised ambient.high"]);
}

#[test]
fn a_day_of_back_history_pages_nobody() {
    // In order of time, as a publisher without two lanes sends it: an outage a day ago, then nothing, live now.
    let mut rig = Rig::new();
    let first = rig.now.plus_ms(-24 * HOUR);
    for part in 0..60_i64 {
        let readings = (0..144).map(|n| {
            let time = first.plus_ms((part * 144 + n) * 10_000);
            rig.make(|r| {
                r.time = Some(time);
                if (10..20).contains(&part) {
                    outage(r);
                }
            })
        });
        let readings = readings.collect();
        rig.report(Report { boot: Some(BOOT), readings, ..Report::default() }).pass(200);
    }
    rig.well_for(HOUR);
    let events = rig.take();
    assert_eq!(messages(&events), 0);
    assert!(events.iter().any(|event| event.kind == EventKind::OnBattery), "history knows it");
    // After the backlog, as gateways do it: late, and told as what was.
    let late = rig.make(|r| {
        r.time = Some(T0.plus_ms(-30 * HOUR));
        r.sample.conditions.set(Own::CHARGER_FAULT, true);
    });
    rig.report(Report { boot: Some(BOOT), readings: vec![late], ..Report::default() }).well_for(HOUR);
    assert_eq!(messages(&rig.take()), 0);
}

#[test]
fn a_backlog_that_ends_in_an_outage_is_told_when_it_is_over() {
    let mut rig = Rig::new();
    let readings = (0..100).map(|n| {
        let time = rig.now.plus_ms((n - 160) * 10_000);
        rig.make(|r| {
            r.time = Some(time);
            outage(r);
        })
    });
    let readings = readings.collect();
    rig.report(Report { boot: Some(BOOT), readings, ..Report::default() });
    assert!(rig.turns().is_empty());
    rig.pass(30_000);
    assert_eq!(rig.turns(), ["raised utility.lost"]);
}

#[test]
fn a_clock_of_1970_loses_no_reading_and_is_told() {
    let mut rig = Rig::new();
    for second in 0..100 {
        rig.reading(|r| r.time = Some(wire::UtcMs(second * 10_000))).pass(10_000);
    }
    assert_eq!(rig.turns(), ["raised clock.jump"]);
    assert_eq!((rig.state.counters.stored, rig.state.counters.too_old), (100, 0));
    assert_eq!(screen(&rig.state, 90, rig.now).state, ScreenState::Normal);
    rig.reading(outage);
    assert_eq!(rig.turns(), ["raised utility.lost"]);
    rig.pass(1_000).reading(|_| {}).well_for(2 * HOUR);
    assert_eq!(rig.turns(), ["cleared utility.lost", "cleared clock.jump"]);
}

#[test]
fn unknown_codes_are_shown_raw() {
    let mut rig = Rig::new();
    let codes = |r: &mut Reading| {
        r.sample.unknown = vec!["AR=0x4000".into(), "ERR=119".into(), "H24=17".into(), "AR=0x4000".into()];
    };
    rig.reading(codes);
    assert_eq!(rig.turns(), ["raised device.unknown_code:AR=0x4000", "raised device.unknown_code:ERR=119"]);
    let shown = screen(&rig.state, 90, rig.now);
    assert_eq!(shown.state, ScreenState::Normal);
    assert!(shown.active.iter().any(|a| a.raw.as_deref() == Some("AR=0x4000")));
    rig.pass(10_000).reading(codes).pass(10_000).reading(|_| {}).pass(MINUTE);
    assert_eq!(rig.turns().len(), 2);
    // A device that makes up a new one each second does not fill the memory.
    for n in 0..10_000 {
        rig.reading(|r| r.sample.unknown = vec![format!("AR=0x{n:04X}")]).pass(1_000);
    }
    assert!(rig.open().len() <= 16, "{}", rig.open().len());
    assert!(messages(&rig.take()) < 16 * 2 * 7, "in nearly three hours");
    assert!(rig.state.to_snapshot().len() < 3_000, "{}", rig.state.to_snapshot().len());
}

#[test]
fn lost_records_are_told_once_and_for_an_hour() {
    let mut rig = Rig::new();
    rig.reading(|_| {});
    for _ in 0..3 {
        let gap = Told::Gap { first_sequence: 5, last_sequence: 9, count: 5, from: None, to: None };
        rig.event(gap).pass(MINUTE);
    }
    assert_eq!(rig.turns(), ["raised data.gap"]);
    rig.well_for(2 * HOUR);
    assert_eq!(rig.turns(), ["cleared data.gap"]);
}

#[test]
fn a_value_that_is_no_longer_told_is_missed() {
    let mut rig = Rig::new();
    let with = |r: &mut Reading| r.sample.quantities.set(Quantity::BATTERY_VOLTAGE, 13_600);
    rig.reading(with).well_for(5 * MINUTE);
    assert!(rig.turns().is_empty());
    rig.well_for(MINUTE);
    assert_eq!(rig.turns(), ["raised data.stale"]);
    rig.reading(with);
    assert_eq!(rig.turns(), ["cleared data.stale"]);
}

#[test]
fn a_limit_has_two_levels_and_two_delays() {
    let mut rig = Rig::new();
    let limit = Limit {
        number: 3,
        quantity: Quantity::LOAD,
        side: Side::Above,
        raise: 80,
        clear: 70,
        raise_delay_ms: 30_000,
        clear_delay_ms: 20_000,
        severity: Severity::Critical,
    };
    rig.act(Act::SetLimit(limit));
    let load = |rig: &mut Rig, load: i64| {
        rig.reading(|r| r.sample.quantities.set(Quantity::LOAD, load)).pass(10_000);
    };
    [80, 81, 79, 81, 82].into_iter().for_each(|value| load(&mut rig, value));
    assert!(rig.turns().is_empty(), "never beyond for 30 s");
    [82, 81, 75, 71].into_iter().for_each(|value| load(&mut rig, value));
    assert_eq!(rig.turns(), ["raised limit.crossed:3"], "between the levels it stays what it is");
    assert_eq!(rig.state.open_alarms().next().unwrap().severity, Severity::Critical);
    [71, 71, 70, 71, 70, 70].into_iter().for_each(|value| load(&mut rig, value));
    assert_eq!(rig.turns(), ["cleared limit.crossed:3"]);
    rig.act(Act::SetLimit(Limit { raise: 60, clear: 50, raise_delay_ms: 0, ..limit }));
    assert_eq!(rig.turns(), ["raised limit.crossed:3"]);
    // It came three times: now it has to be gone for a while.
    rig.act(Act::RemoveLimit { number: 3 }).well_for(UNSTABLE_CLEAR_MS + MINUTE);
    assert!(rig.turns().contains(&"cleared limit.crossed:3".to_owned()));
}

#[test]
fn a_battery_that_charges_is_not_weak_and_has_a_day_for_it() {
    let short = |r: &mut Reading| {
        r.sample.quantities.set(Quantity::BATTERY_RUNTIME, 60 * 60);
        r.sample.flags.set(Flag::BatteryCharging, true);
    };
    let mut rig = Rig::new();
    rig.reading(outage).pass(10_000).reading(short).turns();
    assert_eq!(screen(&rig.state, 90, rig.now).ready, fleet::Ready::No);
    for _ in 0..60 * 24 - 1 {
        rig.pass(MINUTE).reading(short);
    }
    assert_eq!(rig.turns(), ["cleared utility.lost"]);
    for _ in 0..3 {
        rig.pass(MINUTE).reading(short);
    }
    assert_eq!(rig.turns(), ["cleared battery.recharging", "raised battery.weak"]);
}

#[test]
fn acknowledged_by_the_first_and_once() {
    let mut rig = Rig::new();
    rig.reading(outage);
    let alarm = only(&rig);
    let by = |account| Act::Acknowledge { alarm: alarm.clone(), account, note: "on it".to_owned() };
    rig.turns();
    rig.act(by(DANA)).act(by(AccountKey(8)));
    assert_eq!(rig.turns(), ["acknowledged utility.lost"]);
    assert_eq!(rig.state.open_alarms().next().unwrap().acknowledged.map(|a| a.by), Some(DANA));
    rig.pass(10_000).reading(|_| {}).pass(10_000).act(by(DANA));
    assert_eq!(rig.turns(), ["cleared utility.lost"], "the next one is another alarm");
    rig.reading(outage);
    assert_ne!(only(&rig), alarm);
    assert_eq!(rig.state.open_alarms().next().unwrap().acknowledged, None);
}

#[test]
fn a_shelf_has_an_end_and_no_critical_alarm_goes_there() {
    let mut rig = Rig::new();
    let high = |r: &mut Reading| r.sample.conditions.set(Own::INPUT_HIGH, true);
    rig.reading(high).pass(10_000).reading(high);
    assert_eq!(rig.turns(), ["raised input.high"]);
    let alarm = only(&rig);
    let shelve = |alarm: &AlarmName, until| Act::Shelve {
        alarm: alarm.clone(),
        account: DANA,
        until,
        reason: "the utility knows".to_owned(),
    };
    rig.act(shelve(&alarm, rig.now.plus_ms(8 * 24 * HOUR)));
    assert!(rig.turns().is_empty(), "longer than a week");
    let until = rig.now.plus_ms(8 * HOUR);
    rig.act(shelve(&alarm, until));
    assert_eq!(rig.turns(), ["shelved input.high"]);
    // It goes and comes again under its shelf: nobody is told.
    for _ in 0..6 {
        rig.pass(10 * MINUTE).reading(high);
    }
    rig.pass(10_000).reading(|_| {}).pass(2 * MINUTE).reading(high).pass(10_000).reading(high);
    let events = rig.take();
    assert_eq!((messages(&events), rig.open().len()), (0, 1));
    while rig.now < until {
        rig.pass(10 * MINUTE).reading(high);
    }
    assert_eq!(rig.turns(), ["returned input.high"]);
    rig.reading(outage);
    let outage = rig.state.open_alarms().find(|open| open.severity == Severity::Critical).unwrap().name;
    rig.turns();
    rig.act(shelve(&outage, rig.now.plus_ms(HOUR)));
    assert!(rig.turns().is_empty(), "on battery is never put away");
}

#[test]
fn a_window_ends_by_itself_and_what_still_holds_is_told_then() {
    let mut rig = Rig::new();
    let window = |rig: &Rig, tells_critical| Window {
        number: 1,
        from: rig.now,
        to: rig.now.plus_ms(HOUR),
        tells_critical,
        by: DANA,
        reason: "battery exchange".to_owned(),
    };
    let first = window(&rig, false);
    rig.act(Act::Maintain(first)).reading(outage).pass(10 * MINUTE).reading(|_| {}).pass(MINUTE);
    assert_eq!(messages(&rig.take()), 0, "recorded, not told");
    rig.reading(outage);
    let events = rig.take();
    assert_eq!(messages(&events), 0);
    for _ in 0..60 {
        rig.pass(MINUTE).reading(outage);
    }
    assert_eq!(rig.turns(), ["returned utility.lost"]);
    // What was acknowledged in the window is nobody's news after it; critical alarms can be left out of it.
    let mut rig = Rig::new();
    let second = window(&rig, false);
    rig.act(Act::Maintain(second)).reading(outage);
    let alarm = only(&rig);
    rig.act(Act::Acknowledge { alarm, account: DANA, note: String::new() }).pass(2 * HOUR);
    assert!(!rig.turns().iter().any(|turn| turn.ends_with("returned utility.lost")));
    let mut rig = Rig::new();
    let third = window(&rig, true);
    rig.act(Act::Maintain(third)).reading(outage);
    assert_eq!(messages(&rig.take()), 1);
    rig.act(Act::EndMaintenance { number: 1 });
    assert!(rig.state.rules.windows().iter().all(|window| window.to <= rig.now));
}

#[test]
fn a_report_sent_twice_tells_nothing_twice() {
    let mut rig = Rig::new();
    let reading = rig.make(outage);
    let report = Report { boot: Some(BOOT), readings: vec![reading], ..Report::default() };
    rig.report(report.clone()).turns();
    let before = rig.state.clone();
    for _ in 0..3 {
        let again = apply(&mut rig.state, report.clone(), rig.now);
        assert!(again.events.is_empty() && !again.live);
    }
    assert_eq!(rig.state.alarms, before.alarms);
    assert_eq!(Quality::Synchronised, report.readings[0].quality);
}

fn grade(rig: &mut Rig, condition: Condition, severity: Severity) {
    let mut severities = Severities::default();
    severities.set(condition, severity).unwrap();
    rig.act(Act::Grade { severities });
}

#[test]
fn an_alarm_keeps_the_severity_that_it_was_raised_with_and_the_next_has_the_new_one() {
    let mut rig = Rig::new();
    let hot = |reading: &mut Reading| reading.sample.conditions.set(Own::AMBIENT_HIGH, true);
    let severity = |rig: &Rig| {
        let open: Vec<_> = rig.state.open_alarms().map(|open| open.severity).collect();
        assert_eq!(open.len(), 1);
        open[0]
    };
    let key = fleet::alarm::Key::of(Condition::AMBIENT_HIGH);
    for _ in 0..8 {
        rig.reading(hot).pass(10_000);
    }
    assert_eq!(severity(&rig), Severity::Warning);
    grade(&mut rig, Condition::AMBIENT_HIGH, Severity::Critical);
    assert_eq!(severity(&rig), Severity::Warning, "whoever was told that it began is told of its end");
    assert_eq!(rig.turns(), ["raised ambient.high"], "and nothing is told twice");
    // It outlives a restart.
    rig.cloud_away(1_000);
    assert_eq!(severity(&rig), Severity::Warning);
    rig.well_for(2 * MINUTE);
    assert_eq!(rig.turns(), ["cleared ambient.high"]);
    assert_eq!(rig.state.alarms.severity(&key, &rig.state.rules), Severity::Warning, "its end, too");
    for _ in 0..8 {
        rig.reading(hot).pass(10_000);
    }
    assert_eq!(severity(&rig), Severity::Critical);
    // Taken back, everything is as usual again, from the next one on.
    rig.act(Act::Grade { severities: Severities::default() }).well_for(2 * MINUTE);
    for _ in 0..8 {
        rig.reading(hot).pass(10_000);
    }
    assert_eq!(severity(&rig), Severity::Warning);
}

#[test]
fn maintenance_that_tells_of_what_is_critical_goes_by_what_was_said() {
    let mut rig = Rig::new();
    rig.reading(|_| {});
    grade(&mut rig, Condition::CHARGER_FAULT, Severity::Warning);
    let window = Window {
        number: 1,
        from: rig.now,
        to: rig.now.plus_ms(HOUR),
        tells_critical: true,
        by: DANA,
        reason: String::new(),
    };
    rig.act(Act::Maintain(window));
    rig.reading(|reading| reading.sample.conditions.set(Own::CHARGER_FAULT, true));
    assert_eq!(messages(&rig.take()), 0, "no longer critical, it is kept quiet");
    rig.reading(|reading| reading.sample.conditions.set(Own::OUTPUT_FAULT, true));
    assert_eq!(messages(&rig.take()), 1);
}

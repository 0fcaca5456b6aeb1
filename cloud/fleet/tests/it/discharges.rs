//! Readiness, self-tests and outages in the living state: through `apply`, with what a gateway kept, over thirty days.

use fleet::readiness::{Kind, Protection, Why, outlook};
use fleet::record::Ending;
use fleet::self_test::{self, Grade, NFPA_101, SeenBy, grade};
use fleet::{Act, InverterState, Outage, Record, alarm};
use wire::{Flag, TestKind};

use crate::discharge_rig::{Cabinet, DAY_S};

const REQUIRED: u32 = 90;

fn outages(cabinet: &Cabinet) -> Vec<Outage> {
    let outage =
        |record: &Record| if let Record::Outage(outage) = record { Some(outage.clone()) } else { None };
    cabinet.records.iter().filter_map(outage).collect()
}

fn tests(cabinet: &Cabinet) -> Vec<self_test::Found> {
    let test = |record: &Record| if let Record::Test(test) = record { Some(test.clone()) } else { None };
    cabinet.records.iter().filter_map(test).collect()
}

fn annual(cabinet: &mut Cabinet) {
    cabinet.test(TestKind::Annual).play(5_460.0, 5.0).play(600.0, 10.0);
}

fn protection(cabinet: &Cabinet) -> Option<Protection> {
    outlook(&cabinet.state, REQUIRED, cabinet.now()).protection
}

#[test]
fn an_annual_test_gives_a_number_and_an_outage_counts_down_from_it_and_is_told_against_it() {
    let mut cabinet = Cabinet::new(|parameters| parameters.age_years = 10.0);
    let before = outlook(&cabinet.state, REQUIRED, cabinet.now());
    assert_eq!((before.protection, before.why), (Some(Protection::Unknown), Some(Why::NoTest)));
    annual(&mut cabinet);
    let found = tests(&cabinet);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(grade(&found[0], &NFPA_101, 5_400.0), Grade::Passed, "{found:?}");
    assert!(found[0].own.is_some());
    assert_eq!(cabinet.state.tests.annual(), Some(found[0].started));
    let charging = outlook(&cabinet.state, REQUIRED, cabinet.now());
    assert!(
        matches!(charging.protection, Some(Protection::Recharging { full_in_s: Some(_) })),
        "{charging:?}"
    );
    assert!(cabinet.open().contains(&"battery.recharging".to_owned()), "{:?}", cabinet.open());
    cabinet.play(1.5 * DAY_S, 30.0);
    let ready = outlook(&cabinet.state, REQUIRED, cabinet.now());
    assert_eq!(ready.protection, Some(Protection::Protected), "{ready:?}");
    assert!(!cabinet.open().contains(&"battery.recharging".to_owned()), "{:?}", cabinet.open());
    let said = ready.now.unwrap();
    assert_eq!(said.basis.evidence.kind, Kind::Annual);

    cabinet.mains(false).play(20.0 * 60.0, 5.0);
    assert_eq!(outlook(&cabinet.state, REQUIRED, cabinet.now()).protection, None, "the countdown says it");
    let (until, low, high) = cabinet.state.left.unwrap().until().unwrap();
    let left_s = until.since(cabinet.now()) as f64 / 1000.0;
    assert!((left_s - (said.seconds - 1_200.0)).abs() < 0.1 * said.seconds, "{left_s} of {said:?}");
    assert!(low < until && until < high);
    cabinet.mains(true).play(60.0, 1.0);
    assert_eq!(cabinet.state.left, None);
    let outage = outages(&cabinet).pop().unwrap();
    assert!((f64::from(outage.length_s) - 1_200.0).abs() < 40.0, "{outage:?}");
    let predicted = outage.predicted.unwrap();
    assert!((f64::from(predicted.runtime_s) - said.seconds).abs() < 0.05 * said.seconds, "{outage:?}");
    assert!(
        outage.ending() == Ending::Held
            && !outage.contact_lost
            && outage.recharged.is_none()
            && outage.lowest_v.is_some()
    );
    cabinet.play(DAY_S, 30.0);
    let again = outages(&cabinet);
    assert_eq!(again.len(), 1, "the same record, with more in it");
    assert!(again[0].recharged.is_some_and(|at| at > outage.started.plus_ms(1_200_000)), "{again:?}");
}

#[test]
fn an_outage_ends_when_the_inverter_goes_back_to_utility_power_and_its_end_is_no_test() {
    let mut cabinet = Cabinet::new(|_| {});
    cabinet.mains(false).play(120.0, 1.0).mains(true);
    let (mut waited_s, mut events) = (0, vec![]);
    while cabinet.state.on_battery_since.is_some() {
        cabinet.play(1.0, 1.0);
        waited_s += 1;
        assert_eq!(cabinet.state.test_since(cabinet.now()), None, "after {waited_s} s");
        assert!(waited_s < 60, "never back");
        events.push((cabinet.state.flag(Flag::LinePresent), cabinet.state.flag(Flag::BatteryPower)));
    }
    assert!(waited_s >= 3, "utility power is trusted after some seconds only");
    assert!(
        events.contains(&(Some(true), Some(true))),
        "the line is there and the battery feeds: {events:?}"
    );
    assert!(tests(&cabinet).is_empty());
    assert_eq!(outages(&cabinet).len(), 1);
    assert!(
        !cabinet.events.iter().any(|event| event.kind.condition() == Some(fleet::Condition::TEST_RUNNING))
    );
}

#[test]
fn what_a_gateway_kept_completes_the_outage_in_which_contact_was_lost() {
    let mut cabinet = Cabinet::new(|_| {});
    cabinet.mains(false).play(8.0 * 60.0, 5.0);
    // The site's router dies; the gateway reads on.
    cabinet.lose_contact().play(52.0 * 60.0, 5.0).mains(true).play(300.0, 10.0);
    let at = cabinet.records.len();
    assert_eq!(at, 0);
    cabinet.find_contact();
    let found = outages(&cabinet);
    assert_eq!(found.len(), 1, "one outage, told of twice: {found:?}");
    assert!((found[0].length_s - 3_600.0).abs() < 60.0 && found[0].contact_lost, "{found:?}");
    let evidence = &cabinet.state.readiness.evidence;
    assert_eq!(evidence.len(), 1, "{evidence:?}");
    assert!((evidence[0].length_s - 3_600.0).abs() < 60.0, "{evidence:?}");
    assert!(cabinet.state.backlogs.is_empty(), "it is complete");
    assert!(cabinet.state.readiness.charge.share().unwrap() < 0.8, "what it drew is missing");
    // Late data did not run the state backwards.
    assert_eq!(cabinet.state.on_battery_since, None);
    assert_eq!(cabinet.state.flag(Flag::BatteryPower), Some(false));
}

/// Mains fail; inverter and gateway are not heard from `until` on, and mains are back hours later.
fn dark_from(until: impl Fn(&Cabinet) -> bool) -> Outage {
    let mut cabinet = Cabinet::new(|_| {});
    cabinet.play(600.0, 10.0).mains(false).play(60.0, 5.0);
    while !until(&cabinet) {
        cabinet.play(5.0, 5.0);
        assert_eq!(cabinet.state.flag(Flag::BatteryPower), Some(true), "{:?}", cabinet.records);
    }
    cabinet.lose_contact().play(3.0 * 3_600.0, 5.0).mains(true).play(60.0, 5.0).lose_what_was_kept();
    // No backlog comes.
    cabinet.play(720.0, 10.0);
    let found = outages(&cabinet);
    assert_eq!((found.len(), cabinet.state.backlogs.len()), (1, 0), "{found:?}");
    found[0].clone()
}

#[test]
fn that_power_is_back_after_a_silence_does_not_say_that_the_battery_held() {
    // The router died after eight minutes: how the rest of it went nobody knows.
    let unseen = dark_from(|cabinet| {
        cabinet.state.on_battery_since.is_some_and(|since| cabinet.now().since(since) >= 480_000)
    });
    assert_eq!(unseen.ending(), Ending::Unknown, "{unseen:?}");
    assert!((unseen.length_s - 480.0).abs() < 10.0 && unseen.contact_lost, "{unseen:?}");
    // Everything went dark at the cut-off.
    let emptied = dark_from(|cabinet| {
        let readiness = &cabinet.state.readiness;
        let last_v = readiness.running.as_ref().map(|episode| episode.last_v);
        readiness.bank.zip(last_v).is_some_and(|(bank, last_v)| bank.is_at_cutoff(last_v))
    });
    assert_eq!(emptied.ending(), Ending::GaveUp, "{emptied:?}");
    assert!(emptied.length_s > 3_600.0 && !emptied.end_unseen, "{emptied:?}");
    // The router died first, and the gateway with the lights: what it had kept ends there.
    let mut cabinet = Cabinet::new(|_| {});
    cabinet.play(600.0, 10.0).mains(false).play(480.0, 5.0).lose_contact();
    cabinet.play(f64::from(emptied.length_s) - 470.0, 5.0).have_contact();
    cabinet.lose_contact().play(3.0 * 3_600.0, 5.0).mains(true).play(60.0, 5.0).lose_what_was_kept();
    cabinet.play(30.0, 10.0).tell_late().play(720.0, 10.0);
    let found = outages(&cabinet);
    assert_eq!((found.len(), found[0].ending()), (1, Ending::GaveUp), "{found:?}");
    assert!((found[0].length_s - emptied.length_s).abs() < 20.0, "{found:?}");
}

#[test]
fn a_whole_test_within_a_silence_is_read_from_the_backlog_and_found_once() {
    let mut cabinet = Cabinet::new(|_| {});
    cabinet.lose_contact();
    annual(&mut cabinet);
    cabinet.find_contact().play(1_500.0, 10.0);
    let found = tests(&cabinet);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].seen_by, found[0].kind), (SeenBy::Telemetry, self_test::Kind::Annual));
    assert_eq!(cabinet.state.tests.annual(), Some(found[0].started));
    assert!(cabinet.state.readiness.evidence.iter().any(|one| one.whole.is_some()), "it is a basis");
}

/// What began in a silence of which the backlog comes after `late_s` seconds of contact, and ends after 60 seconds of it.
fn over_the_end_of_a_silence(
    begin: impl Fn(&mut Cabinet),
    end: impl Fn(&mut Cabinet),
    late_s: f64,
) -> Cabinet {
    let mut cabinet = Cabinet::new(|parameters| parameters.monthly_s = 150.0);
    cabinet.play(600.0, 10.0).lose_contact().play(120.0, 10.0);
    begin(&mut cabinet);
    cabinet.play(90.0, 1.0).have_contact().play(60.0_f64.min(late_s), 1.0);
    if late_s < 60.0 {
        cabinet.tell_late().play(60.0 - late_s, 1.0);
    }
    end(&mut cabinet);
    cabinet.play(60.0, 1.0);
    if late_s > 60.0 {
        cabinet.play(late_s - 60.0, 10.0).tell_late();
    }
    cabinet.play(30.0, 1.0);
    assert!(cabinet.state.backlogs.is_empty());
    cabinet
}

#[test]
fn what_began_in_a_silence_and_goes_on_after_it_is_one_from_its_beginning() {
    for late_s in [5.0, 150.0] {
        let cabinet = over_the_end_of_a_silence(
            |cabinet| {
                cabinet.mains(false);
            },
            |cabinet| {
                cabinet.mains(true);
            },
            late_s,
        );
        let found = outages(&cabinet);
        assert_eq!((found.len(), tests(&cabinet).len()), (1, 0), "{late_s}: {:?}", cabinet.records);
        assert!((found[0].length_s - 155.0).abs() < 10.0 && found[0].contact_lost, "{late_s}: {found:?}");

        let cabinet = over_the_end_of_a_silence(
            |cabinet| {
                cabinet.test(TestKind::Monthly);
            },
            |_| {},
            late_s,
        );
        let found = tests(&cabinet);
        assert_eq!((found.len(), outages(&cabinet).len()), (1, 0), "{late_s}: {:?}", cabinet.records);
        assert!((found[0].length_s - 150.0).abs() < 3.0, "{late_s}: {found:?}");
        assert_eq!(found[0].own.as_ref().map(|own| own.result.as_str()), Some("passed"), "{late_s}");
        assert_eq!(cabinet.state.tests.monthly(), Some(found[0].started), "{late_s}");
    }
}

#[test]
fn an_outage_that_ends_with_the_silence_is_not_lost() {
    // With the last seconds of it live, its end between two readings, and some seconds after it.
    for quiet_s in [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 10.0, 20.0] {
        let mut cabinet = Cabinet::new(|_| {});
        cabinet.lose_contact().play(120.0, 10.0).mains(false).play(90.0, 1.0).mains(true);
        cabinet.play(quiet_s, 1.0).have_contact().play(10.0, 1.0).tell_late().play(30.0, 10.0);
        let found = outages(&cabinet);
        assert_eq!((found.len(), tests(&cabinet).len()), (1, 0), "{quiet_s}: {:?}", cabinet.records);
        assert!((found[0].length_s - 95.0).abs() < 6.0, "{quiet_s}: {found:?}");
    }
}

#[test]
fn what_falls_into_a_short_silence_is_not_lost() {
    let mut cabinet = Cabinet::new(|_| {});
    for outage in [false, true] {
        cabinet.play(60.0, 10.0).lose_contact().play(3.0, 1.0);
        if outage {
            cabinet.mains(false).play(25.0, 1.0).mains(true).play(12.0, 1.0);
        } else {
            cabinet.test(TestKind::Monthly).play(40.0, 1.0);
        }
        cabinet.find_contact().play(30.0, 10.0);
    }
    assert_eq!((tests(&cabinet).len(), outages(&cabinet).len()), (1, 1), "{:?}", cabinet.records);
    assert!(tests(&cabinet)[0].own.is_some() && cabinet.state.backlogs.is_empty());
}

#[test]
fn a_silence_before_the_backlog_of_the_last_one_came_loses_nothing() {
    let mut cabinet = Cabinet::new(|_| {});
    cabinet.lose_contact().play(60.0, 10.0).test(TestKind::Monthly).play(60.0, 1.0);
    for seconds in [100.0, 200.0] {
        cabinet.mains(false).play(seconds, 1.0).mains(true).play(120.0, 1.0);
        cabinet.have_contact().play(20.0, 10.0).lose_contact().play(90.0, 10.0);
    }
    cabinet.have_contact().play(20.0, 10.0).tell_late().play(60.0, 10.0);
    let lengths: Vec<_> = outages(&cabinet).iter().map(|outage| outage.length_s.round()).collect();
    assert!(lengths.len() == 2 && lengths[0] < 110.0 && lengths[1] > 195.0, "{lengths:?}");
    let found = tests(&cabinet);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].own.is_some(), "its result came in the next silence: {found:?}");
    assert!(cabinet.state.backlogs.is_empty());
}

#[test]
fn history_that_comes_first_of_all_is_a_basis_too() {
    let mut cabinet = Cabinet::new(|_| {});
    cabinet.state = InverterState::default();
    cabinet.lose_contact().play(300.0, 10.0);
    annual(&mut cabinet);
    cabinet.play(1.5 * DAY_S, 30.0).find_contact();
    assert_eq!(protection(&cabinet), Some(Protection::Protected));
    assert_eq!(tests(&cabinet).len(), 1);
}

#[test]
fn late_readings_out_of_order_are_judged_by_nobody() {
    let mut cabinet = Cabinet::new(|_| {});
    cabinet.lose_contact().mains(false).play(600.0, 5.0).mains(true).play(120.0, 5.0);
    let mut other = Cabinet::new(|_| {});
    other.lose_contact().mains(false).play(600.0, 5.0).mains(true).play(120.0, 5.0);
    cabinet.find_contact();
    other.turn_backlog_round();
    other.find_contact();
    assert_eq!(outages(&cabinet).len(), 1);
    assert!(outages(&other).is_empty() && other.state.readiness.evidence.is_empty());
    assert_eq!(other.state.counters.stored, cabinet.state.counters.stored, "all the same it is stored");
}

#[test]
fn thirty_days_leave_due_dates_only_unless_a_logbook_is_kept() {
    let mut cabinet = Cabinet::new(|_| {});
    annual(&mut cabinet);
    cabinet.play(DAY_S, 30.0);
    let (at, before) = (cabinet.state.tests.annual(), cabinet.now());
    let mut kept = cabinet.state.clone();
    alarm::act(&mut kept, Act::KeepLogbook { keeps: true }, cabinet.now());
    assert!(!cabinet.state.holds_before(at.unwrap()) && cabinet.state.holds_before(before));
    assert!(cabinet.state.forget_before(before) && !cabinet.state.holds_before(at.unwrap().plus_ms(1)));
    assert!(cabinet.state.readiness.evidence.is_empty());
    assert_eq!(protection(&cabinet), Some(Protection::Unknown));
    assert_eq!((cabinet.state.tests.annual(), at.is_some()), (at, true));
    kept.forget_before(before);
    assert_eq!(kept.readiness.evidence.len(), 1);
}

#[test]
fn time_alone_makes_a_test_due_and_then_missed_and_a_test_ends_both() {
    let mut cabinet = Cabinet::new(|_| {});
    let passed = |cabinet: &mut Cabinet, days: f64| {
        cabinet.days(days);
        let mut open = cabinet.open();
        open.retain(|name| name.starts_with("test."));
        open
    };
    assert!(passed(&mut cabinet, 29.9).is_empty());
    assert_eq!(passed(&mut cabinet, 0.2), ["test.due"]);
    assert_eq!(passed(&mut cabinet, 5.0), ["test.missed"]);
    let told: Vec<_> = cabinet.events.iter().filter(|event| event.kind.name() == "raised").collect();
    let missed =
        told.iter().find(|event| event.kind.condition() == Some(fleet::Condition::TEST_MISSED)).unwrap();
    let at = cabinet.state.tests.watched_since().unwrap().plus_ms(NFPA_101.monthly_most_ms + 1);
    assert_eq!(missed.received_at, at, "it was told when it was so, not when something else came");
    cabinet.test(TestKind::Monthly).play(60.0, 1.0);
    assert!(passed(&mut cabinet, 0.1).is_empty());
}

#[test]
fn a_battery_that_falls_short_is_told_and_one_that_gave_up_failed_its_test() {
    let mut cabinet = Cabinet::new(|parameters| parameters.age_years = 17.0);
    annual(&mut cabinet);
    let found = tests(&cabinet).pop().unwrap();
    assert!(matches!(grade(&found, &NFPA_101, 5_400.0), Grade::Failed(_)), "{found:?}");
    assert!(cabinet.open().contains(&"test.failed".to_owned()), "{:?}", cabinet.open());
    cabinet.play(1.5 * DAY_S, 30.0);
    let outlook = outlook(&cabinet.state, REQUIRED, cabinet.now());
    assert!(outlook.full.unwrap().high_s < 5_400.0, "{outlook:?}");
    assert_eq!(outlook.protection, Some(Protection::Unprotected));
    assert!(cabinet.open().contains(&"battery.weak".to_owned()), "{:?}", cabinet.open());
    // It does not become a good one by being forgotten.
    cabinet.state.forget_before(cabinet.now());
    cabinet.play(600.0, 10.0);
    assert!(cabinet.open().contains(&"battery.weak".to_owned()), "{:?}", cabinet.open());
    // Half a minute proves nothing of ninety.
    cabinet.days(20.0).test(TestKind::Monthly).play(60.0, 1.0).play(120.0, 10.0);
    assert!(cabinet.open().contains(&"test.failed".to_owned()), "{:?}", cabinet.open());
    // A new battery, and a test of full length with it.
    cabinet.inverter.set_battery_age(0.0);
    cabinet.inverter.set_charge(1.0);
    cabinet.play(600.0, 10.0);
    annual(&mut cabinet);
    cabinet.play(1.5 * DAY_S, 30.0);
    let open = cabinet.open();
    assert!(!open.iter().any(|name| ["test.failed", "battery.weak"].contains(&name.as_str())), "{open:?}");
}

/// An annual test of which flags are all that is told, with a battery of so many minutes at full load; its grade; whether it is told of.
fn untold(minutes: f64, until: impl Fn(&mut Cabinet)) -> (self_test::Found, Grade, bool) {
    let mut cabinet = Cabinet::new(|parameters| parameters.rated_minutes = minutes);
    cabinet.tell_no_tests().play(600.0, 10.0).test(TestKind::Annual);
    until(&mut cabinet);
    let found = tests(&cabinet);
    let failed = cabinet.open().contains(&"test.failed".to_owned());
    (found[0].clone(), grade(&found[0], &NFPA_101, 5_400.0), failed)
}

#[test]
fn a_battery_that_gives_up_in_a_test_fails_it_whether_the_inverter_says_so_or_not() {
    let gave_up = Grade::Failed(self_test::Reason::GaveUp);
    for (minutes, least_s) in [(8.0, 900.0), (30.0, 2_400.0)] {
        let (found, grade, failed) = untold(minutes, |cabinet| {
            cabinet.play(5_460.0, 5.0);
            // Half a minute proves nothing of ninety.
            cabinet.play(600.0, 10.0).test(TestKind::Monthly).play(120.0, 1.0);
        });
        assert!((least_s..5_000.0).contains(&found.length_s) && found.own.is_none(), "{found:?}");
        assert_eq!((grade, failed), (gave_up, true), "{minutes}: {found:?}");
        assert_eq!(found.kind, self_test::Kind::Annual, "{minutes}");
    }
    let (found, grade, failed) = untold(200.0, |cabinet| {
        cabinet.play(1_200.0, 5.0).inverter.stop_test();
        cabinet.play(60.0, 5.0);
    });
    assert!(!matches!(grade, Grade::Failed(_)) && !failed, "somebody ended it: {found:?}");
    let (found, grade, failed) = untold(30.0, |cabinet| {
        let near = |cabinet: &Cabinet| {
            let last_v = cabinet.state.readiness.running.as_ref().map(|episode| episode.last_v);
            cabinet.state.readiness.bank.zip(last_v).is_some_and(|(bank, last_v)| bank.is_at_cutoff(last_v))
        };
        while !near(cabinet) {
            cabinet.play(5.0, 5.0);
        }
        cabinet.lose_contact().play(600.0, 5.0).lose_what_was_kept().play(720.0, 10.0);
    });
    assert_eq!((grade, failed), (Grade::Incomplete(self_test::Reason::CutShort), false), "unseen: {found:?}");
}

#[test]
fn lamps_that_are_out_are_told_by_the_load_of_the_last_test() {
    let mut cabinet = Cabinet::new(|parameters| parameters.load_swing = 0.0);
    for load in [0.8, 0.8, 0.8] {
        cabinet.inverter.set_load(Some(load));
        cabinet.test(TestKind::Monthly).play(60.0, 1.0).play(3_600.0, 10.0);
    }
    let lamps = |cabinet: &mut Cabinet, load: f64| {
        cabinet.inverter.set_load(Some(load));
        cabinet.test(TestKind::Monthly).play(60.0, 1.0).play(3_600.0, 10.0);
        let mut open = cabinet.open();
        open.retain(|name| name.starts_with("lamps."));
        open
    };
    assert!(lamps(&mut cabinet, 0.79).is_empty());
    assert_eq!(lamps(&mut cabinet, 0.8 * 0.93), ["lamps.fewer"]);
    assert_eq!(lamps(&mut cabinet, 0.8 * 0.86), ["lamps.lost"]);
    let mut forgotten = cabinet.state.clone();
    forgotten.forget_before(cabinet.now());
    // It is looked at again.
    alarm::act(&mut forgotten, Act::Require { minutes: None }, cabinet.now().plus_ms(60_000));
    assert!(forgotten.readiness.evidence.is_empty());
    assert!(
        forgotten.open_alarms().any(|open| open.name.key.to_string() == "lamps.lost"),
        "until a test tells otherwise"
    );
    assert!(lamps(&mut cabinet, 0.8).is_empty());
}

#[test]
fn a_snapshot_stays_small_and_leads_back() {
    let mut cabinet = Cabinet::new(|_| {});
    let before = cabinet.state.to_snapshot().len();
    annual(&mut cabinet);
    cabinet.play(DAY_S, 30.0);
    let after = cabinet.state.to_snapshot().len();
    cabinet.mains(false).play(3_600.0, 1.0);
    let running = cabinet.state.to_snapshot();
    let again = InverterState::from_snapshot(&running).unwrap();
    assert_eq!(again, cabinet.state);
    println!(
        "snapshot: {before} bytes at first, {after} after an annual test, {} within an outage of an hour",
        running.len()
    );
    assert!(before < 1_200 && after < 1_400 && running.len() < 2_800, "{before} {after} {}", running.len());
}

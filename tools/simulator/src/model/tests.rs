//! Does the model behave as an inverter does?

use super::*;
use proptest::prelude::*;
use wire::{Flag, Quantity, Serial, TestResult, UtcMs};

fn parameters() -> Parameters {
    Parameters::new(Serial::parse("2311-00421").unwrap(), 7, UtcMs(1_767_268_800_000))
}

fn inverter() -> Inverter {
    Inverter::new(parameters())
}

fn at_constant_load(load: f64, age_years: f64) -> Inverter {
    Inverter::new(Parameters {
        typical_load: load,
        load_swing: 0.0,
        age_years,
        ambient_c: 25.0,
        ..parameters()
    })
}

fn value(inverter: &mut Inverter, quantity: Quantity) -> f64 {
    quantity.to_f64(inverter.observe().sample.quantities.value(quantity).unwrap())
}

fn flag(inverter: &Inverter, flag: Flag) -> bool {
    inverter.flags().value(flag).unwrap()
}

fn raised(inverter: &Inverter) -> Vec<Condition> {
    inverter.alarms.conditions().raised().collect()
}

fn minutes_on_battery(mut inverter: Inverter) -> f64 {
    inverter.set_mains(0.0);
    let mut seconds = 0.0;
    while !matches!(inverter.mode(), Mode::Off(_)) {
        inverter.step(1.0);
        seconds += 1.0;
        assert!(seconds < 100_000.0, "never ends");
    }
    seconds / 60.0
}

#[test]
fn new_holds_ninety_minutes_at_rated_load_and_aged_holds_fewer() {
    let new = minutes_on_battery(at_constant_load(1.0, 0.0));
    assert!((89.0..100.0).contains(&new), "{new}");
    let old = minutes_on_battery(at_constant_load(1.0, 14.0));
    assert!(old < 0.7 * new, "{old} against {new}");
    let half = minutes_on_battery(at_constant_load(0.5, 0.0));
    assert!(half > 2.0 * new, "{half} against {new}");
}

#[test]
fn at_rest_it_says_what_the_mocks_show() {
    let mut inverter = inverter();
    inverter.step(3600.0);
    assert!((275.0..282.0).contains(&value(&mut inverter, Quantity::INPUT_VOLTAGE)));
    assert!((134.0..138.0).contains(&value(&mut inverter, Quantity::BATTERY_VOLTAGE)));
    assert!((0.1..1.0).contains(&value(&mut inverter, Quantity::BATTERY_CURRENT)));
    assert!((50.0..72.0).contains(&value(&mut inverter, Quantity::LOAD)));
    assert_eq!(raised(&inverter), []);
    assert!(flag(&inverter, Flag::SystemReady) && flag(&inverter, Flag::LinePresent));
    assert!(!flag(&inverter, Flag::BatteryPower) && !flag(&inverter, Flag::BatteryCharging));
}

#[test]
fn an_outage_goes_from_line_to_battery_to_recharge() {
    let mut inverter = inverter();
    inverter.set_mains(0.0);
    inverter.step(1.0);
    assert_eq!(inverter.mode(), Mode::Battery);
    assert_eq!(raised(&inverter), [Condition::UTILITY_LOST]);
    inverter.step(300.0);
    let voltage = value(&mut inverter, Quantity::BATTERY_VOLTAGE);
    assert!((119.0..126.0).contains(&voltage), "{voltage}");
    assert!(value(&mut inverter, Quantity::BATTERY_CURRENT) < -30.0);
    inverter.set_mains(1.0);
    inverter.step(2.0);
    assert_eq!(inverter.mode(), Mode::Battery, "utility must stay five seconds first");
    inverter.step(5.0);
    assert_eq!(inverter.mode(), Mode::Line);
    assert!(flag(&inverter, Flag::BatteryCharging));
    assert!(value(&mut inverter, Quantity::BATTERY_CURRENT) > 1.0);
}

#[test]
fn an_outage_to_the_end_raises_near_low_then_low_then_short() {
    let mut inverter = at_constant_load(1.0, 12.0);
    inverter.set_mains(0.0);
    let mut order: Vec<Condition> = vec![];
    while !matches!(inverter.mode(), Mode::Off(_)) {
        inverter.step(1.0);
        order.extend(raised(&inverter).iter().filter(|c| !order.contains(c)).copied().collect::<Vec<_>>());
    }
    assert_eq!(
        order,
        [
            Condition::UTILITY_LOST,
            Condition::BATTERY_NEAR_LOW,
            Condition::BATTERY_LOW,
            Condition::RUNTIME_SHORT,
        ]
    );
    assert_eq!(value(&mut inverter, Quantity::OUTPUT_VOLTAGE), 0.0);
    assert!(!flag(&inverter, Flag::SystemReady));
    inverter.set_mains(1.0);
    inverter.step(10.0);
    assert_eq!(raised(&inverter), [Condition::RUNTIME_SHORT]);
    inverter.step(30.0 * 3600.0);
    assert_eq!(raised(&inverter), [], "full again");
}

#[test]
fn tests_pass_when_new_and_fail_when_old() {
    fn check(kind: TestKind, age_years: f64, seconds: f64, expect: TestResult) {
        let mut inverter = at_constant_load(0.9, age_years);
        inverter.start_test(kind.clone()).unwrap();
        assert_eq!(inverter.test().unwrap().result, TestResult::InProgress);
        assert!(flag(&inverter, Flag::BatteryPower) && flag(&inverter, Flag::LinePresent));
        inverter.step(seconds);
        let test = inverter.test().unwrap();
        assert_eq!((&test.kind, &test.result), (&kind, &expect), "{test:?}");
        assert!(test.end_voltage.is_some());
        assert_eq!(inverter.mode(), Mode::Line);
        assert!(flag(&inverter, Flag::BatteryCharging), "a test is followed by a recharge");
        let before = inverter.battery.charge();
        inverter.step(60.0);
        assert!(inverter.battery.charge() > before);
    }
    check(TestKind::Monthly, 0.0, 30.5, TestResult::Passed);
    check(TestKind::Annual, 0.0, 5401.0, TestResult::Passed);
    check(TestKind::Annual, 14.0, 5401.0, TestResult::Failed);
}

#[test]
fn an_outage_in_a_test_aborts_it_and_is_not_hidden() {
    let mut inverter = inverter();
    inverter.start_test(TestKind::Annual).unwrap();
    assert_eq!(inverter.start_test(TestKind::Monthly), Err(TestRefused::Running));
    inverter.step(60.0);
    inverter.set_mains(0.0);
    inverter.step(1.0);
    assert_eq!(inverter.test().unwrap().result, TestResult::Aborted);
    assert_eq!(inverter.test().unwrap().length_s, Some(60));
    assert_eq!(raised(&inverter), [Condition::UTILITY_LOST]);
    assert_eq!(inverter.start_test(TestKind::Monthly), Err(TestRefused::NotOnLine));
}

#[test]
fn every_condition_can_be_caused_and_ended() {
    for condition in Condition::all() {
        let mut inverter = inverter();
        inverter.force(condition, true);
        inverter.step(0.1);
        assert!(raised(&inverter).contains(&condition), "{condition} is not raised: {:?}", raised(&inverter));
        inverter.force(condition, false);
        inverter.step(120.0);
        assert_eq!(raised(&inverter), [], "{condition} does not end");
        assert_eq!(inverter.mode(), Mode::Line, "{condition}");
    }
}

#[test]
fn physics_alone_raise_what_they_should() {
    fn check(act: impl Fn(&mut Inverter), seconds: f64, expect: &[Condition]) {
        let mut inverter = inverter();
        act(&mut inverter);
        inverter.step(seconds);
        assert_eq!(raised(&inverter), expect);
    }
    check(|i| i.set_ambient(Some(45.0)), 1.0, &[Condition::AMBIENT_HIGH]);
    check(|i| i.set_ambient(Some(75.0)), 7200.0, &[Condition::AMBIENT_HIGH, Condition::INVERTER_OVERTEMP]);
    check(|i| i.set_load(Some(1.2)), 30.0, &[Condition::OVERLOAD]);
    check(|i| i.set_load(Some(0.3)), 60.0, &[Condition::LOAD_REDUCED]);
    check(|i| i.set_mains(0.86), 10.0, &[Condition::INPUT_LOW]);
    check(|i| i.set_mains(1.12), 10.0, &[Condition::INPUT_HIGH]);
    check(
        |i| {
            i.set_load(Some(1.2));
            i.set_mains(0.0);
        },
        70.0,
        &[Condition::OVERLOAD, Condition::OVERLOAD_SHUTDOWN, Condition::UTILITY_LOST],
    );
    check(
        |i| {
            i.force(Condition::INVERTER_FAULT, true);
            i.set_mains(0.0);
        },
        5.0,
        &[Condition::INVERTER_FAULT, Condition::UTILITY_LOST],
    );
}

#[test]
fn charger_fault_stops_the_recharge() {
    let mut inverter = inverter();
    inverter.set_charge(0.6);
    inverter.force(Condition::CHARGER_FAULT, true);
    inverter.step(3600.0);
    assert!(inverter.battery.charge() < 0.6);
    inverter.force(Condition::CHARGER_FAULT, false);
    inverter.step(3600.0);
    assert!(inverter.battery.charge() > 0.65);
}

#[test]
fn the_button_counts_and_ages() {
    let mut inverter = inverter();
    assert_eq!(inverter.button(), Button { count: 0, age_ms: 0 });
    let before = inverter.urgent();
    inverter.press_button();
    assert_ne!(inverter.urgent(), before);
    inverter.step(2.5);
    assert_eq!(inverter.button(), Button { count: 1, age_ms: 2500 });
}

#[test]
fn scheduled_tests_run_by_themselves() {
    let schedule = Schedule { first_monthly_s: 86_400.0, first_annual_s: 10.0 * 86_400.0 };
    let mut inverter = Inverter::new(Parameters { schedule: Some(schedule), ..parameters() });
    inverter.step(100.0 * 86_400.0);
    let test = inverter.test().unwrap();
    assert_eq!((test.count, &test.result), (5, &TestResult::Passed), "4 monthly, 1 annual");
}

#[test]
fn three_phases_carry_thirty_quantities_and_more() {
    let serial = Serial::parse("2209-00170").unwrap();
    let mut inverter = Inverter::new(Parameters::three_phase(serial, 1, UtcMs(0)));
    inverter.step(10.0);
    assert_eq!(inverter.observe().sample.quantities.len(), 31);
}

#[derive(Debug, Clone)]
enum Act {
    Mains(f64),
    Load(Option<f64>),
    Ambient(Option<f64>),
    Test(bool),
    StopTest,
    Force(u64, bool),
    Button,
}

fn acts() -> impl Strategy<Value = Vec<(Act, f64)>> {
    let act = prop_oneof![
        prop::sample::select(vec![0.0, 0.5, 0.86, 1.0, 1.0, 1.2]).prop_map(Act::Mains),
        prop::option::of(0.0..1.6).prop_map(Act::Load),
        prop::option::of(-30.0..80.0).prop_map(Act::Ambient),
        any::<bool>().prop_map(Act::Test),
        Just(Act::StopTest),
        (0_u64..15, any::<bool>()).prop_map(|(code, on)| Act::Force(code, on)),
        Just(Act::Button),
    ];
    prop::collection::vec((act, 0.0..7200.0_f64), 1..12)
}

fn apply(inverter: &mut Inverter, act: &Act) {
    match act {
        Act::Mains(level) => inverter.set_mains(*level),
        Act::Load(share) => inverter.set_load(*share),
        Act::Ambient(celsius) => inverter.set_ambient(*celsius),
        Act::Test(annual) => {
            let _ = inverter.start_test(if *annual { TestKind::Annual } else { TestKind::Monthly });
        }
        Act::StopTest => inverter.stop_test(),
        Act::Force(code, on) => inverter.force(Condition::from_code(*code).unwrap(), *on),
        Act::Button => inverter.press_button(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_is_done_values_stay_in_range(acts in acts(), age in 0.0..20.0_f64, load in 0.0..1.2_f64) {
        let mut inverter = at_constant_load(load, age);
        for (act, seconds) in &acts {
            apply(&mut inverter, act);
            inverter.step(*seconds);
            let cell_v = inverter.battery.cell_voltage();
            prop_assert!((1.6..=2.6).contains(&cell_v), "{} V per cell after {:?}", cell_v, act);
            prop_assert!((0.0..=1.0).contains(&inverter.battery.charge()));
            let sample = inverter.observe().sample;
            prop_assert_eq!(sample.conditions.iter().count(), 15);
            prop_assert_eq!(sample.quantities.len(), 22);
            prop_assert!(sample.quantities.value(Quantity::BATTERY_RUNTIME).unwrap() >= 0);
            let feeding = matches!(inverter.mode(), Mode::Battery | Mode::Test);
            prop_assert_eq!(sample.flags.value(Flag::BatteryPower), Some(feeding));
        }
    }

    #[test]
    fn no_battery_gives_more_than_it_holds(load in 0.25..1.1_f64, age in 0.0..15.0_f64, ambient in 0.0..40.0_f64) {
        let mut inverter = Inverter::new(Parameters { ambient_c: ambient, ..at_constant_load(load, age).parameters.clone() });
        inverter.set_mains(0.0);
        let before = inverter.energy_wh;
        inverter.step(12.0 * 3600.0);
        let given_wh = inverter.energy_wh - before;
        // Rated energy, and what warmth and a slower discharge add: at a quarter of the load the cells give almost all they hold.
        let held_wh = 10_000.0 * 95.0 / 60.0 * 1.15 * (1.0 / load).powf(0.25).max(1.0);
        prop_assert!(given_wh <= held_wh * 1.02, "{given_wh} of {held_wh} Wh");
        // Near 110 % the load's own flicker may trip the overload before the battery is empty.
        let tripped = load > 1.04 && inverter.mode() == Mode::Off(Off::Overload);
        prop_assert!(tripped || inverter.mode() == Mode::Off(Off::Empty), "{:?}", inverter.mode());
        let after = inverter.energy_wh;
        inverter.step(3600.0);
        prop_assert_eq!(after, inverter.energy_wh, "what is off gives nothing");
    }

    #[test]
    fn the_same_seed_and_acts_give_the_same_frames(acts in acts(), seed in any::<u64>()) {
        let mut pair = [0, 1].map(|_| Inverter::new(Parameters { seed, ..parameters() }));
        for (act, seconds) in &acts {
            let [a, b] = pair.each_mut().map(|inverter| {
                apply(inverter, act);
                inverter.step(*seconds);
                inverter.observe()
            });
            prop_assert_eq!(a, b);
        }
    }
}

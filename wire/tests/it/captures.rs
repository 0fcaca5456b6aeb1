//! Recordings of real devices give exactly the counts that their README states, in one piece and in random splits.
//!
//! They are not part of this repository: `INVERTER_CONNECT_CAPTURES` names their folder, else `../shared/captures`
//! beside the workspace is looked at; absent, the tests say so and pass.

use std::path::{Path, PathBuf};

use proptest::test_runner::{Config, TestRunner};
use wire::mate::{Address, MateDecoder};
use wire::ve_direct::VeDirectDecoder;
use wire::{Condition, Decoder, Flag, Observation, Quantity};

use crate::streams::{cuts, decode};

#[expect(clippy::disallowed_methods, reason = "a test finds its recordings by the environment")]
fn folder() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/captures");
    std::env::var("INVERTER_CONNECT_CAPTURES").map_or_else(|_| beside(), PathBuf::from)
}

/// Checks counts of a recording, and gives its observations.
fn check(
    file: &str,
    decoder: fn() -> Box<dyn Decoder + Send>,
    good: u64,
    bad: u64,
) -> Option<Vec<Observation>> {
    let path = folder().join(file);
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: no recording at {} (set INVERTER_CONNECT_CAPTURES)", path.display());
        return None;
    };
    let (observations, counts) = decode(decoder(), &bytes, &[]);
    assert_eq!((counts.good, counts.bad), (good, bad), "{file}");
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    runner
        .run(&cuts(), |cuts| {
            let (split, split_counts) = decode(decoder(), &bytes, &cuts);
            assert_eq!(split_counts, counts, "{file}");
            assert!(split == observations, "{file}: a split changed the observations");
            Ok(())
        })
        .unwrap();
    Some(observations)
}

fn ve_direct() -> Box<dyn Decoder + Send> {
    Box::new(VeDirectDecoder::new())
}

#[test]
fn a_solar_charger_with_hex_frames_that_starts_in_the_middle() {
    let Some(seen) = check("vedirect-bluesolar_1.23.dump", ve_direct, 247, 1) else { return };
    assert_eq!(seen.len(), 247);
    for one in &seen {
        assert_eq!(one.serial.unwrap().as_str(), "HQ1411MYIKN");
        assert!(one.sample.unknown.is_empty(), "{:?}", one.sample.unknown);
        assert_eq!(one.sample.flags.value(Flag::BatteryCharging), Some(true));
        assert_eq!(one.sample.flags.value(Flag::LinePresent), None);
        assert_eq!(one.sample.conditions.value(Condition::CHARGER_FAULT), Some(false));
        assert!((1200..1300).contains(&one.sample.quantities.value(Quantity::BATTERY_VOLTAGE).unwrap()));
    }
}

#[test]
fn a_battery_monitor_whose_checksum_is_a_colon_seven_times() {
    let Some(seen) = check("vedirect-bvm702.dump", ve_direct, 906, 0) else { return };
    // Every second block is history and says nothing of now.
    assert_eq!(seen.len(), 453);
    for one in &seen {
        assert!(one.sample.unknown.is_empty(), "{:?}", one.sample.unknown);
        assert!(one.sample.quantities.value(Quantity::BATTERY_CURRENT).unwrap() < 0);
        assert_eq!(one.sample.conditions.value(Condition::BATTERY_LOW), Some(false));
        assert_eq!(one.sample.conditions.value(Condition::UTILITY_LOST), None);
    }
}

#[test]
fn three_inverters() {
    let Some(seen) = check("vedirect-phoenix-inverter-frames.bin", ve_direct, 3, 0) else { return };
    let serials: Vec<_> = seen.iter().map(|one| one.serial.unwrap().to_string()).collect();
    assert_eq!(serials, ["HQ2017JGK6S", "HQ2311PZ2NR", "HQ2152UFKWY"]);
    let last = &seen[2].sample;
    let value = |quantity| last.quantities.value(quantity);
    assert_eq!(value(Quantity::OUTPUT_VOLTAGE), Some(2301));
    assert_eq!(value(Quantity::OUTPUT_CURRENT), Some(10));
    assert_eq!(value(Quantity::POWER), Some(38));
    assert_eq!(value(Quantity::BATTERY_VOLTAGE), Some(1323));
    assert_eq!(last.flags.value(Flag::SystemReady), Some(true));
    assert_eq!(last.flags.value(Flag::BatteryCharging), None);
    assert_eq!(last.conditions.raised().count(), 0);
    assert_eq!(last.conditions.value(Condition::OVERLOAD), Some(false));
    assert_eq!(last.unknown, Vec::<String>::new());
}

#[test]
fn status_pages_of_a_mate() {
    let file = "outback-mate-status-pages.bin";
    let Some(each) = check(file, || Box::new(MateDecoder::new(&[])), 13, 0) else { return };
    // Ten pages of C and two of 0 in a row, then one of c twice: whenever a device speaks again, the round ends.
    assert!(each.iter().all(|one| !one.sample.quantities.is_empty()));
    let only = |characters: &[char]| {
        let addresses: Vec<_> = characters.iter().filter_map(|c| Address::from_char(*c)).collect();
        decode(Box::new(MateDecoder::new(&addresses)), &std::fs::read(folder().join(file)).unwrap(), &[]).0
    };
    let [chargers, inverters, monitors] = [only(&['C']), only(&['0']), only(&['c'])];
    assert_eq!((chargers.len(), inverters.len(), monitors.len()), (9, 2, 2));
    assert_eq!(chargers[0].sample.quantities.value(Quantity::BATTERY_CURRENT), Some(2780));
    assert_eq!(chargers[0].sample.quantities.value(Quantity::BATTERY_VOLTAGE), Some(5620));
    assert_eq!(inverters[1].sample.quantities.value(Quantity::INPUT_VOLTAGE), Some(1200));
    assert_eq!(inverters[1].sample.flags.value(Flag::LinePresent), Some(true));
    assert_eq!(inverters[1].sample.flags.value(Flag::BatteryPower), Some(true));
    assert_eq!(monitors[0].sample.quantities.value(Quantity::BATTERY_CURRENT), Some(1260));
    assert_eq!(monitors[1].sample.quantities.value(Quantity::BATTERY_CURRENT), Some(130));
    assert_eq!(monitors[1].sample.quantities.value(Quantity::BATTERY_TEMPERATURE), Some(250));
    assert_eq!(monitors[1].sample.quantities.value(Quantity::BATTERY_CHARGE), Some(99));
}

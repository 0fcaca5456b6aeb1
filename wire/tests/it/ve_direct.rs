//! VE.Direct TEXT, by synthetic blocks: labels, codes, framing traps.

use proptest::prelude::*;
use wire::ve_direct::{MAX_BLOCK_BYTES, VeDirectDecoder, encode};
use wire::{Condition, Flag, Observation, Quantity, Sample};

use crate::streams::{cuts, decode};

fn blocks(bytes: &[u8]) -> (Vec<Observation>, wire::StreamCounts) {
    decode(Box::new(VeDirectDecoder::new()), bytes, &[])
}

fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(fields, &mut bytes);
    bytes
}

fn sample(fields: &[(&str, &str)]) -> Sample {
    let (mut seen, counts) = blocks(&block(fields));
    assert_eq!((counts.good, counts.bad), (1, 0), "{fields:?}");
    seen.pop().map(|one| one.sample).unwrap_or_default()
}

#[test]
fn an_inverter_tells_what_its_codes_mean() {
    let calm =
        [("MODE", "2"), ("CS", "9"), ("AC_OUT_V", "11995"), ("AC_OUT_I", "12"), ("AR", "0"), ("WARN", "0")];
    let sample_of = |label: &str, value: &str| {
        let mut fields: Vec<_> = calm.iter().copied().filter(|(l, _)| *l != label).collect();
        fields.push((label, value));
        sample(&fields)
    };
    let quiet = sample(&calm);
    assert_eq!(quiet.quantities.value(Quantity::OUTPUT_VOLTAGE), Some(1200));
    assert_eq!(quiet.quantities.value(Quantity::OUTPUT_CURRENT), Some(120));
    assert_eq!(quiet.flags.value(Flag::SystemReady), Some(true));
    assert_eq!(quiet.flags.value(Flag::BatteryPower), None);
    assert_eq!(quiet.conditions.raised().count(), 0);
    assert!(quiet.unknown.is_empty());

    let raised = |label, value| sample_of(label, value).conditions.raised().collect::<Vec<_>>();
    assert_eq!(raised("AR", "1"), [Condition::BATTERY_LOW]);
    assert_eq!(raised("WARN", "1"), [Condition::BATTERY_NEAR_LOW]);
    assert_eq!(raised("AR", "256"), [Condition::OVERLOAD_SHUTDOWN]);
    assert_eq!(raised("WARN", "256"), [Condition::OVERLOAD]);
    assert_eq!(raised("AR", "64"), [Condition::INVERTER_OVERTEMP]);
    assert_eq!(raised("AR", "3072"), [Condition::OUTPUT_FAULT]);
    assert_eq!(raised("CS", "2"), [Condition::INVERTER_FAULT]);
    assert_eq!(sample_of("CS", "0").flags.value(Flag::SystemReady), Some(false));
    assert_eq!(sample_of("MODE", "4").flags.value(Flag::SystemReady), Some(false));
    assert_eq!(sample_of("CS", "13").flags.value(Flag::SystemReady), None);

    let unknown = |label, value| sample_of(label, value).unknown;
    assert_eq!(unknown("AR", "16385"), ["AR=0x4000"]);
    assert_eq!(unknown("WARN", "512"), ["WARN=0x0200"]);
    assert_eq!(unknown("CS", "13"), ["CS=13"]);
    assert_eq!(unknown("MODE", "9"), ["MODE=9"]);
    assert_eq!(unknown("OR", "0x00000001"), ["OR=0x00000001"]);
    assert_eq!(unknown("OR", "0x00000000"), Vec::<String>::new());
    assert_eq!(unknown("NEW", "x y"), ["NEW=x y"]);
    assert_eq!(unknown("V", "many"), ["V=many"]);
    assert_eq!(unknown("AR", "none"), ["AR=none"]);
    assert_eq!(unknown("SER#", "HQ!"), ["SER#=HQ!"]);
    assert_eq!(unknown("T", "---"), Vec::<String>::new());
}

#[test]
fn a_monitor_and_a_charger_report_only_what_they_know() {
    let monitor = [
        ("V", "24005"),
        ("I", "-15"),
        ("P", "-1"),
        ("SOC", "876"),
        ("TTG", "-1"),
        ("Alarm", "ON"),
        ("AR", "6"),
    ];
    let monitor = sample(&monitor);
    assert_eq!(monitor.quantities.value(Quantity::BATTERY_VOLTAGE), Some(2401));
    assert_eq!(monitor.quantities.value(Quantity::BATTERY_CURRENT), Some(-2));
    assert_eq!(monitor.quantities.value(Quantity::BATTERY_CHARGE), Some(88));
    assert_eq!(monitor.quantities.value(Quantity::BATTERY_RUNTIME), None);
    assert_eq!(monitor.conditions.raised().collect::<Vec<_>>(), [Condition::BATTERY_NEAR_LOW]);
    assert_eq!(monitor.conditions.value(Condition::INVERTER_FAULT), None);
    assert_eq!(monitor.unknown, ["AR=0x0002"]);
    assert_eq!(sample(&[("V", "1"), ("TTG", "90")]).quantities.value(Quantity::BATTERY_RUNTIME), Some(5400));
    assert_eq!(sample(&[("V", "1"), ("Alarm", "ON"), ("AR", "0")]).unknown, ["Alarm=ON"]);

    let charger = sample(&[("V", "12530"), ("VPV", "33580"), ("PPV", "8"), ("CS", "0"), ("ERR", "17")]);
    assert_eq!(charger.flags.value(Flag::BatteryCharging), Some(false));
    assert_eq!(charger.flags.value(Flag::SystemReady), None);
    assert_eq!(charger.conditions.value(Condition::CHARGER_FAULT), Some(true));
    assert_eq!(charger.quantities.value(Quantity::INPUT_VOLTAGE), Some(336));
    assert_eq!(charger.unknown, ["ERR=17"]);
}

#[test]
fn history_says_nothing_of_now_and_its_unknown_labels_ride_on() {
    let bytes = [block(&[("H1", "-5"), ("H99", "7")]), block(&[("V", "12000")])].concat();
    let (seen, counts) = blocks(&bytes);
    assert_eq!((seen.len(), counts.good), (1, 2));
    assert_eq!(seen[0].sample.unknown, ["H99=7"]);
}

#[test]
fn any_checksum_byte_is_only_a_checksum() {
    // One label whose value runs through all sums, so that the checksum byte takes every value, LF and ':' too.
    let mut seen_checksums = [false; 256];
    let mut bytes = Vec::new();
    let mut sent = 0;
    let printable = || (b'!'..=b'~').filter(|byte| *byte != b':');
    for third in [b'!', b'~'] {
        for (first, second) in printable().flat_map(|first| printable().map(move |second| (first, second))) {
            let text = String::from_utf8(vec![first, second, third]).unwrap();
            let one = block(&[("V", "12000"), ("X", &text)]);
            seen_checksums[usize::from(one[one.len() - 1])] = true;
            bytes.extend(one);
            bytes.extend_from_slice(b":7F0ED009698\n");
            sent += 1;
        }
    }
    assert!(seen_checksums.iter().all(|seen| *seen));
    let (seen, counts) = blocks(&bytes);
    assert_eq!((seen.len() as u64, counts.good, counts.bad), (sent, sent, 0));
}

#[test]
fn a_hex_frame_may_stand_anywhere_but_in_the_checksum() {
    let plain = block(&[("V", "12000"), ("I", "5")]);
    let whole = blocks(&plain).0;
    for at in 0..plain.len() {
        let mut bytes = plain.clone();
        bytes.splice(at..at, *b":A0102000543\n");
        let (seen, counts) = blocks(&bytes);
        // Between label and checksum byte, the colon is the checksum.
        let expect = if at == plain.len() - 1 { (vec![], 0) } else { (whole.clone(), 1) };
        assert_eq!((seen, counts.good), expect, "at {at}");
    }
}

#[test]
fn a_colon_that_begins_no_hex_frame_makes_the_block_bad() {
    let plain = block(&[("V", "12000"), ("I", "5")]);
    for at in 0..plain.len() - 1 {
        let mut bytes = plain.clone();
        bytes.splice(at..at, *b":41");
        let (seen, counts) = blocks(&bytes);
        assert_eq!((seen.len(), counts.good), (0, 0), "at {at}");
    }
}

#[test]
fn a_block_behind_too_many_bytes_is_part_of_them() {
    let bytes = [vec![b'x'; MAX_BLOCK_BYTES], block(&[("V", "12000")]), block(&[("V", "12000")])].concat();
    let (seen, counts) = blocks(&bytes);
    assert_eq!((seen.len(), counts.good, counts.bad), (1, 1, 2));
}

#[test]
fn blocks_that_break_the_rules_are_bad_whatever_their_sum() {
    for fields in [[("V", "1\x07")], [("", "1")], [("\u{e9}", "1")], [("V", "1\r\nno tab")]] {
        let (seen, counts) = blocks(&block(&fields));
        assert_eq!((seen.len(), counts.good, counts.bad), (0, 0, 1), "{fields:?}");
    }
    let long = "x".repeat(5000);
    let (_, counts) = blocks(&[block(&[("V", &long)]), block(&[("V", "12000")])].concat());
    assert_eq!(counts.good, 1, "a block without end does not take the next with it");
    assert!(counts.bad >= 1 && counts.dropped_bytes >= 5000);
}

proptest! {
    #[test]
    fn values_come_back(volts in any::<i32>(), amperes in -1_000_000_i32..1_000_000, noise in "[ -9;-~]{0,30}", cuts in cuts()) {
        let bytes = block(&[("V", &volts.to_string()), ("I", &amperes.to_string()), ("Zz", &noise)]);
        let (seen, counts) = decode(Box::new(VeDirectDecoder::new()), &bytes, &cuts);
        prop_assert_eq!(counts.good, 1);
        let value = |quantity| seen[0].sample.quantities.value(quantity).unwrap();
        prop_assert!((value(Quantity::BATTERY_VOLTAGE) * 10 - i64::from(volts)).abs() <= 5);
        prop_assert!((value(Quantity::BATTERY_CURRENT) * 10 - i64::from(amperes)).abs() <= 5);
        prop_assert_eq!(&seen[0].sample.unknown, &(if noise == "---" { vec![] } else { vec![format!("Zz={noise}")] }));
    }
}

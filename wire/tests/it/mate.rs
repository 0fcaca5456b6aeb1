//! MATE pages, by synthetic pages: meanings, rounds, framing.

use wire::mate::{Address, MateDecoder, encode_page};
use wire::{Condition, Decoder, Flag, Observation, Quantity};

use crate::streams::decode;

fn address(character: char) -> Address {
    Address::from_char(character).unwrap()
}

/// A page by its fields in one string.
fn page(character: char, fields: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_page(address(character), &fields.split(',').collect::<Vec<_>>(), &mut bytes);
    assert_eq!(bytes.len(), 49, "{fields}");
    bytes
}

const FX_CALM: &str = "00,02,05,120,120,00,05,000,02,270,000,000";
const MX_CALM: &str = "00,12,08,090,015,05,03,000,02,271,0007,00";
const DC_CALM: &str = "0100,0250,0000,06,00012,272,098,001,08,35";

fn merged(pages: &[Vec<u8>]) -> Observation {
    let (mut seen, counts) = decode(Box::new(MateDecoder::new(&[])), &pages.concat(), &[]);
    assert_eq!((seen.len(), counts.good as usize, counts.bad), (1, pages.len(), 0));
    seen.remove(0)
}

#[test]
fn a_round_of_three_devices_is_one_reading() {
    let sample = merged(&[page('0', FX_CALM), page('A', MX_CALM), page('b', DC_CALM)]).sample;
    let value = |quantity| sample.quantities.value(quantity);
    assert_eq!(value(Quantity::INPUT_VOLTAGE), Some(1200), "the inverter's input, not the panel");
    assert_eq!(value(Quantity::OUTPUT_VOLTAGE), Some(1200));
    assert_eq!(value(Quantity::INPUT_CURRENT), Some(500));
    assert_eq!(value(Quantity::OUTPUT_CURRENT), Some(300), "bought less charged");
    assert_eq!(value(Quantity::BATTERY_VOLTAGE), Some(2720), "the monitor's");
    assert_eq!(value(Quantity::BATTERY_CURRENT), Some(1500), "shunt A is negative, C is disabled");
    assert_eq!(value(Quantity::BATTERY_CHARGE), Some(98));
    assert_eq!(value(Quantity::BATTERY_TEMPERATURE), Some(250));
    assert_eq!(sample.flags.value(Flag::LinePresent), Some(true));
    assert_eq!(sample.flags.value(Flag::BatteryPower), Some(false));
    assert_eq!(sample.flags.value(Flag::BatteryCharging), Some(true));
    assert_eq!(sample.flags.value(Flag::SystemReady), Some(true));
    assert_eq!(sample.conditions.raised().count(), 0);
    assert_eq!(sample.conditions.value(Condition::CHARGER_FAULT), Some(false));
    assert!(sample.unknown.is_empty());
}

#[test]
fn a_230_volt_unit_doubles_volts_and_halves_amperes() {
    let sample = merged(&[page('1', "04,00,06,115,116,00,08,000,02,270,001,000")]).sample;
    assert_eq!(sample.quantities.value(Quantity::INPUT_VOLTAGE), Some(2300));
    assert_eq!(sample.quantities.value(Quantity::OUTPUT_VOLTAGE), Some(2320));
    assert_eq!(sample.quantities.value(Quantity::INPUT_CURRENT), Some(300));
    assert_eq!(sample.quantities.value(Quantity::OUTPUT_CURRENT), Some(500));
}

#[test]
fn an_outage_errors_and_unknown_codes() {
    let outage = merged(&[page('0', "07,00,00,000,120,00,02,000,00,250,000,000")]).sample;
    assert_eq!(outage.flags.value(Flag::LinePresent), Some(false));
    assert_eq!(outage.flags.value(Flag::BatteryPower), Some(true));
    assert_eq!(outage.conditions.raised().collect::<Vec<_>>(), [Condition::UTILITY_LOST]);

    let error = merged(&[page('0', "00,00,00,120,000,00,90,044,02,210,000,012")]).sample;
    let raised: Vec<_> = error.conditions.raised().collect();
    let expect = [
        Condition::INVERTER_FAULT,
        Condition::INPUT_HIGH,
        Condition::INPUT_LOW,
        Condition::BATTERY_LOW,
        Condition::INVERTER_OVERTEMP,
    ];
    assert_eq!(raised, expect);
    assert_eq!(error.flags.value(Flag::SystemReady), Some(false));
    assert_eq!(error.unknown, ["0.error=0x20"]);

    let unknown = merged(&[page('3', "00,00,00,120,000,00,42,000,07,210,000,128")]).sample;
    assert_eq!(unknown.unknown, ["3.mode=0x2A", "3.ac_mode=0x07", "3.warning=0x80"]);
    assert_eq!(unknown.flags.value(Flag::LinePresent), None);
    assert_eq!(unknown.conditions.value(Condition::UTILITY_LOST), None);

    let charger = merged(&[page('A', "00,12,08,090,015,05,03,064,02,271,0007,00")]).sample;
    assert_eq!(charger.conditions.raised().collect::<Vec<_>>(), [Condition::CHARGER_FAULT]);
    assert_eq!(charger.unknown, ["A.error=0x40"]);
    assert_eq!(charger.quantities.value(Quantity::BATTERY_CURRENT), Some(1250));

    let no_sensor = merged(&[page('b', "0000,0000,0000,00,00000,272,098,000,00,99")]).sample;
    assert_eq!(no_sensor.quantities.value(Quantity::BATTERY_TEMPERATURE), None);
}

#[test]
fn stacked_inverters_add_their_currents_and_share_their_state() {
    let one = "05,00,00,120,120,00,02,000,02,250,000,000";
    let other = "03,00,00,000,120,00,04,000,00,250,000,000";
    let sample = merged(&[page('1', one), page('2', other)]).sample;
    assert_eq!(sample.quantities.value(Quantity::OUTPUT_CURRENT), Some(800));
    assert_eq!(sample.flags.value(Flag::LinePresent), Some(false), "a leg without input is no input");
    assert_eq!(sample.flags.value(Flag::BatteryPower), Some(true));
    assert_eq!(sample.conditions.value(Condition::UTILITY_LOST), Some(true));
}

#[test]
fn a_round_ends_when_all_have_spoken_when_one_speaks_again_and_after_a_second() {
    let (fx, dc) = (page('0', FX_CALM), page('b', DC_CALM));
    let mut decoder = MateDecoder::new(&[address('0'), address('b')]);
    let mut seen = Vec::new();
    let mut push = |bytes: &[u8], at| {
        decoder.push(bytes, at, &mut |one: Observation| seen.push(one.sample.quantities.len()));
        seen.len()
    };
    assert_eq!(push(&fx, 0), 0);
    assert_eq!(push(&dc, 900), 1, "all have spoken");
    assert_eq!(push(&fx, 1000), 1);
    assert_eq!(push(&page('C', MX_CALM), 1100), 1, "a device of another inverter");
    assert_eq!(push(&fx, 1500), 2, "one speaks again");
    assert_eq!(push(&dc, 2501), 3, "too late for the round of 1500");
    decoder.flush(&mut |one| seen.push(one.sample.quantities.len()));
    assert_eq!(seen, [8, 5, 5, 4]);
}

#[test]
fn lines_that_are_no_pages_are_counted() {
    let good = String::from_utf8(page('0', FX_CALM)).unwrap();
    let bad = [
        good.replace("270", "271"), // digit sum
        good.replace("270", "720"), // the same digits elsewhere: a sum cannot see it
        good.replace(",270,", ",2700"),
        good.replace("0,00,02,", "0,0,002,"),
        good.replacen('0', "L", 1), // no such address
        good.replace('\r', "0\r"),  // too long
        good.replace("000,", ""),   // too short
        good.replace("\r", ""),     // no end
    ];
    for (at, line) in bad.iter().enumerate() {
        let bytes = [line.as_bytes(), good.as_bytes()].concat();
        let (_, counts) = decode(Box::new(MateDecoder::new(&[])), &bytes, &[]);
        let expect = if at == 1 { (2, 0) } else { (1, 1) };
        assert_eq!((counts.good, counts.bad), expect, "{line:?}");
    }
}

#[test]
fn addresses_are_the_ones_a_hub_has() {
    for (character, there) in [
        ('0', true),
        (':', true),
        (';', false),
        ('A', true),
        ('K', true),
        ('L', false),
        ('a', true),
        ('k', true),
        ('l', false),
        ('é', false),
    ] {
        assert_eq!(Address::from_char(character).map(Address::as_char), there.then_some(character));
    }
}

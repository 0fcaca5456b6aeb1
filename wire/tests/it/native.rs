//! The native frame: round trip, bounds, bodies that a good CRC does not make good.

use proptest::prelude::*;
use wire::native::{MAX_FRAME_BYTES, NativeDecoder, encode};
use wire::{Button, Observation, Quantity, Sample, Serial};

use crate::strategies;
use crate::streams::{cuts, decode};

fn frames(bytes: &[u8], cuts: &[usize]) -> (Vec<Observation>, wire::StreamCounts) {
    decode(Box::new(NativeDecoder::new()), bytes, cuts)
}

proptest! {
    #[test]
    fn frames_come_back_as_they_went(
        sent in proptest::collection::vec(strategies::observation(), 0..5), cuts in cuts(),
    ) {
        let mut bytes = Vec::new();
        sent.iter().for_each(|one| encode(one, &mut bytes));
        let (received, counts) = frames(&bytes, &cuts);
        prop_assert_eq!(received, sent.clone());
        prop_assert_eq!((counts.good, counts.bad, counts.dropped_bytes), (sent.len() as u64, 0, 0));
    }
}

#[test]
fn the_longest_frame_fits() {
    let mut sample = Sample::default();
    Quantity::all().for_each(|quantity| sample.quantities.set(quantity, -strategies::MAX_SCALED));
    (0..100).for_each(|_| sample.push_unknown(&"é".repeat(32)));
    let observation = Observation {
        serial: Serial::parse(&"A".repeat(32)).ok(),
        boot: Some(u64::MAX),
        sequence: Some(u64::MAX),
        uptime_ms: Some(u64::MAX),
        sample: sample.clone(),
        button: Some(Button { count: u64::MAX, age_ms: u64::MAX }),
        test: None,
    };
    let mut bytes = Vec::new();
    encode(&observation, &mut bytes);
    assert!(bytes.len() <= MAX_FRAME_BYTES + 2);
    let (seen, counts) = frames(&bytes, &[]);
    assert_eq!(counts.good, 1);
    assert_eq!(seen[0].sample.quantities, sample.quantities);
    // Codes that would not fit were left out, the last first; the others are whole.
    assert!((5..32).contains(&seen[0].sample.unknown.len()));
    assert!(seen[0].sample.unknown.iter().all(|text| sample.unknown.contains(text)));
}

#[test]
fn one_byte_more_than_a_frame_may_have_is_dropped_and_counted() {
    for (length, dropped) in [(MAX_FRAME_BYTES, MAX_FRAME_BYTES), (10_000_000, 10_000_000)] {
        let mut bytes = vec![1; length];
        encode(&Observation::default(), &mut bytes);
        let (seen, counts) = frames(&bytes, &[]);
        assert_eq!((seen.len(), counts.bad, counts.dropped_bytes), (1, 1, dropped as u64));
    }
}

/// A frame around any body, with a good CRC.
fn framed(body: &[u8]) -> Vec<u8> {
    [b"\0".as_slice(), &stuffed(body), b"\0"].concat()
}

/// COBS of body and CRC, both computed apart from the crates that the decoder uses.
fn stuffed(body: &[u8]) -> Vec<u8> {
    let mut crc = !0_u32;
    for byte in body {
        crc ^= u32::from(*byte);
        (0..8).for_each(|_| crc = (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)));
    }
    let mut stuffed = Vec::new();
    for run in [body, &(!crc).to_le_bytes()].concat().split(|byte| *byte == 0) {
        for stretch in run.chunks(254).chain(run.is_empty().then_some(run)) {
            stuffed.push(u8::try_from(stretch.len() + 1).unwrap());
            stuffed.extend_from_slice(stretch);
        }
    }
    stuffed
}

#[test]
fn a_frame_of_the_greatest_length_is_good_and_one_byte_behind_it_makes_it_bad() {
    // {99: text}: 4 bytes of head and text, 4 of CRC, none of them zero, and 5 of COBS.
    let body = [b"\xa1\x18\x63\x79\x03\xf1".as_slice(), &[b'x'; 1009]].concat();
    let frame = stuffed(&body);
    assert_eq!(frame.len(), MAX_FRAME_BYTES);
    let (seen, counts) = frames(&[&frame[..], b"\0"].concat(), &[]);
    assert_eq!((seen.len(), counts.bad), (1, 0));
    let (seen, counts) = frames(&[&frame[..], b"\x01\0"].concat(), &[]);
    assert_eq!((seen.len(), counts.bad), (0, 1));
}

#[test]
fn the_frame_is_what_the_document_says() {
    // {0: 1, 3: 5, 5: {9: 13642}, 6: [3, 2], 9: {0: 2, 1: 0}}
    let body = b"\xa5\x00\x01\x03\x05\x05\xa1\x09\x19\x35\x4a\x06\x82\x03\x02\x09\xa2\x00\x02\x01\x00";
    let (seen, _) = frames(&framed(body), &[]);
    let mut expect =
        Observation { sequence: Some(5), button: Some(Button { count: 2, age_ms: 0 }), ..Default::default() };
    expect.sample.quantities.set(Quantity::BATTERY_VOLTAGE, 13_642);
    expect.sample.flags = wire::Flags::from_bits(3, 2);
    assert_eq!(seen, [expect.clone()]);
    let mut bytes = Vec::new();
    encode(&expect, &mut bytes);
    assert_eq!(bytes, framed(body));
}

#[test]
fn a_good_crc_does_not_make_a_bad_body_good() {
    let bad: &[&[u8]] = &[
        b"",                     // nothing
        b"\x01",                 // no map
        b"\xa1\x00\x02",         // another version
        b"\xa1\x01\x63abc",      // a serial number too short
        b"\xa1\x01\x64A_B!",     // no serial number
        b"\xa1\x09\xa1\x00\x01", // a button without age
        b"\xa1\x0a\xa1\x00\x01", // a test without result
        b"\xa0\x00",             // a byte too many
        b"\xa2\x03\x01\x03\x02", // a key twice
        b"\xa2\x03\x01",         // cut short
    ];
    for body in bad {
        let (seen, counts) = frames(&framed(body), &[]);
        assert_eq!((seen.len(), counts.bad), (0, 1), "{body:x?}");
    }
    let (seen, counts) = frames(&framed(b"\xa2\x05\xa2\x18\xc8\x07\x09\x63abc\x18\x63\xf5"), &[]);
    assert_eq!(counts.good, 1, "unknown keys, quantities and odd values do not make a body bad");
    assert_eq!(seen[0].sample.unknown, ["200=7", "battery.voltage=\"abc\"", "99=true"]);
}

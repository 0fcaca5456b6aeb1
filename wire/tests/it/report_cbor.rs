//! The report as CBOR: round trip, unknown things carried, hostile and broken input refused with key and offset.

use proptest::prelude::*;
use wire::report::{MAX_PACKET_BYTES, MAX_RECORDS, cbor, decode};
use wire::{EventKind, Quality, Quantity, Report};

use crate::strategies;

fn encoded(report: &Report) -> Vec<u8> {
    let mut bytes = Vec::new();
    cbor::encode(report, &mut bytes);
    bytes
}

proptest! {
    #[test]
    fn reports_come_back_as_they_went(report in strategies::report()) {
        prop_assert_eq!(decode(&encoded(&report)).unwrap(), report);
    }

    /// ASVS 5.0: 1.4.1.
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = cbor::decode(&bytes);
    }

    #[test]
    fn a_changed_report_is_survived_and_a_cut_one_refused(
        report in strategies::report(), at in any::<usize>(), byte in any::<u8>(),
    ) {
        let mut bytes = encoded(&report);
        let at = at % bytes.len();
        prop_assert!(cbor::decode(&bytes[..at]).is_err());
        bytes[at] = byte;
        let _ = cbor::decode(&bytes);
    }
}

/// One reading with the given map of quantities.
fn with_quantities(map: &[u8]) -> Vec<u8> {
    [b"\xa2\x00\x01\x04\x81\xa1\x04", map].concat()
}

#[test]
fn one_odd_value_never_drops_the_rest() {
    let cases: &[(&[u8], &str)] = &[
        (b"\xa2\x09\x01\x18\xc8\x05", "200=5"),                  // unknown code
        (b"\xa2\x09\x01\x0a\x63abc", "battery.current=\"abc\""), // text
        (b"\xa2\x09\x01\x0a\xf6", "battery.current=null"),       // null
        (b"\xa2\x09\x01\x0a\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00", "battery.current=NaN"),
        (b"\xa2\x09\x01\x0a\xf9\x7e\x00", "battery.current=h'f97e00'"), // NaN of 16 bits
        (b"\xa2\x09\x01\x0a\x1b\xff\xff\xff\xff\xff\xff\xff\xff", "battery.current=18446744073709551615"),
        (b"\xa2\x09\x01\x0a\x1b\x00\x10\x00\x00\x00\x00\x00\x00", "battery.current=4503599627370496"),
        (b"\xa2\x09\x01\x0a\x9f\x01\x81\x02\xff", "battery.current=h'9f018102ff'"), // indefinite array
        (b"\xa2\x09\x01\x09\x02", "battery.voltage=2"),                             // twice: the first stays
        (b"\xa2\x09\x01\x63new\x07", "new=7"),                                      // a name as key
        (b"\xa2\x09\x01\x20\x07", "?=7"),                                           // a negative key
        (b"\xbf\x09\x01\x18\xc8\x20\xff", "200=-1"),                                // an indefinite map
        (b"\xa2\x09\x01\x0a\xc1\x07", "battery.current=h'c107'"),                   // tagged
    ];
    for (map, unknown) in cases {
        let report = decode(&with_quantities(map)).unwrap_or_else(|error| panic!("{map:x?}: {error}"));
        let sample = &report.readings[0].sample;
        assert_eq!(sample.quantities.value(Quantity::BATTERY_VOLTAGE), Some(1), "{map:x?}");
        assert_eq!(sample.unknown, [*unknown], "{map:x?}");
    }
}

#[test]
fn unknown_keys_masks_kinds_and_codes_are_carried() {
    // Report key 9; reading keys 3 (quality 7), 5 and 6 (masks with bits nobody knows), 99; event of kind 77, result 9.
    let bytes = b"\xa3\x04\x81\xa4\x03\x07\x05\x82\x18\x81\x18\x80\x06\x82\x1a\x00\x02\x00\x01\x01\x18\x63\x82\x01\x02\
        \x05\x82\xa1\x03\x18\x4d\xa4\x03\x01\x04\x01\x07\x00\x08\x09\x09\xa1\x01\x02";
    let report = cbor::decode(bytes).unwrap();
    let reading = &report.readings[0];
    assert_eq!(reading.quality, Quality::Estimated);
    assert_eq!((reading.sample.flags.reported_bits(), reading.sample.flags.raised_bits()), (1, 0));
    assert_eq!((reading.sample.conditions.reported_bits(), reading.sample.conditions.raised_bits()), (1, 1));
    assert_eq!(reading.sample.unknown, ["flags.7=true", "conditions.17=false", "99=h'820102'"]);
    assert_eq!(report.events[0].kind, EventKind::Other("77".into()));
    let EventKind::Test { result, .. } = &report.events[1].kind else { panic!("{:?}", report.events[1]) };
    assert_eq!(result.name(), "9");
}

/// ASVS 5.0: 1.5.2.
#[test]
fn what_has_no_meaning_is_refused_with_key_and_offset() {
    let nested = [b"\xa1\x18\x63".as_slice(), &[0x81; 40], b"\x00"].concat();
    let cases: &[(&[u8], usize, &str, &str)] = &[
        (b"", 0, "report", "expected a map, but the input ends"),
        (b"\x80", 0, "report", "expected a map"),
        (b"\xa1\x00\x02", 3, "version", "this reader knows version 1, the report has 2"),
        (b"\xa1\x01\x41\x00", 4, "boot", "expected 16 bytes, found 1"),
        (b"\xa1\x02\x20", 2, "uptime_ms", "expected an unsigned integer"),
        (b"\xa1\x02\x19\x01", 2, "uptime_ms", "expected an unsigned integer, but the input ends"),
        (b"\xa2\x02\x01\x02\x01", 4, "report", "key 2 comes twice"),
        (b"\xa1\x02\x01\x00", 3, "uptime_ms", "nothing may follow the report, 1 bytes do"),
        (b"\xa1\x04\x81\xa1\x05\x81\x01", 7, "flags", "expected two masks, reported and true"),
        (b"\xa1\x04\x81\xa1\x05\x83\x01\x01\x01", 8, "flags", "expected two masks, reported and true"),
        (b"\xa1\x04\x81\xa1\x04\x01", 5, "quantities", "expected a map"),
        (b"\xa1\x05\x81\xa1\x03\x00", 6, "kind", "a button event needs `count`"),
        (b"\xa1\x05\x81\xa2\x03\x00\x04\x01", 8, "count", "a button event needs `age_ms`"),
        (b"\xa1\x05\x81\xa0", 4, "events", "an event needs `kind`"),
        (
            b"\xa1\x04\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
            11,
            "readings",
            "expected a map, but the input ends",
        ),
        (&nested, 19, "report", "values may nest 16 deep"),
        (b"\xbf\x02\x01", 3, "uptime_ms", "expected an item or a break, but the input ends"),
        (b"\xa1\xff\x01", 1, "report", "expected a value"),
    ];
    for (bytes, offset, key, problem) in cases {
        let error = cbor::decode(bytes).unwrap_err();
        assert_eq!((error.offset, error.key), (*offset, *key), "{bytes:x?}: {error}");
        assert!(error.problem.starts_with(problem), "{bytes:x?}: {error}");
    }
}

/// ASVS 5.0: 1.5.2.
#[test]
fn records_and_bytes_are_bounded() {
    let with = |records: usize| {
        let count = u16::try_from(records - 1).unwrap().to_be_bytes();
        [b"\xa2\x05\x81\xa1\x03\x18\x4d\x04\x99".as_slice(), &count, &vec![0xa0; records - 1]].concat()
    };
    assert_eq!(cbor::decode(&with(MAX_RECORDS)).unwrap().readings.len(), MAX_RECORDS - 1);
    assert!(cbor::decode(&with(MAX_RECORDS + 1)).unwrap_err().problem.contains("at most 4096"));
    assert!(decode(&vec![0; MAX_PACKET_BYTES + 1]).unwrap_err().problem.contains("at most 64000 bytes"));
}

#[test]
fn an_everyday_report_is_small() {
    let report = strategies::everyday_report();
    let whole = encoded(&report).len();
    let reading = whole - encoded(&Report { readings: Vec::new(), ..report }).len();
    eprintln!("a report of 30 quantities: {whole} bytes, {reading} of them the reading");
    assert!(whole <= 210 && reading <= 160, "{whole} {reading}");
}

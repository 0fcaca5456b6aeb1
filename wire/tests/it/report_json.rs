//! The report as JSON: round trip, agreement with an independent parser, odd values, errors with key and offset.

use proptest::prelude::*;
use wire::report::{cbor, decode, json};
use wire::{EventKind, Quality, Quantity, Report};

use crate::strategies;

fn encoded(report: &Report) -> Vec<u8> {
    let mut bytes = Vec::new();
    json::encode(report, &mut bytes);
    bytes
}

proptest! {
    #[test]
    fn reports_come_back_as_they_went(report in strategies::report()) {
        prop_assert_eq!(decode(&encoded(&report)).unwrap(), report);
    }

    #[test]
    fn what_is_written_is_json_and_may_be_laid_out_otherwise(report in strategies::report()) {
        let value: serde_json::Value = serde_json::from_slice(&encoded(&report)).unwrap();
        // An object's keys come back in another order, with white space between.
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let mut back = json::decode(pretty.as_bytes()).unwrap();
        let mut sent = report;
        // Only doubles survive that parser: values beyond are compared by their own test.
        let quantities = |report: &mut Report| report.readings.iter_mut().for_each(|r| r.sample.quantities = Default::default());
        quantities(&mut back);
        quantities(&mut sent);
        back.events.iter_mut().chain(&mut sent.events).for_each(|event| {
            if let EventKind::Test { end_voltage, .. } = &mut event.kind { *end_voltage = None; }
        });
        prop_assert_eq!(back, sent);
    }

    /// ASVS 5.0: 1.5.2.
    #[test]
    fn any_text_is_survived(text in r#"[\[\]{}:,"\\tfn0-9eE.\- NaInity]{0,80}|.{0,80}"#) {
        let _ = json::decode(text.as_bytes());
    }

    #[test]
    fn a_changed_report_is_survived_and_a_cut_one_refused(
        report in strategies::report(), at in any::<usize>(), byte in any::<u8>(),
    ) {
        let mut bytes = encoded(&report);
        let at = at % bytes.len();
        prop_assert!(json::decode(&bytes[..at]).is_err());
        bytes[at] = byte;
        let _ = json::decode(&bytes);
    }
}

#[test]
fn one_odd_value_never_drops_the_rest() {
    let cases = [
        (r#""battery.charge":"full""#, r#"battery.charge="full""#),
        (r#""battery.charge":NaN"#, r#"battery.charge="NaN""#),
        (r#""battery.charge":-Infinity"#, r#"battery.charge="-Infinity""#),
        (r#""battery.charge":1e999"#, "battery.charge=1e999"),
        (r#""battery.charge":99999999999999999999"#, "battery.charge=99999999999999999999"),
        (r#""battery.charge":true"#, "battery.charge=true"),
        (r#""battery.charge":{"percent":5}"#, r#"battery.charge={"percent":5}"#),
        (r#""battery.voltage":1"#, "battery.voltage=1"),
        (r#""panel.voltage":31.5"#, "panel.voltage=31.5"),
        (r#""\u0070anel":1"#, "panel=1"),
    ];
    for (entry, unknown) in cases {
        let text = format!(r#"{{"readings":[{{"quantities":{{"battery.voltage":136.42,{entry}}}}}]}}"#);
        let report = decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        let sample = &report.readings[0].sample;
        assert_eq!(sample.quantities.value(Quantity::BATTERY_VOLTAGE), Some(13_642), "{text}");
        assert_eq!(sample.unknown, [unknown], "{text}");
    }
    let text = format!(
        r#"{{"readings":[{{"quantities":{{"battery.charge":{}1{}}}}}]}}"#,
        "[".repeat(9000),
        "]".repeat(9000)
    );
    assert_eq!(decode(text.as_bytes()).unwrap().readings[0].sample.unknown[0].len(), 64);
}

/// ASVS 5.0: 1.1.1.
#[test]
fn words_in_strings_are_left_alone() {
    let text =
        r#"{"readings":[{"note":"say \"NaN\" \\","quantities":{"battery.voltage":1,"ups.load":NaN}}]}"#;
    let report = decode(text.as_bytes()).unwrap();
    let expect = [r#"note="say \"NaN\" \\""#, r#"ups.load="NaN""#];
    assert_eq!(report.readings[0].sample.unknown, expect);
}

#[test]
fn numbers_are_exact_in_any_notation() {
    for (text, scaled) in [
        ("136.42", 13_642),
        ("1.3642e2", 13_642),
        ("13642E-2", 13_642),
        ("136", 13_600),
        ("-0.005", -1),
        ("0.00499", 0),
    ] {
        let report =
            decode(format!(r#"{{"readings":[{{"quantities":{{"battery.voltage":{text}}}}}]}}"#).as_bytes())
                .unwrap();
        assert_eq!(
            report.readings[0].sample.quantities.value(Quantity::BATTERY_VOLTAGE),
            Some(scaled),
            "{text}"
        );
    }
}

#[test]
fn unknown_keys_and_codes_are_carried_and_null_is_absent() {
    let text = r#" {"version":1,"boot":null,"time":null,"vendor":{"a":[1,2]},"readings":[
        {"quality":"guessed","quantities":{"ups.load":null},"flags":{"line_present":true,"door_open":true,"system_ready":"yes"},
         "conditions":{"utility.lost":false,"fan.stuck":true},"unknown":["AR=0x4000",7],"note":"hi","sequence":null}],
        "events":[{"kind":"door","sequence":4},{"kind":"test","count":1,"test":"weekly","result":"passed","started":null}],
        "link":{"frames_good":5}}"#;
    let report = decode(text.as_bytes()).unwrap();
    let reading = &report.readings[0];
    assert_eq!(reading.quality, Quality::Estimated);
    assert_eq!((reading.sample.flags.reported_bits(), reading.sample.flags.raised_bits()), (2, 2));
    assert_eq!(
        reading.sample.unknown,
        ["door_open=true", "system_ready=\"yes\"", "fan.stuck=true", "AR=0x4000", "7", "note=\"hi\""]
    );
    assert_eq!(report.events[0].kind, EventKind::Other("door".into()));
    assert_eq!(report.events[0].sequence, Some(4));
    let EventKind::Test { test, .. } = &report.events[1].kind else { panic!("{:?}", report.events[1]) };
    assert_eq!(test.name(), "weekly");
    assert_eq!(report.link.unwrap().frames_good, 5);
    assert_eq!((report.boot, report.time), (None, None));
    // What JSON carried, CBOR carries on.
    let mut bytes = Vec::new();
    cbor::encode(&report, &mut bytes);
    assert_eq!(decode(&bytes).unwrap(), report);
}

#[test]
fn what_has_no_meaning_is_refused_with_key_and_offset() {
    let cases = [
        ("{", 1, "", "EOF while parsing an object"),
        (" []", 3, "", "invalid type: sequence, expected an object"),
        (r#"{"version":2}"#, 13, "version", "this reader knows version 1, the report has 2"),
        (r#"{"boot":"12"}"#, 13, "boot", "expected 32 hexadecimal digits"),
        (r#"{"boot":12}"#, 10, "boot", "invalid type: integer `12`, expected a string"),
        (r#"{"uptime_ms":-1}"#, 15, "uptime_ms", "invalid value: integer `-1`"),
        (r#"{"uptime_ms":1e3}"#, 16, "uptime_ms", "invalid type: floating point"),
        (r#"{"uptime_ms":99999999999999999999}"#, 33, "uptime_ms", "invalid type: floating point"),
        ("{\"uptime_ms\":1,\n\"time\":\"soon\"}", 30, "time", "expected an RFC 3339 time such as"),
        (r#"{"uptime_ms":1,"uptime_ms":1}"#, 26, "uptime_ms", "key \"uptime_ms\" comes twice"),
        (
            r#"{"readings":[{"quantities":7}]}"#,
            28,
            "quantities",
            "invalid type: integer `7`, expected an object",
        ),
        (r#"{"events":[{"count":1}]}"#, 23, "events", "an event needs `kind`"),
        (r#"{"events":[{"kind":"button","count":1}]}"#, 39, "events", "a button event needs `age_ms`"),
        (r#"{"version":1} x"#, 15, "", "trailing characters"),
        (r#"{"version":1,}"#, 14, "", "trailing comma"),
    ];
    for (text, offset, key, problem) in cases {
        let error = decode(text.as_bytes()).unwrap_err();
        assert!(error.problem.starts_with(problem), "{text}: {error}");
        assert_eq!((error.offset, error.key), (offset, key), "{text}: {error}");
    }
    let error = decode(b"{\"a\":\"\xff\"}").unwrap_err();
    assert_eq!((error.offset, error.problem.as_str()), (6, "JSON is UTF-8, this byte is not"));
    let readings = format!(r#"{{"readings":[{}{{}}]}}"#, "{},".repeat(4096));
    assert!(decode(readings.as_bytes()).unwrap_err().problem.contains("at most 4096"));
    assert!(
        decode(format!("{{{}", " ".repeat(64_000)).as_bytes()).unwrap_err().problem.contains("at most 64000")
    );
}

//! The documents in `docs/wire` say what the code does.

use wire::report::{cbor, decode, json};
use wire::{EventKind, Quality, Quantity, condition, flag, quantity};

const README: &str = include_str!("../../../docs/wire/README.md");
const REPORT: &str = include_str!("../../../docs/wire/report.cddl");
const NATIVE: &str = include_str!("../../../docs/wire/native.cddl");

#[test]
fn the_examples_are_read_and_nothing_of_them_is_unknown() {
    let example = README.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let report = decode(example.as_bytes()).unwrap();
    let reading = &report.readings[0];
    assert_eq!(reading.quality, Quality::Synchronised);
    assert_eq!(reading.sample.quantities.value(Quantity::BATTERY_VOLTAGE), Some(13_642));
    assert_eq!(reading.sample.flags.reported_bits().count_ones(), 2);
    assert_eq!(reading.sample.conditions.reported_bits().count_ones(), 2);
    assert_eq!(reading.sample.unknown, ["AR=0x4000"]);
    assert_eq!(report.events.len(), 4);
    assert!(report.events.iter().all(|event| !matches!(event.kind, EventKind::Other(_))));
    assert!(report.boot.is_some() && report.link.is_some());
    // Nothing was passed over: written again, it has every key of the example.
    let value = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
    let mut again = Vec::new();
    json::encode(&report, &mut again);
    let keys = |text: &str| text.matches('"').count();
    assert_eq!(keys(&value(&again).to_string()), keys(&value(example.as_bytes()).to_string()));

    let one_liner = README.split("-m '").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    assert_eq!(decode(one_liner.as_bytes()).unwrap().readings.len(), 1);
}

#[test]
fn the_data_definitions_name_every_code() {
    for document in [REPORT, NATIVE] {
        for definition in quantity::TABLE {
            let step = format!(
                "{:.*}",
                usize::from(definition.decimals),
                Quantity::from_code(definition.code.into()).unwrap().scale().recip()
            );
            let line = format!("? {}: scaled", definition.code);
            let comment = format!("; {}, {step} {}", definition.name, definition.unit);
            let found = document
                .lines()
                .any(|text| text.trim().starts_with(&line) && text.ends_with(comment.trim_end()));
            assert!(found, "{line} {comment}");
        }
        let bit = |code: u8, name: &str| {
            document.lines().any(|text| text.starts_with(&format!(";   bit {code:>2} ; {name}")))
        };
        assert!(condition::TABLE.iter().all(|(code, name)| bit(*code, name)));
        assert!(flag::TABLE.iter().all(|(_, code, name)| bit(*code, name)));
    }
    assert!(REPORT.contains("0: 1 ") && cbor::VERSION == 1);
}

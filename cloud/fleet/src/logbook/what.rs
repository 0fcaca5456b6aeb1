//! What an entry tells: a test, an outage, what was done after a failed test.
//!
//! In: a record that is over, what was asked of it. Out: the same in plain names and rounded numbers, and from those the record again,
//! for calendars and reports of years. `null` is "not told".

use serde::{Deserialize, Serialize};
use wire::{Quantity, UtcMs};

use super::told::{maybe_time, rounded, single, time};
use crate::event::TestRecord;
use crate::readiness::{Load, Unit};
use crate::record::{self, Record};
use crate::self_test::{Found, Grade, Kind, Reason, RuleSet, SeenBy, grade};

/// What an entry tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A self-test.
    Test(Test),
    /// A power failure.
    Outage(Outage),
    /// What somebody noted.
    Note(Note),
}

/// A self-test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// `monthly`, `annual`, `manual`.
    pub kind: String,
    /// `telemetry`: readings were there while it ran; `word`: the inverter told of it.
    pub seen_by: String,
    /// When it began.
    #[serde(with = "time")]
    pub started: UtcMs,
    /// How long it lasted, seconds.
    pub length_s: f64,
    /// `passed`, `remark`, `incomplete`, `failed`.
    pub grade: String,
    /// Why it is no plain pass.
    pub reason: Option<String>,
    /// What it was graded by.
    pub rule_set: String,
    /// Minutes that the battery must last.
    pub required_minutes: u32,
    /// Utility power failed within it.
    pub interrupted: bool,
    /// The battery gave up.
    pub gave_up: bool,
    /// The battery was full at its start.
    pub charged: Option<bool>,
    /// Volts per cell above the cut-off at its end.
    pub end_above_cutoff_v_per_cell: Option<f64>,
    /// Mean load, in the unit that the inverter tells it in.
    pub load: Option<f64>,
    /// What the inverter itself says of it.
    pub own: Option<Own>,
    /// It was seen to end with the battery at the cut-off. Not written where it was not, as in all entries of earlier versions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_cutoff: bool,
}

/// What an inverter itself says of a test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Own {
    /// Its counter of tests.
    pub count: u64,
    /// `monthly`, `annual`, `manual`, or as it was told.
    pub kind: String,
    /// `passed`, `warning`, `failed`, `aborted`, or as it was told.
    pub result: String,
    /// When it began.
    #[serde(with = "maybe_time")]
    pub started: Option<UtcMs>,
    /// How long it lasted, seconds.
    pub length_s: Option<u64>,
    /// Battery voltage at its end, V.
    pub end_voltage_v: Option<f64>,
    /// When it was told.
    #[serde(with = "time")]
    pub told: UtcMs,
}

/// A power failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    /// When the load went over to the battery.
    #[serde(with = "time")]
    pub started: UtcMs,
    /// How long the battery fed it, seconds.
    pub length_s: f64,
    /// Minutes that the battery must last.
    pub required_minutes: u32,
    /// The battery gave up: the lights went out.
    pub gave_up: bool,
    /// Contact was lost within it.
    pub contact_lost: bool,
    /// Its end was not seen: the battery fed at least so long. Not written where it was, as in all entries of earlier versions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub end_unseen: bool,
    /// Lowest battery voltage that was seen, V.
    pub lowest_voltage_v: Option<f64>,
    /// Mean load.
    pub load: Option<f64>,
    /// Its unit: `W`, `VA`, `%` of rated, `W of the battery`, and others of later versions.
    pub load_unit: Option<String>,
    /// What was said at its start.
    pub predicted: Option<Predicted>,
    /// When the battery was full again.
    #[serde(with = "maybe_time")]
    pub recharged: Option<UtcMs>,
}

/// How long the battery was said to last, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// Most likely.
    pub runtime_s: f64,
    /// Lower end of the 90 % interval.
    pub low_s: f64,
    /// Its upper end.
    pub high_s: f64,
}

/// What somebody noted, for example after a failed test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// The record that it is about: `test/` or `outage/` and its start, milliseconds since 1970.
    pub about: String,
    /// What was noted.
    pub text: String,
    /// Who noted it, as the person was called then.
    pub by: String,
}

impl What {
    /// Of a record. `required_minutes` and `rules` are those of the inverter when it is written.
    #[must_use]
    pub fn of(record: &Record, rules: &RuleSet, required_minutes: u32) -> Self {
        match record {
            Record::Test(test) => Self::Test(Test::of(test, rules, required_minutes)),
            Record::Outage(outage) => Self::Outage(Outage::of(outage, required_minutes)),
        }
    }

    /// The record again, to the decimals that are written; none of a note, or of what a later version wrote.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        match self {
            Self::Test(test) => Some(Record::Test(test.found()?)),
            Self::Outage(outage) => Some(Record::Outage(outage.record())),
            Self::Note(_) => None,
        }
    }

    /// Names it among its inverter's: what is told of again has the same.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Test(test) => format!("test/{}", test.started.0),
            Self::Outage(outage) => format!("outage/{}", outage.started.0),
            Self::Note(note) => format!("note/{}", note.about),
        }
    }

    /// When it happened; none of a note, which is of when it is written.
    #[must_use]
    pub const fn started(&self) -> Option<UtcMs> {
        match self {
            Self::Test(test) => Some(test.started),
            Self::Outage(outage) => Some(outage.started),
            Self::Note(_) => None,
        }
    }
}

impl Test {
    fn of(test: &Found, rules: &RuleSet, required_minutes: u32) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "minutes of some hours")]
        let required_s = required_minutes as f32 * 60.0;
        let (grade, reason) = graded(grade(test, rules, required_s));
        Self {
            kind: name(&KINDS, test.kind),
            seen_by: name(&SEEN_BY, test.seen_by),
            started: test.started,
            length_s: rounded(test.length_s, 1),
            grade: grade.to_owned(),
            reason: reason.map(|reason| reason_name(reason).to_owned()),
            rule_set: rules.name.to_owned(),
            required_minutes,
            interrupted: test.interrupted,
            gave_up: test.gave_up,
            charged: test.charged,
            end_above_cutoff_v_per_cell: test.above_cutoff_v.map(|volts| rounded(volts, 3)),
            load: test.load.map(|load| rounded(load, 1)),
            own: test.own.as_ref().map(Own::of),
            at_cutoff: test.at_cutoff,
        }
    }

    fn found(&self) -> Option<Found> {
        Some(Found {
            kind: named(&KINDS, &self.kind)?,
            seen_by: named(&SEEN_BY, &self.seen_by)?,
            started: self.started,
            length_s: single(self.length_s),
            interrupted: self.interrupted,
            gave_up: self.gave_up,
            charged: self.charged,
            above_cutoff_v: self.end_above_cutoff_v_per_cell.map(single),
            load: self.load.map(single),
            own: self.own.as_ref().map(Own::record),
            at_cutoff: self.at_cutoff,
        })
    }
}

impl Own {
    fn of(own: &TestRecord) -> Self {
        Self {
            count: own.count,
            kind: own.kind.clone(),
            result: own.result.clone(),
            started: own.started,
            length_s: own.length_s,
            end_voltage_v: own.end_voltage.map(|scaled| Quantity::BATTERY_VOLTAGE.to_f64(scaled)),
            told: own.told,
        }
    }

    fn record(&self) -> TestRecord {
        TestRecord {
            count: self.count,
            kind: self.kind.clone(),
            result: self.result.clone(),
            started: self.started,
            length_s: self.length_s,
            end_voltage: self.end_voltage_v.and_then(|volts| Quantity::BATTERY_VOLTAGE.to_scaled(volts)),
            told: self.told,
        }
    }
}

impl Outage {
    fn of(outage: &record::Outage, required_minutes: u32) -> Self {
        let seconds = |value| rounded(value, 1);
        Self {
            started: outage.started,
            length_s: seconds(outage.length_s),
            required_minutes,
            gave_up: outage.gave_up,
            contact_lost: outage.contact_lost,
            end_unseen: outage.end_unseen,
            lowest_voltage_v: outage.lowest_v.map(|volts| rounded(volts, 2)),
            load: outage.load.map(|load| rounded(load.value, 1)),
            load_unit: outage.load.map(|load| unit_name(load.unit).to_owned()),
            predicted: outage.predicted.map(|said| Predicted {
                runtime_s: seconds(said.runtime_s),
                low_s: seconds(said.low_s),
                high_s: seconds(said.high_s),
            }),
            recharged: outage.recharged,
        }
    }

    fn record(&self) -> record::Outage {
        let unit = self
            .load_unit
            .as_deref()
            .and_then(|name| UNITS.into_iter().find(|unit| unit_name(*unit) == name));
        record::Outage {
            started: self.started,
            length_s: single(self.length_s),
            gave_up: self.gave_up,
            lowest_v: self.lowest_voltage_v.map(single),
            load: self.load.zip(unit).map(|(value, unit)| Load { value: single(value), unit }),
            predicted: self.predicted.map(|said| record::Predicted {
                runtime_s: single(said.runtime_s),
                low_s: single(said.low_s),
                high_s: single(said.high_s),
            }),
            recharged: self.recharged,
            contact_lost: self.contact_lost,
            end_unseen: self.end_unseen,
        }
    }
}

const KINDS: [(Kind, &str); 3] =
    [(Kind::Monthly, "monthly"), (Kind::Annual, "annual"), (Kind::Manual, "manual")];
const SEEN_BY: [(SeenBy, &str); 2] = [(SeenBy::Telemetry, "telemetry"), (SeenBy::Word, "word")];

fn name<T: PartialEq + Copy>(table: &[(T, &str)], value: T) -> String {
    table.iter().find(|(known, _)| *known == value).map_or("", |(_, name)| *name).to_owned()
}

fn named<T: Copy>(table: &[(T, &str)], name: &str) -> Option<T> {
    table.iter().find(|(_, known)| *known == name).map(|(value, _)| *value)
}

const fn graded(grade: Grade) -> (&'static str, Option<Reason>) {
    match grade {
        Grade::Passed => ("passed", None),
        Grade::Remark(reason) => ("remark", Some(reason)),
        Grade::Incomplete(reason) => ("incomplete", Some(reason)),
        Grade::Failed(reason) => ("failed", Some(reason)),
    }
}

const fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Outage => "outage",
        Reason::CutShort => "cut_short",
        Reason::GaveUp => "gave_up",
        Reason::OwnResult => "own_result",
        Reason::NotCharged => "not_charged",
        Reason::LowVoltage => "low_voltage",
    }
}

const UNITS: [Unit; 4] = [Unit::Watt, Unit::VoltAmpere, Unit::Percent, Unit::BatteryWatt];

const fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Watt => "W",
        Unit::VoltAmpere => "VA",
        Unit::Percent => "%",
        Unit::BatteryWatt => "W of the battery",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::self_test::{EN_50172, NFPA_101};

    fn test() -> Found {
        Found {
            kind: Kind::Annual,
            seen_by: SeenBy::Telemetry,
            started: UtcMs(1_800_000_000_123),
            length_s: 5_400.0,
            interrupted: false,
            gave_up: false,
            charged: Some(true),
            above_cutoff_v: Some(0.125),
            load: Some(6_150.5),
            own: Some(TestRecord {
                count: 12,
                kind: "annual".to_owned(),
                result: "passed".to_owned(),
                started: Some(UtcMs(1_800_000_000_000)),
                length_s: Some(5_400),
                end_voltage: Some(11_290),
                told: UtcMs(1_800_005_500_000),
            }),
            at_cutoff: false,
        }
    }

    #[test]
    fn a_record_comes_back_from_what_is_written_of_it() {
        let outage = record::Outage {
            started: UtcMs(1_800_000_000_123),
            length_s: 61.5,
            gave_up: true,
            lowest_v: Some(118.25),
            load: Some(Load { value: 6_100.5, unit: Unit::BatteryWatt }),
            predicted: Some(record::Predicted { runtime_s: 7_080.0, low_s: 6_500.5, high_s: 7_700.0 }),
            recharged: Some(UtcMs(1_800_010_000_000)),
            contact_lost: true,
            end_unseen: true,
        };
        let bare = Found {
            charged: None,
            above_cutoff_v: None,
            load: None,
            own: None,
            at_cutoff: true,
            seen_by: SeenBy::Word,
            ..test()
        };
        for record in [Record::Test(test()), Record::Test(bare), Record::Outage(outage)] {
            let what = What::of(&record, &NFPA_101, 90);
            let text = serde_json::to_string(&what).unwrap();
            let read: What = serde_json::from_str(&text).unwrap();
            assert_eq!(read, what);
            assert_eq!(read.record(), Some(record.clone()));
            assert_eq!(read.key(), record.key());
            assert_eq!(read.started(), Some(record.started()));
            // As earlier versions wrote it, unless there is something to say.
            let at_cutoff = matches!(&record, Record::Test(test) if test.at_cutoff);
            assert_eq!(text.contains("at_cutoff"), at_cutoff, "{text}");
        }
        let note = Note { about: "test/1".to_owned(), text: "New fuse".to_owned(), by: "Ann".to_owned() };
        assert_eq!(
            (What::Note(note.clone()).record(), What::Note(note).key()),
            (None, "note/test/1".to_owned())
        );
    }

    #[test]
    fn an_outage_whose_end_was_seen_is_written_as_earlier_versions_wrote_it() {
        let line = r#"{"started":"2027-01-15T08:00:00.123Z","length_s":61.5,"required_minutes":90,"gave_up":false,"contact_lost":true,"lowest_voltage_v":null,"load":null,"load_unit":null,"predicted":null,"recharged":null}"#;
        let read: Outage = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), line);
        let record = read.record();
        assert!(!record.end_unseen);
        assert_eq!(Outage::of(&record, 90), read, "nothing is told anew");
        let unseen = Outage::of(&record::Outage { end_unseen: true, ..record }, 90);
        assert!(serde_json::to_string(&unseen).unwrap().contains(r#""end_unseen":true"#));
    }

    #[test]
    fn a_test_is_graded_by_what_was_asked_of_it_then() {
        let said = |rules, minutes, length_s| {
            let test = Found { length_s, own: None, ..test() };
            let Some(What::Test(test)) = Some(What::of(&Record::Test(test), rules, minutes)) else {
                panic!()
            };
            (test.grade, test.reason, test.rule_set, test.required_minutes)
        };
        let ours = |grade: &str, reason: Option<&str>, rules: &RuleSet, minutes| {
            (grade.to_owned(), reason.map(str::to_owned), rules.name.to_owned(), minutes)
        };
        assert_eq!(said(&NFPA_101, 90, 5_400.0), ours("passed", None, &NFPA_101, 90));
        assert_eq!(said(&EN_50172, 180, 5_400.0), ours("incomplete", Some("cut_short"), &EN_50172, 180));
    }
}

//! An event as it stands on the wire, in either format: a kind and parts, of which each kind needs some.
//!
//! In: the parts a decoder found, in any order. Out: an [`Event`], or what is missing in words.

use alloc::format;
use alloc::string::String;

use super::{Event, EventKind};
use crate::{Scaled, TestKind, TestResult, UtcMs};

/// Longest text of an unknown kind or a foreign serial number, bytes.
const MAX_TEXT_BYTES: usize = 64;

/// The kinds with their codes in CBOR and names in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Button,
    Test,
    Gap,
    WrongInverter,
    Other(String),
}

impl Kind {
    const TABLE: [(Self, &'static str); 4] = [
        (Self::Button, "button"),
        (Self::Test, "test"),
        (Self::Gap, "gap"),
        (Self::WrongInverter, "wrong_inverter"),
    ];

    /// By place in the table; anything else is carried as its decimal text.
    pub(super) fn from_code(code: u64) -> Self {
        usize::try_from(code)
            .ok()
            .and_then(|at| Self::TABLE.get(at))
            .map_or_else(|| Self::Other(format!("{code}")), |(kind, _)| kind.clone())
    }

    /// By name; anything else is carried.
    pub(super) fn from_name(name: &str) -> Self {
        Self::TABLE.iter().find(|(_, n)| *n == name).map_or_else(
            || Self::Other(String::from(crate::sample::cut(name, MAX_TEXT_BYTES))),
            |(kind, _)| kind.clone(),
        )
    }
}

impl EventKind {
    /// Code in CBOR (`None`: carried by name) and name in JSON.
    pub(super) fn code_and_name(&self) -> (Option<u8>, &str) {
        match self {
            Self::Button { .. } => (Some(0), "button"),
            Self::Test { .. } => (Some(1), "test"),
            Self::Gap { .. } => (Some(2), "gap"),
            Self::WrongInverter { .. } => (Some(3), "wrong_inverter"),
            Self::Other(name) => (None, name),
        }
    }
}

/// Every part any kind of event may have.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) sequence: Option<u64>,
    pub(super) uptime_ms: Option<u64>,
    pub(super) time: Option<UtcMs>,
    pub(super) kind: Option<Kind>,
    pub(super) count: Option<u64>,
    pub(super) age_ms: Option<u64>,
    pub(super) boot: Option<u64>,
    pub(super) test: Option<TestKind>,
    pub(super) result: Option<TestResult>,
    pub(super) started: Option<UtcMs>,
    pub(super) length_s: Option<u64>,
    pub(super) end_voltage: Option<Scaled>,
    pub(super) first_sequence: Option<u64>,
    pub(super) last_sequence: Option<u64>,
    pub(super) from: Option<UtcMs>,
    pub(super) to: Option<UtcMs>,
    pub(super) found: Option<String>,
}

impl Parts {
    /// Parts → event; parts that the kind does not use are passed over.
    pub(super) fn build(self) -> Result<Event, String> {
        let kind = match self.kind.ok_or("an event needs `kind`")? {
            Kind::Button => EventKind::Button {
                boot: self.boot,
                count: self.count.ok_or("a button event needs `count`")?,
                // Without an age an old press would pass for a fresh one.
                age_ms: self.age_ms.ok_or("a button event needs `age_ms`")?,
            },
            Kind::Test => EventKind::Test {
                count: self.count.ok_or("a test event needs `count`")?,
                test: self.test.ok_or("a test event needs `test`")?,
                result: self.result.ok_or("a test event needs `result`")?,
                started: self.started,
                length_s: self.length_s,
                end_voltage: self.end_voltage,
            },
            Kind::Gap => EventKind::Gap {
                first_sequence: self.first_sequence.ok_or("a gap event needs `first_sequence`")?,
                last_sequence: self.last_sequence.ok_or("a gap event needs `last_sequence`")?,
                count: self.count.ok_or("a gap event needs `count`")?,
                from: self.from,
                to: self.to,
            },
            Kind::WrongInverter => EventKind::WrongInverter {
                found: self.found.map(|text| String::from(crate::sample::cut(&text, 32))).unwrap_or_default(),
            },
            Kind::Other(name) => EventKind::Other(name),
        };
        Ok(Event { sequence: self.sequence, uptime_ms: self.uptime_ms, time: self.time, kind })
    }
}

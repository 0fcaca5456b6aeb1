//! What a gateway publishes: readings and events of one boot.
//!
//! In: observations dated and numbered by the gateway, or a third party's JSON. Out: [`Report`]. Its two forms on the
//! wire, CBOR and JSON, are rooms of their own below this one.

pub mod cbor;
mod error;
mod event;
pub mod json;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

pub use error::ReportError;

use crate::quantity::Scaled;
use crate::{Sample, TestKind, TestResult, UtcMs};

/// Most bytes of a report on the wire, MQTT packet included.
pub const MAX_PACKET_BYTES: usize = 64_000;

/// Most readings and events of one report; a packet of smaller ones would swell in memory.
pub const MAX_RECORDS: usize = 4096;

/// Reads a payload: JSON where it starts with `{` or white space, else CBOR.
///
/// # Errors
/// [`ReportError`] with key and offset. Unknown keys, quantities and codes are no errors.
pub fn decode(payload: &[u8]) -> Result<Report, ReportError> {
    match payload.first() {
        Some(b'{' | b' ' | b'\t' | b'\r' | b'\n') => json::decode(payload),
        _ => cbor::decode(payload),
    }
}

/// One gateway start: 128 random bits, hex on the wire in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BootId(pub [u8; 16]);

impl BootId {
    /// Parses 32 hexadecimal digits, either case.
    #[must_use]
    pub fn parse_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return None;
        }
        let mut bytes = [0_u8; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let nibble = |at: usize| pair.get(at).and_then(|d| char::from(*d).to_digit(16));
            *byte = u8::try_from(nibble(0)? * 16 + nibble(1)?).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BootId({self})")
    }
}

/// How far the gateway's wall time of a record can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quality {
    /// Set from an authenticated source since boot.
    Synchronised = 0,
    /// Running on from a time persisted before this boot.
    Aged = 1,
    /// A guess between bounds, or no wall time at all.
    #[default]
    Estimated = 2,
}

impl Quality {
    /// Every quality with its name in JSON, ordered by code.
    pub const TABLE: [(Self, &'static str); 3] =
        [(Self::Synchronised, "synchronised"), (Self::Aged, "aged"), (Self::Estimated, "estimated")];

    /// Integer in CBOR.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(quality, _)| *quality == self).map_or("", |(_, name)| name)
    }

    /// By integer; unknown ones are the most cautious.
    #[must_use]
    pub fn from_code(code: u64) -> Self {
        Self::TABLE.iter().find(|(q, _)| u64::from(q.code()) == code).map_or(Self::Estimated, |(q, _)| *q)
    }

    /// By name; unknown ones are the most cautious.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        Self::TABLE.iter().find(|(_, n)| *n == name).map_or(Self::Estimated, |(q, _)| *q)
    }
}

/// What one PUBLISH carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The gateway's start; absent from third-party publishers, who then get no deduplication beyond MQTT's own.
    pub boot: Option<BootId>,
    /// The gateway's uptime at sending, milliseconds.
    pub uptime_ms: Option<u64>,
    /// The gateway's wall time at sending.
    pub time: Option<UtcMs>,
    /// Readings, oldest first.
    pub readings: Vec<Reading>,
    /// Events, oldest first.
    pub events: Vec<Event>,
    /// How the serial line is doing.
    pub link: Option<LinkCounts>,
}

/// One set of values at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Number within the boot, shared with events; each at most once.
    pub sequence: Option<u64>,
    /// The gateway's uptime when the frame arrived, milliseconds.
    pub uptime_ms: Option<u64>,
    /// The gateway's wall time of the frame.
    pub time: Option<UtcMs>,
    /// How good `time` is.
    pub quality: Quality,
    /// Values, flags, conditions.
    pub sample: Sample,
}

/// Something that happened once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Number within the boot, shared with readings.
    pub sequence: Option<u64>,
    /// The gateway's uptime when it noticed, milliseconds.
    pub uptime_ms: Option<u64>,
    /// The gateway's wall time when it noticed.
    pub time: Option<UtcMs>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The cabinet button was pressed.
    Button {
        /// The inverter's boot counter: (boot, count) names the press.
        boot: Option<u64>,
        /// Presses since that boot.
        count: u64,
        /// Age of the press when this report was sent, the gateway's holding time included, milliseconds.
        age_ms: u64,
    },
    /// A self-test began, ended or changed its result.
    Test {
        /// The inverter's test counter.
        count: u64,
        /// Kind.
        test: TestKind,
        /// Result so far.
        result: TestResult,
        /// Start, as well as known.
        started: Option<UtcMs>,
        /// Length so far or in all, seconds.
        length_s: Option<u64>,
        /// Battery voltage at the end, scaled as [`crate::Quantity::BATTERY_VOLTAGE`].
        end_voltage: Option<Scaled>,
    },
    /// The spool overflowed: these records are gone.
    Gap {
        /// First lost sequence number.
        first_sequence: u64,
        /// Last lost sequence number.
        last_sequence: u64,
        /// How many records between them were lost.
        count: u64,
        /// Wall time of the first, as well as known.
        from: Option<UtcMs>,
        /// Wall time of the last, as well as known.
        to: Option<UtcMs>,
    },
    /// The serial stream named another inverter; its readings are not sent.
    WrongInverter {
        /// What the stream said, at most 32 characters.
        found: String,
    },
    /// A kind this version does not know, carried by name.
    Other(String),
}

/// Counters of the serial line since the gateway's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// Frames with a good checksum.
    pub frames_good: u64,
    /// Frames dropped.
    pub frames_bad: u64,
    /// Milliseconds since the last good frame.
    pub silent_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn boot_ids_are_32_hexadecimal_digits() {
        let text = "000102030405060708090a0b0c0d0eff";
        assert_eq!(format!("{}", BootId::parse_hex(text).unwrap()), text);
        assert_eq!(BootId::parse_hex(&text[1..]), None);
        assert_eq!(BootId::parse_hex(&text.replace("ff", "fg")), None);
        assert_eq!(BootId::parse_hex(&text.replace("ff", "+1")), None);
    }
}

//! What the record of an inverter keeps of a test or an outage that is over.
//!
//! In: a test that was found, an outage that ended. Out: bytes (CBOR) and a key that is the same however often the same test or outage
//! is found. Never a reading.

use minicbor::{Decode, Encode};
use wire::UtcMs;

use crate::readiness::Load;
use crate::self_test::Found;

/// A test or an outage that is over.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Record {
    /// A self-test.
    #[n(0)]
    Test(#[n(0)] Found),
    /// A power failure.
    #[n(1)]
    Outage(#[n(0)] Outage),
}

/// What a record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// A self-test.
    Test,
    /// A power failure.
    Outage,
}

/// A time without utility power in which the battery fed the load.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Outage {
    /// When the load went over to the battery.
    #[n(0)]
    pub started: UtcMs,
    /// How long the battery fed it, as seen, seconds.
    #[n(1)]
    pub length_s: f32,
    /// The battery gave up: the lights went out.
    #[n(2)]
    pub gave_up: bool,
    /// Lowest battery voltage that was seen, V.
    #[n(3)]
    pub lowest_v: Option<f32>,
    /// Mean load.
    #[n(4)]
    pub load: Option<Load>,
    /// What was said at its start; `None`: nothing was known.
    #[n(5)]
    pub predicted: Option<Predicted>,
    /// When the battery was full again; `None`: not yet, or not told.
    #[n(6)]
    pub recharged: Option<UtcMs>,
    /// Contact was lost within it: its end was told of later, or is not known.
    #[n(7)]
    #[cbor(default)]
    pub contact_lost: bool,
    /// It was last seen with the battery feeding, far from the cut-off: it fed at least as long as that, nobody knows how much longer.
    #[n(8)]
    #[cbor(default)]
    pub end_unseen: bool,
}

/// How an outage ended for the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// The battery gave up: the lights went out.
    GaveUp,
    /// Nobody saw: the battery may have held or not.
    Unknown,
    /// The battery held until utility power was back.
    Held,
}

/// How long the battery was said to feed the load.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Predicted {
    /// Most likely, seconds.
    #[n(0)]
    pub runtime_s: f32,
    /// Lower end of the 90 % interval, seconds.
    #[n(1)]
    pub low_s: f32,
    /// Its upper end, seconds.
    #[n(2)]
    pub high_s: f32,
}

/// Shorter ones are no story, seconds.
const WORTH_S: f32 = 60.0;
/// It waits this long for the battery to be full again, milliseconds.
const WAIT_MS: i64 = 12 * wire::time::HOUR_MS;
/// What is told of later than this is on its page only, milliseconds.
const OLD_MS: i64 = 3 * wire::time::DAY_MS;

impl Outage {
    /// How it ended. Utility power that is there after a silence does not say that the battery held until then.
    #[must_use]
    pub const fn ending(&self) -> Ending {
        match (self.gave_up, self.end_unseen) {
            (true, _) => Ending::GaveUp,
            (false, true) => Ending::Unknown,
            (false, false) => Ending::Held,
        }
    }

    /// When its story can be told, known at `told_at`: when the battery is full again, at the latest half a day after its end.
    /// `None`: it is too short for a letter, or too long ago.
    #[must_use]
    pub fn tell_at(&self, told_at: UtcMs) -> Option<UtcMs> {
        let ended = self.started.plus_ms(millis(self.length_s));
        let worth = self.length_s >= WORTH_S && told_at.since(ended) <= OLD_MS;
        worth.then(|| self.recharged.map_or(ended.plus_ms(WAIT_MS), |_| told_at))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "hours at most")]
fn millis(seconds: f32) -> i64 {
    (f64::from(seconds) * 1000.0) as i64
}

impl RecordKind {
    /// Its name in the store and in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Outage => "outage",
        }
    }
}

impl Record {
    /// What it is of.
    #[must_use]
    pub const fn kind(&self) -> RecordKind {
        match self {
            Self::Test(_) => RecordKind::Test,
            Self::Outage(_) => RecordKind::Outage,
        }
    }

    /// When it began.
    #[must_use]
    pub const fn started(&self) -> UtcMs {
        match self {
            Self::Test(test) => test.started,
            Self::Outage(outage) => outage.started,
        }
    }

    /// How long it lasted, seconds.
    #[must_use]
    pub const fn length_s(&self) -> f32 {
        match self {
            Self::Test(test) => test.length_s,
            Self::Outage(outage) => outage.length_s,
        }
    }

    /// When it ended.
    #[must_use]
    pub fn ended(&self) -> UtcMs {
        self.started().plus_ms(millis(self.length_s()))
    }

    /// Names it among its inverter's: one that is told of again, with its result or its recharging, takes the place of the first.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.kind().name(), self.started().0)
    }

    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Writing to memory cannot fail; were it to, `from_bytes` refuses the empty result.
        minicbor::to_vec(self).unwrap_or_default()
    }

    /// The record of the bytes.
    ///
    /// # Errors
    /// The bytes are not a record of this or an earlier version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, minicbor::decode::Error> {
        minicbor::decode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readiness::moment::Unit;
    use crate::self_test::{Kind, SeenBy};

    #[test]
    fn a_record_survives_its_bytes_and_keeps_its_name_when_more_is_known() {
        let outage = Outage {
            started: UtcMs(1_800_000_000_123),
            length_s: 61.5,
            gave_up: false,
            lowest_v: Some(118.2),
            load: Some(Load { value: 6_100.0, unit: Unit::Watt }),
            predicted: Some(Predicted { runtime_s: 7_080.0, low_s: 6_500.0, high_s: 7_700.0 }),
            recharged: None,
            contact_lost: true,
            end_unseen: true,
        };
        let first = Record::Outage(outage.clone());
        let recharged = Some(UtcMs(1_800_010_000_000));
        let later = Record::Outage(Outage { recharged, ..outage.clone() });
        assert_eq!(first.key(), "outage/1800000000123");
        assert_eq!(first.key(), later.key());
        assert_eq!(later.ended(), UtcMs(1_800_000_061_623));
        let tell_at = |outage: &Outage, hours: i64| {
            let told_at = outage.started.plus_ms(61_500 + hours * wire::time::HOUR_MS);
            outage.tell_at(told_at).map(|at| (at.0 - outage.started.0 - 61_500) / wire::time::HOUR_MS)
        };
        let Record::Outage(full) = &later else { panic!("{later:?}") };
        assert_eq!((tell_at(&outage, 0), tell_at(full, 2)), (Some(12), Some(2)), "full again, or half a day");
        assert_eq!((tell_at(full, 72), tell_at(full, 73)), (Some(72), None), "no news any more");
        assert_eq!(tell_at(&Outage { length_s: 59.0, ..full.clone() }, 2), None, "a flicker");
        let test = Record::Test(Found {
            kind: Kind::Annual,
            seen_by: SeenBy::Telemetry,
            started: UtcMs(1_800_000_000_123),
            length_s: 5_400.0,
            interrupted: false,
            gave_up: false,
            charged: Some(true),
            above_cutoff_v: None,
            load: None,
            own: None,
            at_cutoff: false,
        });
        assert_ne!(test.key(), first.key());
        for record in [first, later, test] {
            assert_eq!(Record::from_bytes(&record.to_bytes()).unwrap(), record);
        }
        assert!(Record::from_bytes(b"").is_err());
    }

    #[test]
    fn an_outage_that_an_earlier_version_kept_is_one_whose_end_was_seen() {
        let outage = Outage {
            started: UtcMs(1_800_000_000_123),
            length_s: 61.5,
            gave_up: false,
            lowest_v: None,
            load: None,
            predicted: None,
            recharged: None,
            contact_lost: true,
            end_unseen: false,
        };
        let mut bytes = minicbor::to_vec(&outage).unwrap();
        // A map that is one entry shorter: the last one, of two bytes, is new.
        bytes[0] -= 1;
        assert_eq!(bytes.split_off(bytes.len() - 2), [8, 0xf4]);
        assert_eq!(minicbor::decode::<Outage>(&bytes).unwrap(), outage);
        assert_eq!(outage.ending(), Ending::Held);
    }
}

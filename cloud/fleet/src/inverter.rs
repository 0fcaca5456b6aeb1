//! What is true of one inverter, as far as the cloud has been told.
//!
//! In: `apply` alone changes it. Out: fields to read, and a snapshot (CBOR map with stable integer keys: fields are
//! added under new keys with a default, never renumbered). Never holds a history.

use wire::{BootId, Flag, Quantity, Scaled, UtcMs};

use crate::alarm::{Alarms, Open, Rules, Watch};
use crate::cadence::Cadence;
use crate::condition::Condition;
use crate::discharge::{Backlog, Left, Outages};
use crate::event::TestRecord;
use crate::level::{self, Latest, Level};
use crate::pairing::Pairing;
use crate::readiness::Readiness;
use crate::seen::Seen;
use crate::self_test::{Recogniser, Tests};

/// An inverter's number in the store. Never shown outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct InverterKey(#[n(0)] pub u32);

/// What is true of one inverter.
#[derive(Clone, Debug, Default, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct InverterState {
    /// Newest value of each quantity ever reported, ascending by quantity.
    #[n(0)]
    #[cbor(default)]
    pub latest: Vec<Latest>,
    /// Newest level of each flag ever reported, ascending by code.
    #[n(1)]
    #[cbor(default)]
    pub flags: Vec<Level>,
    /// Newest level of each condition of the inverter's own ever reported, ascending by code.
    #[n(2)]
    #[cbor(default)]
    pub conditions: Vec<Level>,
    /// Unknown labels and codes of the newest reading, raw.
    #[n(3)]
    #[cbor(default)]
    pub unknown: Vec<String>,
    /// When the cloud last received a report.
    #[n(4)]
    pub last_contact: Option<UtcMs>,
    /// Repaired time of the newest reading.
    #[n(5)]
    pub last_reading: Option<UtcMs>,
    /// The serial line, as last told.
    #[n(6)]
    pub link: Option<Link>,
    /// The gateway's present start.
    #[n(7)]
    pub gateway: Option<Gateway>,
    /// Numbers taken.
    #[n(8)]
    #[cbor(default)]
    pub seen: Seen,
    /// What thins publishers that do not number.
    #[n(9)]
    #[cbor(default)]
    pub cadence: Cadence,
    /// The load is fed from the battery because utility power is lost, since then.
    #[n(10)]
    pub on_battery_since: Option<UtcMs>,
    /// The self-test last told of, running or over.
    #[n(11)]
    pub test: Option<TestRecord>,
    /// The last press of the cabinet button.
    #[n(12)]
    pub button: Option<Press>,
    /// What was not taken, and why.
    #[n(13)]
    #[cbor(default)]
    pub counters: Counters,
    /// The gateway's serial stream names another inverter, since then.
    #[n(14)]
    pub wrong_inverter: Option<WrongInverter>,
    /// The last record that claimed to be in the future: when it was received.
    #[n(15)]
    pub clock_jump: Option<UtcMs>,
    /// Flags, conditions or unknown codes last changed then.
    #[n(16)]
    pub last_change: Option<UtcMs>,
    /// The last records that the gateway lost: when the cloud was told.
    #[n(17)]
    pub data_gap: Option<UtcMs>,
    /// Who waits for the cabinet button, and the presses that were taken.
    #[n(18)]
    #[cbor(default)]
    pub pairing: Pairing,
    /// Alarms.
    #[n(19)]
    #[cbor(default)]
    pub alarms: Alarms,
    /// What is remembered of contact.
    #[n(20)]
    #[cbor(default)]
    pub watch: Watch,
    /// What people set for it.
    #[n(21)]
    #[cbor(default)]
    pub rules: Rules,
    /// What discharges told of the battery.
    #[n(22)]
    #[cbor(default)]
    pub readiness: Readiness,
    /// The self-test that goes on, and the last one's own result.
    #[n(23)]
    #[cbor(default)]
    pub recogniser: Recogniser,
    /// The tests that counted last: due dates rest on them.
    #[n(24)]
    #[cbor(default)]
    pub tests: Tests,
    /// The outage that goes on, and the battery that charges after one.
    #[n(25)]
    #[cbor(default)]
    pub outages: Outages,
    /// How much light is left, while the battery feeds the load.
    #[n(26)]
    pub left: Option<Left>,
    /// What a gateway kept while it had no contact, while that arrives: one a silence, oldest first. 27 was one alone.
    #[n(28)]
    #[cbor(default)]
    pub backlogs: Vec<Backlog>,
}

impl InverterState {
    /// Whether the cloud ever received a report of it. Claims alone make a state too.
    #[must_use]
    pub fn has_reported(&self) -> bool {
        self.last_contact.is_some()
    }
}

/// The serial line between inverter and gateway, as last told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Link {
    /// Frames with a good checksum since the gateway's start.
    #[n(0)]
    pub frames_good: u64,
    /// Frames dropped since the gateway's start.
    #[n(1)]
    pub frames_bad: u64,
    /// Milliseconds since the last good frame.
    #[n(2)]
    pub silent_ms: u64,
    /// When the cloud received this.
    #[n(3)]
    pub time: UtcMs,
}

/// A gateway's present start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Gateway {
    /// Its random id.
    #[cbor(n(0), with = "crate::encoding::boot")]
    pub boot: BootId,
    /// Its uptime at the last report, milliseconds.
    #[n(1)]
    pub uptime_ms: Option<u64>,
    /// When the cloud received that report.
    #[n(2)]
    pub time: UtcMs,
}

/// A press of the cabinet button.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Press {
    /// The inverter's boot counter; (boot, count) names the press.
    #[n(0)]
    pub boot: Option<u64>,
    /// Presses since that boot.
    #[n(1)]
    pub count: u64,
    /// When it was pressed: received − age.
    #[n(2)]
    pub time: UtcMs,
}

/// A serial stream that names another inverter.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct WrongInverter {
    /// The name it gave.
    #[n(0)]
    pub found: String,
    /// Since when.
    #[n(1)]
    pub since: UtcMs,
}

/// What was taken and what was not, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Counters {
    /// Reports applied.
    #[n(0)]
    #[cbor(default)]
    pub reports: u64,
    /// Readings stored.
    #[n(1)]
    #[cbor(default)]
    pub stored: u64,
    /// Records seen before, not stored again.
    #[n(2)]
    #[cbor(default)]
    pub duplicates: u64,
    /// Readings older than the newest: stored, live state unchanged.
    #[n(3)]
    #[cbor(default)]
    pub late: u64,
    /// Records older than 30 days on arrival: dropped.
    #[n(4)]
    #[cbor(default)]
    pub too_old: u64,
    /// Records more than five minutes in the future: dated by arrival.
    #[n(5)]
    #[cbor(default)]
    pub future: u64,
    /// Unnumbered readings not stored, being more frequent than the cadence.
    #[n(6)]
    #[cbor(default)]
    pub thinned: u64,
    /// Records that the gateway says it lost.
    #[n(7)]
    #[cbor(default)]
    pub lost_by_gateway: u64,
}

impl InverterState {
    /// The newest value of a quantity and its time.
    #[must_use]
    pub fn value(&self, quantity: Quantity) -> Option<(Scaled, UtcMs)> {
        let at = self.latest.binary_search_by_key(&quantity, |known| known.quantity).ok()?;
        self.latest.get(at).map(|known| (known.value, known.time))
    }

    /// What a flag was last reported to be; `None`: never reported.
    #[must_use]
    pub fn flag(&self, flag: Flag) -> Option<bool> {
        level::find(&self.flags, flag.code()).map(|level| level.holds)
    }

    /// What a condition of the inverter's own was last reported to be; `None`: never reported.
    #[must_use]
    pub fn condition(&self, condition: wire::Condition) -> Option<bool> {
        level::find(&self.conditions, condition.code()).map(|level| level.holds)
    }

    /// The inverter's own conditions that hold, with since when.
    pub fn raised(&self) -> impl Iterator<Item = (Condition, UtcMs)> + '_ {
        self.conditions
            .iter()
            .filter(|level| level.holds)
            .filter_map(|level| Condition::from_code(level.code).map(|condition| (condition, level.since)))
    }

    /// The open alarms.
    pub fn open_alarms(&self) -> impl Iterator<Item = Open> + '_ {
        self.alarms.open(&self.rules)
    }

    /// The snapshot.
    #[must_use]
    pub fn to_snapshot(&self) -> Vec<u8> {
        // Writing to memory cannot fail; were it to, `from_snapshot` refuses the empty result.
        minicbor::to_vec(self).unwrap_or_default()
    }

    /// The state of a snapshot.
    ///
    /// # Errors
    /// The bytes are not a snapshot of this or an earlier version.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, minicbor::decode::Error> {
        minicbor::decode(bytes)
    }
}

//! The one table of conditions: what each means to people and to the alarm logic.
//!
//! In: a condition's code or name. Out: its [`Definition`]: severity, screen state, delays, whether it may be
//! shelved, plain words. Never looks at an inverter; adding a condition is one line of the table.

use crate::screen::ScreenState;

/// A state an inverter or the cloud can be unhappy about, known by its code in [`TABLE`].
///
/// Codes 0–14 are the inverter's own and equal [`wire::Condition::code`]; 32 and up are derived by the cloud.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Condition(#[n(0)] u8);

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum Severity {
    /// Worth knowing.
    #[n(0)]
    Info,
    /// Needs attention, still does its job.
    #[n(1)]
    Warning,
    /// Will not do its job, or is doing it right now.
    #[n(2)]
    Critical,
}

impl Severity {
    /// Every severity with its name.
    pub const TABLE: [(Self, &'static str); 3] =
        [(Self::Info, "info"), (Self::Warning, "warning"), (Self::Critical, "critical")];

    /// Name in the store and in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(severity, _)| *severity == self).map_or("", |(_, name)| name)
    }

    /// By name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, known)| *known == name).map(|(severity, _)| *severity)
    }
}

/// Who notices it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The inverter reports it.
    Inverter,
    /// The cloud derives it.
    Cloud,
}

/// One line of [`TABLE`].
#[derive(Debug)]
pub struct Definition {
    /// Stable for ever: snapshots, event keys and chunks carry it.
    pub code: u8,
    /// Name in the API and in configuration.
    pub name: &'static str,
    /// Who notices it.
    pub source: Source,
    /// How much it matters.
    pub severity: Severity,
    /// What the screen shows while it holds.
    pub screen: ScreenState,
    /// It must hold this long before it is raised, milliseconds.
    pub raise_delay_ms: i64,
    /// It must be gone this long before it is cleared, milliseconds.
    pub clear_delay_ms: i64,
    /// Whether a person may shelve it. States "On battery" and "Alarm" never are (decision 21).
    pub shelvable: bool,
    /// The sentence people read (ui.md, section 3).
    pub words: &'static str,
}

macro_rules! conditions {
    ($($constant:ident $code:literal $name:literal $source:ident $severity:ident $screen:ident
       $raise:literal $clear:literal $words:literal;)*) => {
        impl Condition {
            $(#[doc = concat!("`", $name, "`: ", $words, ".")] pub const $constant: Self = Self($code);)*
        }
        /// Every condition, ordered by code.
        pub static TABLE: &[Definition] = &[$(Definition {
            code: $code,
            name: $name,
            source: Source::$source,
            severity: Severity::$severity,
            screen: ScreenState::$screen,
            raise_delay_ms: $raise,
            clear_delay_ms: $clear,
            shelvable: !matches!(ScreenState::$screen, ScreenState::OnBattery | ScreenState::Alarm),
            words: $words,
        },)*];
    };
}

conditions! {
    INVERTER_FAULT      0 "inverter.fault"       Inverter Critical Alarm         0  5_000 "Inverter fault";
    CHARGER_FAULT       1 "charger.fault"        Inverter Critical Alarm         0  5_000 "Charger fault";
    OUTPUT_FAULT        2 "output.fault"         Inverter Critical Alarm         0  5_000 "Output fault, possible short circuit";
    OVERLOAD            3 "overload"             Inverter Critical Alarm         0  5_000 "Load above rating";
    OVERLOAD_SHUTDOWN   4 "overload.shutdown"    Inverter Critical Alarm         0  5_000 "Shut down, load too high";
    AMBIENT_HIGH        5 "ambient.high"         Inverter Warning  Warning  60_000 60_000 "High cabinet temperature";
    INPUT_HIGH          6 "input.high"           Inverter Warning  Warning  10_000 60_000 "Utility voltage too high";
    INPUT_LOW           7 "input.low"            Inverter Warning  Warning  10_000 60_000 "Utility voltage too low";
    BATTERY_LOW         8 "battery.low"          Inverter Critical Alarm         0  5_000 "Battery nearly empty, lights about to go out";
    BATTERY_NEAR_LOW    9 "battery.near_low"     Inverter Critical Alarm         0  5_000 "Battery getting low";
    UTILITY_LOST       10 "utility.lost"         Inverter Critical OnBattery     0  5_000 "Utility power lost";
    LOAD_REDUCED       11 "load.reduced"         Inverter Warning  Warning  60_000 60_000 "Load lower than expected, lamps may be out";
    RUNTIME_SHORT      12 "runtime.short"        Inverter Critical Alarm         0  5_000 "Did not last the required time";
    OUTPUT_BREAKER     13 "output.breaker"       Inverter Critical Alarm         0  5_000 "Output breaker open";
    INVERTER_OVERTEMP  14 "inverter.overtemp"    Inverter Critical Alarm         0  5_000 "Too hot inside";
    GATEWAY_OFFLINE    32 "link.gateway_offline" Cloud    Warning  Offline 900_000      0 "Not reporting";
    SERIAL_SILENT      33 "link.serial_silent"   Cloud    Warning  Warning  60_000      0 "The gateway hears nothing from the inverter";
    LINK_UNSTABLE      34 "link.unstable"        Cloud    Info     Warning       0 600_000 "Contact comes and goes";
    WRONG_INVERTER     35 "link.wrong_inverter"  Cloud    Warning  Warning       0      0 "The gateway is wired to another inverter";
    CLOCK_JUMP         36 "clock.jump"           Cloud    Info     Normal        0      0 "The gateway's clock was wrong";
    DATA_GAP           37 "data.gap"             Cloud    Info     Normal        0      0 "Some readings were lost";
    TEST_RUNNING       38 "test.running"         Cloud    Info     Testing       0      0 "Self-test running";
    TEST_FAILED        39 "test.failed"          Cloud    Critical Alarm         0      0 "Test failed";
    TEST_DUE           40 "test.due"             Cloud    Info     Normal        0      0 "Test due";
    TEST_MISSED        41 "test.missed"          Cloud    Warning  Warning       0      0 "Test missed";
    BATTERY_WEAK       42 "battery.weak"         Cloud    Critical Alarm    60_000 60_000 "Would hold less than the required time";
    BATTERY_RECHARGING 43 "battery.recharging"   Cloud    Info     Normal        0      0 "Battery is charging";
    TEST_STUCK         44 "test.stuck"           Cloud    Warning  Warning       0      0 "A self-test does not end";
    VALUE_STALE        45 "data.stale"           Cloud    Info     Normal        0      0 "A value is no longer reported";
    UNKNOWN_CODE       46 "device.unknown_code"  Cloud    Info     Normal        0 60_000 "A code that is not known here";
    LIMIT_CROSSED      47 "limit.crossed"        Cloud    Warning  Warning       0      0 "A limit that you set is crossed";
    LAMPS_FEWER        48 "lamps.fewer"          Cloud    Warning  Warning       0      0 "Less load in the last test, some lamps may be out";
    LAMPS_LOST         49 "lamps.lost"           Cloud    Critical Alarm         0      0 "Lamps are out, by the load in the last test";
}

static UNKNOWN: Definition = Definition {
    code: u8::MAX,
    name: "",
    source: Source::Cloud,
    severity: Severity::Info,
    screen: ScreenState::Normal,
    raise_delay_ms: 0,
    clear_delay_ms: 0,
    shelvable: true,
    words: "",
};

impl Condition {
    /// The condition of a code, where the table has it.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        TABLE.binary_search_by_key(&code, |line| line.code).ok().map(|_| Self(code))
    }

    /// The condition of a name, where the table has it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|line| line.name == name).map(|line| Self(line.code))
    }

    /// All conditions in code order.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|line| Self(line.code))
    }

    /// Stable number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// The table's line.
    #[must_use]
    pub fn definition(self) -> &'static Definition {
        TABLE
            .binary_search_by_key(&self.0, |line| line.code)
            .ok()
            .and_then(|at| TABLE.get(at))
            .unwrap_or(&UNKNOWN)
    }

    /// Name in the API and in configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// The sentence people read.
    #[must_use]
    pub fn words(self) -> &'static str {
        self.definition().words
    }
}

impl From<wire::Condition> for Condition {
    fn from(condition: wire::Condition) -> Self {
        Self(condition.code())
    }
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverters_fifteen_keep_their_codes_and_names() {
        for condition in wire::Condition::all() {
            assert_eq!(Condition::from(condition).name(), condition.name());
            assert_eq!(Condition::from(condition).definition().source, Source::Inverter);
        }
        assert_eq!(TABLE.iter().filter(|line| line.source == Source::Inverter).count(), 15);
    }

    #[test]
    fn codes_ascend_and_alarm_states_are_never_shelvable() {
        assert!(TABLE.is_sorted_by(|a, b| a.code < b.code));
        for line in TABLE {
            assert_eq!(Condition::from_name(line.name).map(Condition::code), Some(line.code));
            assert!(!line.words.is_empty(), "{}", line.name);
            assert!(!(line.shelvable && matches!(line.screen, ScreenState::Alarm | ScreenState::OnBattery)));
        }
        assert_eq!(Condition::from_code(15), None);
        assert_eq!(Condition::GATEWAY_OFFLINE.definition().raise_delay_ms, 15 * 60_000);
        assert_eq!(Condition::SERIAL_SILENT.definition().raise_delay_ms, 60_000);
        assert_eq!(Condition::UTILITY_LOST.definition().raise_delay_ms, 0);
    }
}

//! What readiness looks at of one reading.
//!
//! In: the inverter's state after a reading. Out: a [`Moment`]. Whether a test runs is not decided here: the alarms' own
//! rules say so ([`crate::inverter::InverterState::testing`]).

use minicbor::{Decode, Encode};
use wire::{Flag, Quantity, Sample, Scaled, UtcMs};

use crate::alarm::STALE_MS;
use crate::inverter::InverterState;

/// What the load is told in. Different ones are never compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Unit {
    /// Watts at the output.
    #[n(0)]
    Watt,
    /// Volt-amperes at the output.
    #[n(1)]
    VoltAmpere,
    /// Percent of rated.
    #[n(2)]
    Percent,
    /// Watts out of the battery: on battery only.
    #[n(3)]
    BatteryWatt,
}

/// A load.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
#[cbor(array)]
pub struct Load {
    /// How much; above 0.
    #[n(0)]
    pub value: f32,
    /// Of what.
    #[n(1)]
    pub unit: Unit,
}

/// What feeds the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Source {
    /// Utility power.
    #[n(0)]
    Line,
    /// The battery, in a self-test.
    #[n(1)]
    Test,
    /// The battery, because there is no utility power.
    #[n(2)]
    Outage,
    /// Nothing: no utility power, and the battery does not feed.
    #[n(3)]
    Nothing,
}

/// What readiness looks at of one reading.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
#[cbor(array)]
pub struct Moment {
    /// When, repaired.
    #[n(0)]
    pub at: UtcMs,
    /// What feeds the load.
    #[n(1)]
    pub source: Source,
    /// Battery voltage, V.
    #[n(2)]
    pub volts: Option<f32>,
    /// Battery current, A; positive while charging.
    #[n(3)]
    pub amperes: Option<f32>,
    /// Temperature of the battery, or what is nearest to it, °C.
    #[n(4)]
    pub celsius: Option<f32>,
    /// The load.
    #[n(5)]
    pub load: Option<Load>,
    /// Battery charge by the inverter's own gauge, percent.
    #[n(6)]
    pub percent: Option<f32>,
    /// Whether it says that it charges.
    #[n(7)]
    pub charging: Option<bool>,
}

/// Quantities that a load is read from, the first that is there.
const LOADS: [(Quantity, Unit); 4] = [
    (Quantity::REALPOWER, Unit::Watt),
    (Quantity::POWER, Unit::VoltAmpere),
    (Quantity::LOAD, Unit::Percent),
    (Quantity::BATTERY_POWER, Unit::BatteryWatt),
];
/// Quantities that a temperature is read from, the first that is there.
const TEMPERATURES: [Quantity; 2] = [Quantity::BATTERY_TEMPERATURE, Quantity::AMBIENT_TEMPERATURE];

impl Moment {
    /// Of a reading that was just taken into `state` at `at`.
    #[must_use]
    pub fn of(state: &InverterState, sample: &Sample, at: UtcMs) -> Self {
        let battery = sample.flags.value(Flag::BatteryPower);
        let line = sample.flags.value(Flag::LinePresent);
        let source = match (battery, line, state.on_battery_since) {
            (Some(false), Some(false), _) => Source::Nothing,
            (Some(false), _, _) => Source::Line,
            (_, _, Some(_)) => Source::Outage,
            (Some(true), _, None) => Source::Test,
            (None, _, None) => {
                if state.testing(at) {
                    Source::Test
                } else {
                    Source::Line
                }
            }
        };
        Self::read(sample, at, source)
    }

    /// The same where what feeds the load is known.
    #[must_use]
    pub fn read(sample: &Sample, at: UtcMs, source: Source) -> Self {
        let value = |quantity: Quantity| sample.quantities.value(quantity);
        Self {
            charging: sample.flags.value(Flag::BatteryCharging),
            ..Self::of_values(value, &LOADS, at, source)
        }
    }

    /// What is known last, of what is told still, with utility power there. `None` before the first reading.
    #[must_use]
    pub fn known(state: &InverterState) -> Option<Self> {
        let at = state.last_reading?;
        let value = |quantity: Quantity| {
            state.value(quantity).filter(|(_, time)| at.since(*time) <= STALE_MS).map(|(scaled, _)| scaled)
        };
        // What goes into a battery that charges is no load.
        let loads = LOADS.split_last().map_or(&LOADS[..], |(_, loads)| loads);
        let charging = state.flag(Flag::BatteryCharging);
        Some(Self { charging, ..Self::of_values(value, loads, at, Source::Line) })
    }

    fn of_values(
        scaled: impl Fn(Quantity) -> Option<Scaled>,
        loads: &[(Quantity, Unit)],
        at: UtcMs,
        source: Source,
    ) -> Self {
        let value = |quantity: Quantity| scaled(quantity).map(|scaled| narrow(quantity.to_f64(scaled)));
        let load = loads.iter().find_map(|(quantity, unit)| {
            let value = value(*quantity)?.abs();
            (value > 0.0).then_some(Load { value, unit: *unit })
        });
        Self {
            at,
            source,
            volts: value(Quantity::BATTERY_VOLTAGE),
            amperes: value(Quantity::BATTERY_CURRENT),
            celsius: TEMPERATURES.iter().find_map(|quantity| value(*quantity)),
            load,
            percent: value(Quantity::BATTERY_CHARGE),
            charging: None,
        }
    }

    /// Whether the battery feeds the load.
    #[must_use]
    pub const fn is_feeding(&self) -> bool {
        matches!(self.source, Source::Test | Source::Outage)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "measured values have four figures")]
fn narrow(value: f64) -> f32 {
    value as f32
}

//! The fifteen conditions: from the physics where they come of themselves, or forced.
//!
//! In: facts about this moment. Out: [`Conditions`], all fifteen reported. Thresholds have a gap between set and
//! clear, as the real boards have.

use wire::{Condition, Conditions};

/// °C around the cabinet that set and clear `ambient.high`.
const AMBIENT_C: (f64, f64) = (40.0, 38.0);
/// °C of the electronics that set and clear `inverter.overtemp`.
const OVERTEMP_C: (f64, f64) = (75.0, 65.0);
/// Shares of rated load that set and clear `overload`.
const OVERLOAD: (f64, f64) = (1.10, 1.05);
/// Shares of the usual load that set and clear `load.reduced`.
const REDUCED: (f64, f64) = (0.70, 0.80);
/// Seconds of runtime left that set `battery.near_low` and `battery.low` while on battery.
const NEAR_LOW_S: f64 = 900.0;
const LOW_S: f64 = 300.0;
/// Seconds of overload on battery before the inverter shuts down.
pub const OVERLOAD_SHUTDOWN_S: f64 = 60.0;

/// What the conditions follow from.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Utility is too low to be used.
    pub utility_lost: bool,
    /// Utility is low, yet there.
    pub input_low: bool,
    /// Utility is high.
    pub input_high: bool,
    /// The load is fed from the battery, or was until the battery gave up.
    pub on_battery: bool,
    /// The battery gave up.
    pub battery_empty: bool,
    /// Seconds left at this load.
    pub runtime_s: f64,
    /// Asked-for load as a share of rated.
    pub load: f64,
    /// Load as a share of what is usual now.
    pub load_against_usual: f64,
    /// The inverter shut down for overload.
    pub overload_shutdown: bool,
    /// A discharge ended before the required time, and the battery is not full again yet.
    pub fell_short: bool,
    /// Around the cabinet, °C.
    pub ambient_c: f64,
    /// Of the electronics, °C.
    pub cabinet_c: f64,
}

/// The conditions with their memory.
#[derive(Debug, Clone, Default)]
pub struct Alarms {
    natural: Conditions,
    forced: Conditions,
}

impl Alarms {
    /// Takes the facts of this moment.
    pub fn step(&mut self, facts: &Facts) {
        let was = |condition| self.natural.value(condition) == Some(true);
        let above = |condition, value: f64, (set, clear): (f64, f64)| {
            value > if was(condition) { clear } else { set }
        };
        let below = |condition, value: f64, (set, clear): (f64, f64)| {
            value < if was(condition) { clear } else { set }
        };
        let draining = facts.on_battery && !facts.battery_empty;
        let rows = [
            (Condition::UTILITY_LOST, facts.utility_lost),
            (Condition::INPUT_LOW, facts.input_low),
            (Condition::INPUT_HIGH, facts.input_high),
            (Condition::BATTERY_NEAR_LOW, draining && facts.runtime_s < NEAR_LOW_S),
            (Condition::BATTERY_LOW, facts.battery_empty || (draining && facts.runtime_s < LOW_S)),
            (Condition::OVERLOAD, above(Condition::OVERLOAD, facts.load, OVERLOAD)),
            (Condition::OVERLOAD_SHUTDOWN, facts.overload_shutdown),
            (Condition::LOAD_REDUCED, below(Condition::LOAD_REDUCED, facts.load_against_usual, REDUCED)),
            (Condition::RUNTIME_SHORT, facts.fell_short),
            (Condition::AMBIENT_HIGH, above(Condition::AMBIENT_HIGH, facts.ambient_c, AMBIENT_C)),
            (Condition::INVERTER_OVERTEMP, above(Condition::INVERTER_OVERTEMP, facts.cabinet_c, OVERTEMP_C)),
        ];
        let mut natural = Conditions::all_clear();
        for (condition, raised) in rows {
            natural.set(condition, raised);
        }
        self.natural = natural;
    }

    /// Forces a condition, or lets it go.
    pub fn force(&mut self, condition: Condition, forced: bool) {
        self.forced.set(condition, forced);
    }

    /// Whether a condition is forced.
    #[must_use]
    pub fn is_forced(&self, condition: Condition) -> bool {
        self.forced.value(condition) == Some(true)
    }

    /// What the frame says.
    #[must_use]
    pub fn conditions(&self) -> Conditions {
        let raised = self.natural.raised_bits() | self.forced.raised_bits();
        Conditions::from_bits(Conditions::all_clear().reported_bits(), raised)
    }
}

//! What kind of inverter is played: ratings, site, age, seed.
//!
//! In: a model's name or single values. Out: [`Parameters`], plain data. Never changes while an inverter runs.

use wire::{Serial, UtcMs};

use super::battery::Chemistry;
use super::self_test::MONTHLY_S;

/// One inverter as built and installed.
#[derive(Debug, Clone)]
pub struct Parameters {
    /// Its serial number, repeated in every native frame.
    pub serial: Serial,
    /// Seed of all noise; the same seed and the same steps give the same bytes.
    pub seed: u64,
    /// How many times it has started; goes out as the boot counter.
    pub boot: u64,
    /// Single- or three-phase.
    pub phases: Phases,
    /// Rated output, W; 100 % load.
    pub rated_w: f64,
    /// Nominal utility voltage, line to neutral, V.
    pub input_v: f64,
    /// Nominal output voltage, line to neutral, V.
    pub output_v: f64,
    /// Nominal frequency, Hz.
    pub frequency_hz: f64,
    /// Nominal battery voltage, V; two volts a cell.
    pub battery_v: f64,
    /// Minutes that a new battery carries the rated load at 25 °C. Banks are sold a little above 90.
    pub rated_minutes: f64,
    /// Minutes the law asks for (NFPA 101: 90).
    pub required_minutes: f64,
    /// Seconds of a monthly test and of a manual one.
    pub monthly_s: f64,
    /// Age of the battery at the start, years; ten are its service life at 25 °C.
    pub age_years: f64,
    /// Charge at the start, 0 to 1.
    pub charge: f64,
    /// What its cells are made of.
    pub chemistry: Chemistry,
    /// A part of the string that is weaker than the rest: share of the cells, and their capacity as a share of the others'.
    pub weak_block: (f64, f64),
    /// How far off the inverter's sensors are.
    pub sensors: Sensors,
    /// Usual load as a share of rated, before the day's shape.
    pub typical_load: f64,
    /// Height of the day's shape: 0 is a constant load.
    pub load_swing: f64,
    /// Mean temperature around the cabinet, °C.
    pub ambient_c: f64,
    /// Wall time at the start: gives the hour of the day. Nothing else depends on it.
    pub start: UtcMs,
    /// Self-tests that the inverter starts by itself; `None`: only on command.
    pub schedule: Option<Schedule>,
}

/// Errors of the inverter's sensors. What they measure is rounded as every quantity is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sensors {
    /// Battery volts read per volt.
    pub volt_gain: f64,
    /// Deviation of one reading of them, V.
    pub volt_noise: f64,
    /// Battery amperes read per ampere.
    pub ampere_gain: f64,
    /// Output watts read per watt.
    pub watt_gain: f64,
    /// Battery temperature read too high, °C.
    pub celsius_offset: f64,
}

impl Default for Sensors {
    fn default() -> Self {
        Self { volt_gain: 1.0, volt_noise: 0.02, ampere_gain: 1.0, watt_gain: 1.0, celsius_offset: 0.0 }
    }
}

/// Number of phases in and out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Phases {
    /// One.
    #[default]
    One,
    /// Three, each with its own voltage, current, power and load.
    Three,
}

/// When self-tests start, in seconds after the start of the simulation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// First monthly test; then every 30 days.
    pub first_monthly_s: f64,
    /// First annual test; then every 365 days.
    pub first_annual_s: f64,
}

impl Parameters {
    /// A healthy three-year-old 10 kW single-phase inverter at 277 V with a 120 V battery.
    #[must_use]
    pub fn new(serial: Serial, seed: u64, start: UtcMs) -> Self {
        Self {
            serial,
            seed,
            boot: 1,
            phases: Phases::One,
            rated_w: 10_000.0,
            input_v: 277.0,
            output_v: 277.0,
            frequency_hz: 60.0,
            battery_v: 120.0,
            rated_minutes: 95.0,
            required_minutes: 90.0,
            monthly_s: MONTHLY_S,
            age_years: 3.0,
            charge: 1.0,
            chemistry: Chemistry::default(),
            weak_block: (0.0, 1.0),
            sensors: Sensors::default(),
            typical_load: 0.61,
            load_swing: 0.08,
            ambient_c: 24.0,
            start,
            schedule: None,
        }
    }

    /// As [`Self::new`], a three-phase inverter of 16.7 kW: its native frames carry 30 quantities and more.
    #[must_use]
    pub fn three_phase(serial: Serial, seed: u64, start: UtcMs) -> Self {
        Self { phases: Phases::Three, rated_w: 16_700.0, ..Self::new(serial, seed, start) }
    }

    /// Cells in series.
    #[must_use]
    pub fn cells(&self) -> f64 {
        (self.battery_v / 2.0).max(1.0)
    }
}

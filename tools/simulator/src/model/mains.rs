//! The utility: there, away, too low, too high.
//!
//! In: what a person sets, steps of time. Out: voltage, frequency, whether it is fit to feed the load.

use super::noise::{Source, Wander};
use super::parameters::Parameters;

/// Shares of nominal: alarm below and above, and the limits at which the load goes to the battery.
const LOW: f64 = 0.90;
const HIGH: f64 = 1.10;
const LOST: f64 = 0.80;
const TOO_HIGH: f64 = 1.15;
/// Seconds that returning utility must stay before the load goes back to it.
const QUALIFY_S: f64 = 5.0;

/// The utility at the input.
#[derive(Debug, Clone)]
pub struct Mains {
    nominal_v: f64,
    nominal_hz: f64,
    volt_noise: Wander,
    hertz_noise: Wander,
    level: f64,
    voltage: f64,
    frequency: f64,
    present_s: f64,
}

impl Mains {
    /// On, since long.
    #[must_use]
    pub fn new(parameters: &Parameters) -> Self {
        Self {
            nominal_v: parameters.input_v,
            nominal_hz: parameters.frequency_hz,
            volt_noise: Wander::new(0.004, 60.0),
            hertz_noise: Wander::new(0.015, 30.0),
            level: 1.0,
            voltage: parameters.input_v,
            frequency: parameters.frequency_hz,
            present_s: 1e9,
        }
    }

    /// Moves on by `dt_s` seconds.
    pub fn step(&mut self, dt_s: f64, source: &mut Source) {
        let (volts, hertz) = (self.volt_noise.step(dt_s, source), self.hertz_noise.step(dt_s, source));
        self.voltage = self.nominal_v * self.level * (1.0 + volts);
        self.frequency = if self.is_present() { self.nominal_hz + hertz } else { 0.0 };
        self.present_s = if self.is_present() { self.present_s + dt_s } else { 0.0 };
    }

    /// Sets the voltage as a share of nominal: 0 is off, 1 is on.
    pub fn set_level(&mut self, level: f64) {
        self.level = level.clamp(0.0, 1.5);
        self.voltage = self.nominal_v * self.level;
    }

    /// Voltage now, V.
    #[must_use]
    pub const fn voltage(&self) -> f64 {
        self.voltage
    }

    /// Frequency now, Hz; 0 while away.
    #[must_use]
    pub const fn frequency(&self) -> f64 {
        self.frequency
    }

    /// Whether it could feed the load.
    #[must_use]
    pub fn is_present(&self) -> bool {
        (LOST..=TOO_HIGH).contains(&(self.voltage / self.nominal_v))
    }

    /// Whether it has been present long enough to take the load back.
    #[must_use]
    pub fn is_qualified(&self) -> bool {
        self.is_present() && self.present_s >= QUALIFY_S
    }

    /// Whether utility power is away altogether: too low to be used.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.voltage < LOST * self.nominal_v
    }

    /// Low, yet there.
    #[must_use]
    pub fn is_low(&self) -> bool {
        !self.is_lost() && self.voltage < LOW * self.nominal_v
    }

    /// High.
    #[must_use]
    pub fn is_high(&self) -> bool {
        self.voltage > HIGH * self.nominal_v
    }
}

//! Temperatures: around the cabinet, in it, and of the battery.
//!
//! In: hour of the day, heat given off, steps of time. Out: °C.

use super::noise::{Source, Wander, lag};
use super::parameters::Parameters;

/// Rise of the cabinet over its surroundings, °C, at rest and per share of rated load converted.
const RISE_AT_REST_C: f64 = 4.0;
const RISE_AT_FULL_LOAD_C: f64 = 24.0;

/// The three temperatures.
#[derive(Debug, Clone)]
pub struct Climate {
    mean_c: f64,
    noise: Wander,
    set_c: Option<f64>,
    ambient_c: f64,
    cabinet_c: f64,
    battery_c: f64,
}

impl Climate {
    /// In balance at the start.
    #[must_use]
    pub fn new(parameters: &Parameters) -> Self {
        let ambient_c = parameters.ambient_c.clamp(-40.0, 80.0);
        Self {
            mean_c: ambient_c,
            noise: Wander::new(0.3, 900.0),
            set_c: None,
            ambient_c,
            cabinet_c: ambient_c + RISE_AT_REST_C,
            battery_c: ambient_c + 1.0,
        }
    }

    /// Moves on by `dt_s` seconds; `converted` is the load through the inverter as a share of rated.
    pub fn step(&mut self, dt_s: f64, hour: f64, converted: f64, source: &mut Source) {
        let of_day = 2.0 * ((hour - 15.0) * std::f64::consts::TAU / 24.0).cos();
        let wander = self.noise.step(dt_s, source);
        self.ambient_c = self.set_c.unwrap_or(self.mean_c + of_day) + wander;
        let heat_c = RISE_AT_REST_C + RISE_AT_FULL_LOAD_C * converted;
        self.cabinet_c = lag(self.cabinet_c, self.ambient_c + heat_c, 1200.0, dt_s);
        self.battery_c = lag(self.battery_c, self.ambient_c + 1.0 + 0.1 * heat_c, 14_400.0, dt_s);
    }

    /// A quiet stretch at once: all in balance with the hour, nothing converted. Within an hour nothing settles.
    pub fn settle(&mut self, dt_s: f64, hour: f64) {
        if dt_s < 3600.0 {
            return;
        }
        let of_day = 2.0 * ((hour - 15.0) * std::f64::consts::TAU / 24.0).cos();
        self.ambient_c = self.set_c.unwrap_or(self.mean_c + of_day);
        self.cabinet_c = self.ambient_c + RISE_AT_REST_C;
        // The battery follows the day by four hours' lag: near its mean.
        let battery_c = self.set_c.unwrap_or(self.mean_c) + 1.0 + 0.1 * RISE_AT_REST_C;
        self.battery_c = lag(self.battery_c, battery_c, 14_400.0, dt_s);
    }

    /// Sets the temperature around the cabinet; `None`: back to the site's own.
    pub fn set_ambient(&mut self, celsius: Option<f64>) {
        self.set_c = celsius.map(|c| c.clamp(-40.0, 90.0));
        if let Some(celsius) = self.set_c {
            self.ambient_c = celsius;
        }
    }

    /// Around the cabinet, °C.
    #[must_use]
    pub const fn ambient_c(&self) -> f64 {
        self.ambient_c
    }

    /// Of the electronics, °C.
    #[must_use]
    pub const fn cabinet_c(&self) -> f64 {
        self.cabinet_c
    }

    /// Of the battery, °C.
    #[must_use]
    pub const fn battery_c(&self) -> f64 {
        self.battery_c
    }
}

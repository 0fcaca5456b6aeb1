//! The load on the output: the day's shape, noise, and what a person sets.
//!
//! In: time of day, steps of time. Out: watts asked for, and watts to be expected. Never knows whether the output
//! is on.

use super::noise::{Source, Wander, lag};
use super::parameters::Parameters;

/// Power factor of the lamps and their drivers.
pub const POWER_FACTOR: f64 = 0.95;

/// The load.
#[derive(Debug, Clone)]
pub struct Load {
    rated_w: f64,
    typical: f64,
    swing: f64,
    noise: Wander,
    set: Option<f64>,
    share: f64,
    expected: f64,
    seen: f64,
}

impl Load {
    /// The site's usual load.
    #[must_use]
    pub fn new(parameters: &Parameters) -> Self {
        let typical = parameters.typical_load.clamp(0.0, 1.5);
        Self {
            rated_w: parameters.rated_w,
            typical,
            swing: parameters.load_swing.clamp(0.0, 0.5),
            noise: Wander::new(0.006, 20.0),
            set: None,
            share: typical,
            expected: typical,
            seen: typical,
        }
    }

    /// Moves on by `dt_s` seconds; `hour` is the hour of the day, 0 to 24.
    pub fn step(&mut self, dt_s: f64, hour: f64, source: &mut Source) {
        self.expected = self.typical * (1.0 + self.swing * shape(hour));
        let aim = self.set.unwrap_or(self.expected);
        self.share = (aim * (1.0 + self.noise.step(dt_s, source))).max(0.0);
        self.seen = lag(self.seen, self.share, 8.0, dt_s);
    }

    /// Sets the load as a share of rated; `None`: back to usual.
    pub fn set(&mut self, share: Option<f64>) {
        self.set = share.map(|s| s.clamp(0.0, 2.0));
        if let Some(share) = self.set {
            self.share = share;
        }
    }

    /// Watts asked for.
    #[must_use]
    pub fn power_w(&self) -> f64 {
        self.share * self.rated_w
    }

    /// Share of rated asked for.
    #[must_use]
    pub const fn share(&self) -> f64 {
        self.share
    }

    /// The load of the last seconds as a share of what is usual at this hour; 1 when nothing is usual.
    #[must_use]
    pub fn against_usual(&self) -> f64 {
        if self.expected > 0.01 { self.seen / self.expected } else { 1.0 }
    }
}

/// Lamps of a public building: least before dawn, most in the evening; −1 to 1.
fn shape(hour: f64) -> f64 {
    let turn = std::f64::consts::TAU / 24.0;
    0.7 * ((hour - 19.0) * turn).cos() + 0.3 * ((hour - 10.0) * 2.0 * turn).cos()
}

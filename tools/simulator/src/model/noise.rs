//! Seeded noise with a memory, so that values wander as real ones do.
//!
//! In: a seed and steps of time. Out: numbers around zero. The same seed and steps give the same numbers.

use rand::{Rng, SeedableRng, rngs::SmallRng};

/// The random numbers of one inverter.
#[derive(Debug, Clone)]
pub struct Source(SmallRng);

impl Source {
    /// Starts from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// About normal, mean 0, deviation 1: the sum of four evenly spread numbers (Irwin–Hall), within ±3.5.
    pub fn normal(&mut self) -> f64 {
        (0..4).map(|_| self.0.random::<f64>()).sum::<f64>() * 1.732_050_8 - 3.464_101_6
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.0.random()
    }
}

/// A value that wanders around zero and forgets with time constant `memory_s` (Ornstein–Uhlenbeck).
#[derive(Debug, Clone)]
pub struct Wander {
    deviation: f64,
    memory_s: f64,
    value: f64,
}

impl Wander {
    /// `deviation` in the unit of the value, `memory_s` seconds.
    #[must_use]
    pub const fn new(deviation: f64, memory_s: f64) -> Self {
        Self { deviation, memory_s, value: 0.0 }
    }

    /// Moves on by `dt_s` seconds and gives the value, within ±4 deviations.
    pub fn step(&mut self, dt_s: f64, source: &mut Source) -> f64 {
        let keep = (-dt_s / self.memory_s).exp();
        let fresh = (1.0 - keep * keep).max(0.0).sqrt() * self.deviation;
        let limit = 4.0 * self.deviation;
        self.value = (self.value * keep + fresh * source.normal()).clamp(-limit, limit);
        self.value
    }
}

/// Moves `value` towards `target` as a first-order lag does in `dt_s` seconds.
#[must_use]
pub fn lag(value: f64, target: f64, time_constant_s: f64, dt_s: f64) -> f64 {
    target + (value - target) * (-dt_s / time_constant_s).exp()
}

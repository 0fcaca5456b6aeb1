//! The frozen population: a thousand batteries, loads, sensors and gaps to measure an estimator of runtime against.
//!
//! In: a number. Out: a [`Case`], always the same. Frozen with the cells' equations before any estimator was tuned (ADR 23):
//! a change of a figure here is a new population and makes every measured figure of docs/readiness.md untrue.

use wire::{Serial, UtcMs};

use super::{Chemistry, Parameters, Sensors};

/// How many there are.
pub const SIZE: u64 = 1000;
/// What all draws begin with.
pub const SEED: u64 = 0x0006_1e1f_ad5e_ed01;

/// One battery with its site, and what happens to it.
#[derive(Debug, Clone)]
pub struct Case {
    /// As installed; the age is that at the test.
    pub parameters: Parameters,
    /// Mean temperature around the cabinet at the test, °C.
    pub test_c: f64,
    /// The same when the question is asked, °C.
    pub now_c: f64,
    /// Load when the question is asked, share of rated.
    pub now_load: f64,
    /// The load changes in the test: after so many seconds, to this share of rated.
    pub step: Option<(f64, f64)>,
    /// Readings are missing in the test: from, and for how long, seconds.
    pub gap: Option<(f64, f64)>,
    /// Seconds between readings while the battery feeds.
    pub pace_s: f64,
    /// Days from the test to the question.
    pub wait_days: f64,
}

/// The `number`th of the population that `seed` begins.
#[must_use]
pub fn case(serial: Serial, seed: u64, number: u64) -> Case {
    let mut draw = Draw(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let typical_load = draw.within(0.70, 1.0);
    let test_c = draw.within(12.0, 32.0);
    let chemistry = chemistry(&mut draw);
    let parameters = Parameters {
        rated_w: draw.one_of(&[2_800.0, 5_000.0, 10_000.0, 16_700.0]),
        battery_v: draw.one_of(&[48.0, 120.0, 240.0]),
        rated_minutes: draw.within(92.0, 120.0),
        // Half of what is tested monthly is tested for half a minute.
        monthly_s: draw.one_of(&[30.0, 30.0, 30.0, 300.0, 900.0, 1_800.0]),
        age_years: draw.within(0.0, 11.0),
        typical_load,
        load_swing: draw.within(0.0, 0.04),
        ambient_c: test_c,
        chemistry,
        weak_block: if draw.chance(0.15) { (0.1, draw.within(0.80, 0.95)) } else { (0.0, 1.0) },
        sensors: sensors(&mut draw),
        ..Parameters::new(serial, number, UtcMs(1_767_268_800_000))
    };
    // Above 1.1 the inverter would shut down for overload.
    let now_load = (typical_load * draw.within(0.82, 1.15)).min(1.05);
    Case {
        parameters,
        test_c,
        now_c: (test_c + draw.within(-9.0, 9.0)).clamp(10.0, 34.0),
        now_load,
        step: draw
            .chance(0.3)
            .then(|| (draw.within(300.0, 4_500.0), (typical_load * draw.within(0.85, 1.1)).min(1.05))),
        gap: draw.chance(0.3).then(|| (draw.within(60.0, 4_500.0), draw.within(30.0, 900.0))),
        pace_s: draw.one_of(&[1.0, 1.0, 10.0]),
        wait_days: draw.within(2.0, 330.0),
    }
}

/// Ranges around those of real cells: docs/readiness.md says against which makers' tables they were chosen.
fn chemistry(draw: &mut Draw) -> Chemistry {
    Chemistry {
        well: draw.within(0.60, 0.82),
        exchange_per_h: draw.within(1.0, 3.5),
        rest_v: draw.within(2.11, 2.15),
        fall_v: draw.within(0.15, 0.20),
        ohm_v: draw.within(0.040, 0.065),
        knee_v: draw.within(0.004, 0.009),
        transfer_v: draw.within(0.011, 0.019),
        dip_v: draw.within(0.0, 0.035),
        capacity_per_c: draw.within(0.004, 0.008),
        resistance_per_c: draw.within(0.005, 0.010),
        growth_per_year: draw.within(0.01, 0.08),
        fade_power: draw.within(1.5, 2.5),
    }
}

fn sensors(draw: &mut Draw) -> Sensors {
    Sensors {
        volt_gain: draw.within(0.997, 1.003),
        volt_noise: draw.within(0.01, 0.06),
        ampere_gain: draw.within(0.98, 1.02),
        watt_gain: draw.within(0.98, 1.02),
        celsius_offset: draw.within(-1.5, 1.5),
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): written out, so that no other version of a library draws other batteries.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn within(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.share()
    }

    fn chance(&mut self, share: f64) -> bool {
        self.share() < share
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few"
    )]
    fn one_of(&mut self, values: &[f64]) -> f64 {
        let at = (self.share() * values.len() as f64) as usize;
        values.get(at).or(values.last()).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frozen: these figures were written down when the population was, before the estimator.
    #[test]
    fn the_population_is_what_it_was() {
        let mut sum = 0.0;
        for number in 0..SIZE {
            let case = case(Serial::parse("TEST-1").unwrap(), SEED, number);
            let chemistry = case.parameters.chemistry;
            sum +=
                case.now_load + case.wait_days + case.parameters.age_years + chemistry.well + chemistry.dip_v;
        }
        assert!((sum - 175_221.829_537_390).abs() < 1e-6, "{sum:.9}");
    }
}

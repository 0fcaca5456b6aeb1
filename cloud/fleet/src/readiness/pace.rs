//! How load and temperature change the time a battery holds.
//!
//! In: loads, temperatures, a time that is known. Out: the time at others. Both laws are read off makers' tables
//! (docs/readiness.md has them with their sources); neither knows of one battery.

/// Between two loads P and Q: t(Q) + OFFSET = (t(P) + OFFSET) · (P / Q)^POWER, seconds. Peukert's law with an offset: makers' tables are
/// steeper at a quarter of an hour than at five hours. How well it does on each is printed by the test
/// `readiness_tables`.
const OFFSET_S: f64 = 300.0;
const POWER: f64 = 1.19;

/// How uncertain that is, error of ln t per unit of ln load: nine in ten of the pairs of loads in those tables are within 1.645 of it.
const POWER_SIGMA: f64 = 0.14;

/// Capacity gained per °C above 25, by the length of the discharge in seconds. YD/T 799 for valve-regulated batteries: 0.010 at one hour, 0.008
/// at three, 0.006 at ten; between them by the logarithm of the time.
const WARMTH_PER_C: [(f64, f64); 3] = [(3_600.0, 0.010), (10_800.0, 0.008), (36_000.0, 0.006)];
/// That is a straight line from here on, °C, and goes on to here.
const STRAIGHT_FROM_C: f64 = 10.0;
const STRAIGHT_TO_C: f64 = 40.0;

/// Below: load that a battery carries for one hour, as a share of that at 25 °C. King and Knight, Uninterruptible
/// Power Supplies and Standby Power Systems, figure 7.14, column "1 hour rate".
const COLD: [(f64, f64); 5] = [(-9.4, 0.580), (-3.9, 0.680), (1.7, 0.765), (7.2, 0.840), (10.0, 0.865)];
/// From that load to time around 90 minutes: POWER · (t + OFFSET) / t.
const COLD_POWER: f64 = 1.21;

/// Batteries differ by this, error of ln t per °C.
const WARMTH_SIGMA_PER_C: f64 = 0.0025;

/// Time lost per year at rest at 25 °C (ten years to four fifths, IEEE 1188); twice as much each 10 °C warmer (Arrhenius).
const FADE_PER_YEAR: f64 = 0.02;

/// Seconds at `load` where it is `known_s` at `known_load`, the temperature being the same. Loads above 0.
#[must_use]
pub fn at_load(known_s: f64, known_load: f64, load: f64) -> f64 {
    ((known_s + OFFSET_S) * (known_load / load).powf(POWER) - OFFSET_S).max(1.0)
}

/// How much faster `load` uses a battery up than `known_load`, around a runtime of `known_s`.
#[must_use]
pub fn use_up(known_s: f64, known_load: f64, load: f64) -> f64 {
    known_s / at_load(known_s, known_load, load)
}

/// Deviation of ln t that a change of load brings.
#[must_use]
pub fn load_sigma(known_load: f64, load: f64) -> f64 {
    POWER_SIGMA * (known_load / load).ln().abs()
}

/// Time held at `celsius` as a share of that at 25 °C, where it is about `seconds`; temperatures outside −9.4 to 40 °C are taken as
/// the nearest.
#[must_use]
pub fn warmth(celsius: f64, seconds: f64) -> f64 {
    let straight_c = celsius.clamp(STRAIGHT_FROM_C, STRAIGHT_TO_C);
    let per_c = between(&WARMTH_PER_C.map(|(at_s, per_c)| (at_s.ln(), per_c)), seconds.max(1.0).ln());
    let straight = 1.0 + per_c * (straight_c - 25.0);
    straight * (between(&COLD, celsius) / between(&COLD, STRAIGHT_FROM_C)).powf(COLD_POWER)
}

/// Time lost per year at rest at `celsius`, as a share.
#[must_use]
pub fn fade_per_year(celsius: f64) -> f64 {
    FADE_PER_YEAR * ((celsius.clamp(STRAIGHT_FROM_C, STRAIGHT_TO_C) - 25.0) / 10.0).exp2()
}

/// Deviation of ln t that a change of temperature brings.
#[must_use]
pub fn warmth_sigma(from_c: f64, to_c: f64) -> f64 {
    WARMTH_SIGMA_PER_C * (from_c - to_c).abs()
}

/// The value of a table at `at`, by straight lines; outside it the nearest.
fn between(table: &[(f64, f64)], at: f64) -> f64 {
    let mut below: Option<(f64, f64)> = None;
    for (place, value) in table {
        if at <= *place {
            let Some(below) = below else { return *value };
            return below.1 + (value - below.1) * (at - below.0) / (place - below.0);
        }
        below = Some((*place, *value));
    }
    below.map_or(1.0, |(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_load_and_more_warmth_hold_longer_without_a_jump() {
        assert!((at_load(5_400.0, 10.0, 10.0) - 5_400.0).abs() < 1e-9);
        let half = at_load(5_400.0, 10.0, 5.0);
        assert!((5_400.0 * 2.1..5_400.0 * 2.5).contains(&half), "{half}");
        assert!((at_load(half, 5.0, 10.0) - 5_400.0).abs() < 1e-6, "there and back");
        assert!(at_load(5_400.0, 10.0, 1e6) >= 1.0);
        for seconds in [600.0, 5_400.0, 50_000.0] {
            let mut before = 0.0;
            for tenth in -400..600 {
                let now = warmth(f64::from(tenth) / 10.0, seconds);
                assert!(now >= before && (before == 0.0 || now - before < 0.005), "{tenth} {seconds}");
                before = now;
            }
            assert!((warmth(25.0, seconds) - 1.0).abs() < 1e-12);
        }
        assert!((warmth(20.0, 3_600.0) - 0.95).abs() < 1e-9 && (warmth(35.0, 10_800.0) - 1.08).abs() < 1e-9);
        assert!((fade_per_year(35.0) / fade_per_year(25.0) - 2.0).abs() < 1e-9);
    }
}

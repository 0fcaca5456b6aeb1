//! How load and temperature change the time a battery holds.
//!
//! In: loads, temperatures, a time that is known. Out: the time at others. Both laws are read off makers' tables
//! (docs/readiness.md has them with their sources); neither knows of one battery.

/// Between two loads P and Q: t(Q) + OFFSET = (t(P) + OFFSET) · (P / Q)^POWER, seconds. Peukert's law with an offset: makers' tables are
/// steeper at a quarter of an hour than at five hours. How well it does on each is printed by the test
/// `readiness_tables`.
const OFFSET_S: f64 = 300.0;
const POWER: f64 = 1.15;

/// How uncertain the power is: error of ln t per unit of ln load.
const POWER_SIGMA: f64 = 0.07;

/// Load that a battery carries for one hour at a temperature, as a share of that at 25 °C. King and Knight, Uninterruptible
/// Power Supplies and Standby Power Systems, figure 7.14, column "1 hour rate".
const WARMTH: [(f64, f64); 12] = [
    (-9.4, 0.580),
    (-3.9, 0.680),
    (1.7, 0.765),
    (7.2, 0.840),
    (10.0, 0.865),
    (15.6, 0.930),
    (18.3, 0.950),
    (21.1, 0.970),
    (25.0, 1.000),
    (29.4, 1.020),
    (35.0, 1.030),
    (37.8, 1.040),
];

/// From load to time around 90 minutes: POWER · (t + OFFSET) / t.
const WARMTH_POWER: f64 = 1.21;

/// Tables of others are steeper; error of ln t per °C.
const WARMTH_SIGMA_PER_C: f64 = 0.003;

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

/// Time held at `celsius` as a share of that at 25 °C; temperatures outside −9.4 to 37.8 °C are taken as the nearest.
#[must_use]
pub fn warmth(celsius: f64) -> f64 {
    carried(celsius).powf(WARMTH_POWER)
}

/// Deviation of ln t that a change of temperature brings.
#[must_use]
pub fn warmth_sigma(from_c: f64, to_c: f64) -> f64 {
    WARMTH_SIGMA_PER_C * (from_c - to_c).abs()
}

fn carried(celsius: f64) -> f64 {
    let mut below = WARMTH.first().copied().unwrap_or((25.0, 1.0));
    for (at, share) in WARMTH {
        if celsius <= at {
            let width = at - below.0;
            let way = if width > 0.0 { ((celsius - below.0) / width).clamp(0.0, 1.0) } else { 1.0 };
            return below.1 + (share - below.1) * way;
        }
        below = (at, share);
    }
    below.1
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
        let mut before = 0.0;
        for tenth in -400..600 {
            let now = warmth(f64::from(tenth) / 10.0);
            assert!(now >= before && (before == 0.0 || now - before < 0.005), "{tenth}");
            before = now;
        }
        assert!((warmth(25.0) - 1.0).abs() < 1e-12);
    }
}

//! Where the battery is going: when the required time will no longer hold.
//!
//! In: evidence over at least half a year. Out: a [`Forecast`]. A line through the logarithms that bends down, as batteries fail ever faster
//! towards their end (IEEE 1188 has them replaced at four fifths for that), held by what they do in general: two tests alone turn it little.

use wire::UtcMs;

use super::curve::Time;
use super::evidence::Evidence;
use super::moment::Load;
use super::pace;

/// What batteries do in general at 25 °C, share of their time a year, and how far they differ.
const FADE: (f64, f64) = (-0.025, 0.025);
/// Each year it is so much more, by the half: four fifths after ten years, with a fall that grows as the age does.
const BEND: f64 = 0.003;
/// The earliest date is this many deviations away: nine times in ten it is later.
const EARLY: f64 = 1.28;
/// Where no temperature is told, it ages as at this, °C.
const UNTOLD_C: f64 = 25.0;
/// Evidence must span this, years.
const LEAST_SPAN: f64 = 0.5;
/// Further ahead nothing is said, years.
const FURTHEST: f64 = 10.0;
const YEAR_MS: f64 = 31_557_600_000.0;

/// When the required time will no longer hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Change of the time it holds, share a year; below 0 it holds less each year.
    pub per_year: f64,
    /// Most likely then; `None`: not within ten years.
    pub at: Option<UtcMs>,
    /// Perhaps as early as this; `None` as above.
    pub earliest: Option<UtcMs>,
}

/// Forecasts for a load and temperature. `None`: fewer than two pieces of evidence, or too near to each other.
#[must_use]
pub fn forecast(
    evidence: &[Evidence],
    load: Load,
    celsius: Option<f32>,
    required_s: f64,
    now: UtcMs,
) -> Option<Forecast> {
    let told = |one: &Evidence| Some((-one.age_years(now), one.time_at(load, celsius, one.at)?));
    let points: Vec<(f64, Time)> = evidence.iter().filter_map(told).collect();
    let first = points.iter().map(|(year, _)| *year).fold(f64::INFINITY, f64::min);
    let last = points.iter().map(|(year, _)| *year).fold(f64::NEG_INFINITY, f64::max);
    if points.len() < 2 || last - first < LEAST_SPAN {
        return None;
    }
    // The same age comes sooner where it is warm.
    let faster = pace::fade_per_year(celsius.map_or(UNTOLD_C, f64::from)) / pace::fade_per_year(UNTOLD_C);
    let bend = BEND * faster * faster;
    let line = Line::through(&points, FADE.0 * faster, bend)?;
    let crossing = |deviations: f64| {
        let spare = line.now - deviations * line.now_sigma - required_s.ln();
        let slope = line.slope - deviations * line.slope_sigma;
        let years = if spare <= 0.0 {
            0.0
        } else {
            (slope + (slope * slope + 4.0 * bend * spare).sqrt()) / (2.0 * bend)
        };
        (years <= FURTHEST).then(|| now.plus_ms(ms(years)))
    };
    Some(Forecast { per_year: line.slope, at: crossing(0.0), earliest: crossing(EARLY) })
}

#[expect(clippy::cast_possible_truncation, reason = "ten years at most")]
fn ms(years: f64) -> i64 {
    if years.is_finite() { (years * YEAR_MS) as i64 } else { 0 }
}

/// A line whose slope is that of now.
struct Line {
    now: f64,
    now_sigma: f64,
    slope: f64,
    slope_sigma: f64,
}

impl Line {
    /// Weighted least squares with the slope's prior as one more row.
    fn through(points: &[(f64, Time)], mean: f64, bend: f64) -> Option<Self> {
        let sigma = FADE.1;
        let prior = 1.0 / (sigma * sigma);
        let (mut w, mut wx, mut wy, mut wxx, mut wxy) = (0.0, 0.0, 0.0, prior, prior * mean);
        for (x, time) in points {
            let weight = 1.0 / (time.sigma * time.sigma);
            w += weight;
            wx += weight * x;
            let straight = time.ln_s + bend * x * x;
            wy += weight * straight;
            wxx += weight * x * x;
            wxy += weight * x * straight;
        }
        let determinant = w * wxx - wx * wx;
        let line = Self {
            now: (wxx * wy - wx * wxy) / determinant,
            now_sigma: (wxx / determinant).sqrt(),
            slope: (w * wxy - wx * wy) / determinant,
            slope_sigma: (w / determinant).sqrt(),
        };
        (determinant > 0.0 && line.now.is_finite()).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readiness::evidence::{End, Kind};
    use crate::readiness::moment::Unit;

    const NOW: UtcMs = UtcMs(1_800_000_000_000);
    const LOAD: Load = Load { value: 6_100.0, unit: Unit::Watt };

    fn years_ago(years: f64, minutes: f64) -> Evidence {
        Evidence {
            kind: Kind::Annual,
            at: NOW.plus_ms(-ms(years)),
            length_s: 5_400.0,
            end: End::Over,
            charge: Some(1.0),
            load: LOAD,
            load_mean: LOAD.value,
            celsius: Some(25.0),
            end_cell_v: 1.9,
            whole: Some(((minutes * 60.0_f64).ln() as f32, 0.02)),
        }
    }

    fn ahead(forecast: Forecast) -> Option<f64> {
        forecast.at.map(|at| at.since(NOW) as f64 / YEAR_MS)
    }

    #[test]
    fn a_falling_battery_is_given_a_date_and_a_steady_one_a_late_one() {
        let ask = |evidence: &[Evidence]| forecast(evidence, LOAD, Some(25.0), 5_400.0, NOW);
        assert_eq!(ask(&[years_ago(0.1, 104.0)]), None, "one test is no trend");
        assert_eq!(ask(&[years_ago(0.3, 104.0), years_ago(0.1, 103.0)]), None, "nor are two of one season");
        let falling = ask(&[years_ago(2.1, 118.0), years_ago(1.1, 111.0), years_ago(0.1, 104.0)]).unwrap();
        let years = ahead(falling).unwrap();
        assert!((1.5..4.0).contains(&years) && falling.earliest < falling.at, "{years} {falling:?}");
        let steady = ask(&[years_ago(2.1, 150.0), years_ago(1.1, 150.0), years_ago(0.1, 150.0)]).unwrap();
        assert_eq!(steady.at, None, "{steady:?}");
        let short = ask(&[years_ago(1.1, 88.0), years_ago(0.1, 80.0)]).unwrap();
        assert_eq!(short.at, Some(NOW), "it does not hold now");
    }
}

//! How long a battery will last by the part of its discharge that was seen.
//!
//! In: points of a discharge (seconds at one load, volts per cell), the cut-off. Out: the time to the
//! cut-off at that load as a distribution. The shape, by the share x of the charge that is used up, is
//! V = cut-off + a·(1 − x) + b·(1 − (1 + (1−x)/w)^−1.85) + r·(1 − current) + s·e^(−x/0.2): a slope, a knee near the end, the drop of another
//! current, and settling at first. For each time on a grid and each width w of the knee, a, b, r and s are fitted against priors; how
//! well that goes weighs the time. No physics of a cell is simulated here.

/// Points seen before this are the coup de fouet, seconds.
pub const DIP_S: f64 = 745.0;
/// Times on a grid, and the longest as a multiple of what was seen.
const TIMES: u32 = 24;
const LONGEST: f64 = 40.0;
/// The second walk goes this many deviations each way, of at least so much.
const REACH: f64 = 4.0;
const LEAST_SIGMA: f64 = 0.02;
/// Widths of the knee as shares of the whole, each with its weight, and the power that it falls by.
const KNEES: [(f64, f64); 3] = [(0.072, 0.25), (0.095, 0.5), (0.141, 0.25)];
const KNEE_POWER: f64 = -1.85;
/// Slope, knee, drop and settling: what lead-acid cells show around a rate of one to two hours, V per cell, and how far they differ.
const PRIOR: [(f64, f64); TERMS] = [(0.141, 0.021), (0.138, 0.051), (0.08, 0.060), (0.0, 0.009)];
/// Slope and knee are those of a battery that holds this long, seconds, and go by such a power of the time: the slower, the less of the
/// fall is resistance.
const PRIOR_S: f64 = 6_600.0;
const PRIOR_POWER: [f64; TERMS] = [-0.14, 0.21, 0.0, 0.0];
/// Volts per cell that charge and current are counted at, and how much of the fall that is to come counts in its mean.
const AROUND_V: f64 = 2.0;
const FALL_TO_COME: f64 = 0.3;
/// The share of the whole within which a discharge settles.
const SETTLES: f64 = 0.23;
const TERMS: usize = 4;
/// How far a real curve is from this shape, V per cell, and how many points of it tell something new.
const MISFIT_V: f64 = 0.00023;
const INDEPENDENT: f64 = 15.0;
/// No real curve has just this shape: errors of the time by powers of the share that is still to come. The first is that of a knee
/// that nobody has seen, the second that of a slope which is seen in part.
const SHAPE_SIGMA: [(f64, f64); 2] = [(0.08, 0.7), (0.40, 3.0)];

/// One point of a discharge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Seconds used up, at the load that is 1.
    pub used_s: f64,
    /// Volts per cell.
    pub cell_v: f64,
    /// Load as a share of the one that is 1.
    pub load: f64,
    /// How far off `cell_v` may be by the noise of what was read, V per cell.
    pub noise_v: f64,
}

/// A time, as the logarithm of its seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Time {
    /// Mean of the logarithm.
    pub ln_s: f64,
    /// Its deviation: about the relative error.
    pub sigma: f64,
}

impl Time {
    /// Weighed against another knowledge of the same time, each by its certainty.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let (own, others) = (1.0 / square(self.sigma), 1.0 / square(other.sigma));
        let sum = own + others;
        Self { ln_s: (self.ln_s * own + other.ln_s * others) / sum, sigma: (1.0 / sum).sqrt() }
    }
}

/// The time from full to the cut-off at the load that is 1. `None` before the coup de fouet is over.
#[must_use]
pub fn fit(points: &[Point], cutoff_cell_v: f64) -> Option<Time> {
    let last = points.last().filter(|point| point.used_s >= DIP_S)?;
    let seen = seen(points);
    let drawn = seen.last()?.drawn;
    let shortest = last.used_s.max(1.0) * 1.0005;
    // What feeds at less than the cut-off has a lower one.
    let cutoff = cutoff_cell_v.min(last.cell_v - 0.002);
    let weigh = |ln_s: f64| {
        // What is still to come is drawn at falling voltages.
        let rest_v = last.cell_v + (cutoff - last.cell_v) * FALL_TO_COME;
        let whole = drawn + (ln_s.exp() - last.used_s) * AROUND_V / rest_v;
        KNEES.map(|(knee, weight)| (weight, misfit(&seen, whole, knee, cutoff)))
    };
    // First far and wide, finer near what was seen, as there the knee tells most; then around what was found.
    let low = shortest.ln();
    let wide = |way: f64| (low + LONGEST.ln() * way * way, way.max(0.5 / f64::from(TIMES)));
    let rough = walk(wide, weigh)?;
    let reach = REACH * rough.sigma.max(LEAST_SIGMA);
    let (from, to) = (low.max(rough.ln_s - reach), low.max(rough.ln_s) + reach);
    let found = walk(|way| (from + (to - from) * way, 1.0), weigh)?;
    let to_come = 1.0 - (last.used_s / found.ln_s.exp()).min(1.0);
    let sigma =
        SHAPE_SIGMA.iter().fold(found.sigma, |sum, (most, power)| sum.hypot(most * to_come.powf(*power)));
    Some(Time { ln_s: found.ln_s, sigma })
}

/// Weighs the times along a way from 0 to 1, each with the width that it stands for.
fn walk(place: impl Fn(f64) -> (f64, f64), weigh: impl Fn(f64) -> [(f64, f64); KNEES.len()]) -> Option<Time> {
    let mut found = Moments::default();
    for at in 0..TIMES {
        let (ln_s, width) = place(f64::from(at) / f64::from(TIMES - 1));
        for (weight, cost) in weigh(ln_s) {
            found.add(ln_s, width * weight, cost);
        }
    }
    found.time()
}

/// A point by charge instead of time: at a steady load the current rises as the voltage falls.
struct Seen {
    /// Charge drawn, as seconds at the load that is 1 and [`AROUND_V`].
    drawn: f64,
    cell_v: f64,
    noise_v: f64,
    /// Current as a share of that at the load that is 1 and [`AROUND_V`].
    current: f64,
}

fn seen(points: &[Point]) -> Vec<Seen> {
    let (mut used_s, mut drawn) = (0.0, 0.0);
    let by_charge = points.iter().map(|point| {
        drawn += (point.used_s - used_s) * AROUND_V / point.cell_v.max(1.0);
        used_s = point.used_s;
        let current = point.load * AROUND_V / point.cell_v.max(1.0);
        (point.used_s, Seen { drawn, cell_v: point.cell_v, noise_v: point.noise_v, current })
    });
    by_charge.filter(|(used_s, _)| *used_s >= DIP_S).map(|(_, seen)| seen).collect()
}

fn square(value: f64) -> f64 {
    value * value
}

/// Twice the negative logarithm of how likely the points are for this time and knee, a, b and r being fitted.
fn misfit(points: &[Seen], whole: f64, knee: f64, cutoff: f64) -> f64 {
    let count = f64::from(u32::try_from(points.len()).unwrap_or(u32::MAX));
    let share = (INDEPENDENT / count).min(1.0);
    let mut system = System::default();
    for point in points {
        let used = point.drawn / whole;
        let left = 1.0 - used;
        let row =
            [left, 1.0 - (1.0 + left / knee).powf(KNEE_POWER), 1.0 - point.current, (-used / SETTLES).exp()];
        let weight = share / (square(MISFIT_V) + square(point.noise_v));
        system.add(row, point.cell_v - cutoff, weight);
    }
    let slower = whole / PRIOR_S;
    for (at, ((mean, sigma), power)) in PRIOR.iter().zip(PRIOR_POWER).enumerate() {
        let mut row = [0.0; TERMS];
        if let Some(one) = row.get_mut(at) {
            *one = 1.0;
        }
        system.add(row, mean * slower.powf(power), 1.0 / square(*sigma));
    }
    system.cost()
}

/// Weighted least squares, as normal equations.
#[derive(Default)]
struct System {
    normal: [[f64; TERMS]; TERMS],
    right: [f64; TERMS],
    total: f64,
}

impl System {
    fn add(&mut self, row: [f64; TERMS], value: f64, weight: f64) {
        for (line, (to, by)) in self.normal.iter_mut().zip(self.right.iter_mut().zip(row)) {
            for (cell, other) in line.iter_mut().zip(row) {
                *cell += weight * by * other;
            }
            *to += weight * by * value;
        }
        self.total += weight * value * value;
    }

    /// What is left of the squares when the terms are fitted, and ln |normal|: row by row of Cholesky's factor.
    fn cost(&self) -> f64 {
        let mut factor = [[0.0; TERMS]; TERMS];
        let mut solved = [0.0; TERMS];
        let mut cost = self.total;
        for (at, (line, right)) in self.normal.iter().zip(self.right).enumerate() {
            let mut row = [0.0; TERMS];
            let mut diagonal = 1e-12_f64;
            for (column, value) in line.iter().enumerate().take(at + 1) {
                let other = if column == at { row } else { factor.get(column).copied().unwrap_or_default() };
                let rest = value - dot(row, other);
                if column == at {
                    diagonal = rest.max(1e-12).sqrt();
                } else if let (Some(to), Some(by)) = (row.get_mut(column), other.get(column)) {
                    *to = rest / by;
                }
            }
            let value = (right - dot(row, solved)) / diagonal;
            if let (Some(to), Some(line), Some(own)) =
                (solved.get_mut(at), factor.get_mut(at), row.get_mut(at))
            {
                (*to, *own) = (value, diagonal);
                *line = row;
            }
            cost += 2.0 * diagonal.ln() - value * value;
        }
        cost
    }
}

fn dot(a: [f64; TERMS], b: [f64; TERMS]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Mean and deviation of what is weighed by e^(−cost/2), without ever leaving the range of numbers.
#[derive(Default)]
struct Moments {
    least: Option<f64>,
    weight: f64,
    mean: f64,
    spread: f64,
}

impl Moments {
    fn add(&mut self, value: f64, width: f64, cost: f64) {
        let least = *self.least.get_or_insert(cost);
        if cost < least {
            let shrink = ((cost - least) / 2.0).exp();
            self.weight *= shrink;
            self.spread *= shrink;
            self.least = Some(cost);
        }
        let weight = width * (-(cost - least.min(cost)) / 2.0).exp();
        if weight <= 0.0 {
            return;
        }
        self.weight += weight;
        let away = value - self.mean;
        self.mean += away * weight / self.weight;
        self.spread += weight * away * (value - self.mean);
    }

    fn time(&self) -> Option<Time> {
        let sigma = (self.spread / self.weight).sqrt();
        (self.weight > 0.0 && sigma.is_finite()).then_some(Time { ln_s: self.mean, sigma })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(whole_s: f64, until_s: f64) -> Vec<Point> {
        let at = |n: u32| f64::from(n) * until_s / 30.0;
        (1..=30)
            .map(|n| {
                let left = 1.0 - at(n) / whole_s;
                let cell_v = 1.75 + 0.17 * left + 0.12 * (1.0 - (-left / 0.07).exp());
                Point { used_s: at(n), cell_v, load: 1.0, noise_v: 0.0 }
            })
            .collect()
    }

    #[test]
    fn the_more_is_seen_the_better_it_is_known() {
        let mut before = f64::INFINITY;
        for until_s in [1_500.0, 3_000.0, 4_500.0, 5_700.0] {
            let time = fit(&points(6_000.0, until_s), 1.75).unwrap();
            let error = (time.ln_s.exp() / 6_000.0 - 1.0).abs();
            assert!(error < 2.0 * time.sigma + 0.01 && time.sigma < before, "{until_s}: {error} {time:?}");
            before = time.sigma;
        }
        assert!(before < 0.02, "{before}");
        assert_eq!(fit(&points(6_000.0, 200.0), 1.75), None);
    }

    #[test]
    fn what_was_known_counts_where_little_is_seen() {
        let before = Time { ln_s: 6_000.0_f64.ln(), sigma: 0.05 };
        let time = fit(&points(6_000.0, 900.0), 1.75).unwrap().with(before);
        assert!((time.ln_s - before.ln_s).abs() < 0.06 && time.sigma <= 0.05, "{time:?}");
    }
}

//! Whether two sets of times can be told apart: the two-sample Kolmogorov–Smirnov test.

/// Greatest distance between the two empirical distributions, and how likely one at least as great is where both came
/// from the same one (asymptotic, with Stephens' correction: Numerical Recipes, 3rd edition, 14.3.3).
pub fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> (f64, f64) {
    let sorted = |values: &[f64]| {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted
    };
    let (a, b) = (sorted(a), sorted(b));
    let (mut at_a, mut at_b, mut distance) = (0, 0, 0.0_f64);
    while at_a < a.len() && at_b < b.len() {
        let next = a[at_a].min(b[at_b]);
        at_a += a[at_a..].iter().take_while(|value| **value <= next).count();
        at_b += b[at_b..].iter().take_while(|value| **value <= next).count();
        distance = distance.max((share(at_a, a.len()) - share(at_b, b.len())).abs());
    }
    let (n, m) = (share(a.len(), 1), share(b.len(), 1));
    let root = (n * m / (n + m)).sqrt();
    (distance, probability((root + 0.12 + 0.11 / root) * distance))
}

/// Complement of Kolmogorov's distribution.
fn probability(lambda: f64) -> f64 {
    if lambda < 0.2 {
        return 1.0;
    }
    let term = |k: i32| {
        let k = f64::from(k);
        let sign = if k % 2.0 == 1.0 { 1.0 } else { -1.0 };
        sign * (-2.0 * k * k * lambda * lambda).exp()
    };
    (2.0 * (1..=100).map(term).sum::<f64>()).clamp(0.0, 1.0)
}

#[expect(clippy::cast_precision_loss, reason = "hundreds of samples")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// Numbers that come out the same each time (a linear congruential generator, Knuth's MMIX).
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 32).unwrap()
    }

    /// From 0 to 1.
    pub fn share(&mut self) -> f64 {
        f64::from(self.next()) / f64::from(u32::MAX)
    }

    /// Puts them in another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            let other = usize::try_from(self.next()).unwrap() % (at + 1);
            items.swap(at, other);
        }
    }
}

#[test]
fn distance_and_probability_are_those_of_the_tables() {
    let check = |a: &[f64], b: &[f64], distance: f64| {
        let (found, _) = kolmogorov_smirnov(a, b);
        assert!((found - distance).abs() < 1e-12, "{found} is not {distance}");
    };
    check(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], 0.0);
    check(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], 1.0);
    check(&[1.0, 2.0, 3.0, 4.0], &[3.0, 4.0, 5.0, 6.0], 0.5);
    check(&[1.0, 1.0, 2.0], &[1.0, 2.0, 2.0], 1.0 / 3.0);
    // Critical values of Kolmogorov's distribution, as printed in every table.
    for (lambda, expect) in [(1.2238, 0.10), (1.3581, 0.05), (1.6276, 0.01), (1.9495, 0.001)] {
        let found = probability(lambda);
        assert!((found - expect).abs() < expect / 200.0, "{lambda}: {found} is not {expect}");
    }
}

#[test]
fn the_same_distribution_passes_and_a_small_shift_does_not() {
    let mut dice = Dice(7);
    let mut sample = |shift: f64| -> Vec<f64> {
        // A long tail, as times have.
        (0..400).map(|_| 20.0 + shift - 8.0 * dice.share().max(1e-9).ln()).collect()
    };
    let passes = (0..100).filter(|_| kolmogorov_smirnov(&sample(0.0), &sample(0.0)).1 > 0.01).count();
    assert!(passes >= 95, "one in a hundred is to fail by chance, not {}", 100 - passes);
    let caught = (0..100).filter(|_| kolmogorov_smirnov(&sample(0.0), &sample(5.0)).1 <= 0.01).count();
    assert_eq!(caught, 100);
}

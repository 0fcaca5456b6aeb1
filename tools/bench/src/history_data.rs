//! Telemetry to measure history with: thirty fields of one inverter, every ten seconds.
//!
//! In: seed, number of the inverter, days. Out: times and scaled integers, always the same for the same input. The
//! statistics are those of a charger in float service: mean-reverting walks under measurement noise, quantised to
//! the device's resolution, a daily rhythm, an outage now and then, a monthly test, jitter of the device's clock.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// How many fields.
pub const FIELDS: usize = 30;
/// Time between samples.
pub const STEP_MS: i64 = 10_000;
/// Samples in one day.
pub const SAMPLES_A_DAY: usize = 8_640;
/// 2026-01-01T00:00:00Z, the first sample.
pub const FIRST_MS: i64 = 1_767_225_600_000;

/// The telemetry of one inverter.
pub struct Telemetry {
    /// Time of each sample, milliseconds since 1970.
    pub times: Vec<i64>,
    /// By field, then sample: scaled integers at the device's resolution.
    pub fields: Vec<Vec<i64>>,
}

/// Draws what the fields are made of.
struct Source {
    random: SmallRng,
    samples: usize,
}

impl Source {
    /// A draw from the normal distribution (Box and Muller).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.random.random::<f64>()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.random.random::<f64>()).cos()
    }

    /// A mean-reverting random walk: standard deviation `sigma`, correlation time `tau` samples.
    fn walk(&mut self, mean: f64, sigma: f64, tau: f64) -> Vec<f64> {
        let keep = (-1.0 / tau).exp();
        let kick = sigma * (1.0 - keep * keep).sqrt();
        let mut x = self.normal() * sigma;
        (0..self.samples)
            .map(|_| {
                x = x * keep + kick * self.normal();
                mean + x
            })
            .collect()
    }

    fn noise(&mut self, sigma: f64) -> Vec<f64> {
        (0..self.samples).map(|_| sigma * self.normal()).collect()
    }
}

/// What the cabinet goes through.
struct Story {
    /// Load, 0 to 1.
    load: Vec<f64>,
    on_battery: Vec<bool>,
    testing: Vec<bool>,
    tested: Vec<bool>,
    /// Daily rhythm, -1 to 1.
    rhythm: Vec<f64>,
    /// State of charge, percent.
    charge: Vec<f64>,
}

/// Makes the telemetry of inverter `index`.
pub fn telemetry(seed: u64, index: u64, days: usize) -> Telemetry {
    let random = SmallRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ index);
    let mut source = Source { random, samples: days * SAMPLES_A_DAY };
    let story = story(&mut source, days);
    let columns = columns(&mut source, &story);
    let fields = columns.into_iter().map(|(values, resolution)| quantise(&values, resolution)).collect();
    let times = (0..source.samples)
        .map(|sample| {
            let jitter =
                if source.random.random::<f64>() < 0.3 { source.random.random_range(-3..4) } else { 0 };
            FIRST_MS + i64::try_from(sample).unwrap_or(0) * STEP_MS + jitter
        })
        .collect();
    Telemetry { times, fields }
}

#[expect(clippy::cast_possible_truncation, reason = "values of equipment are far below 2^52")]
fn quantise(values: &[f64], resolution: f64) -> Vec<i64> {
    values.iter().map(|value| (value / resolution).round() as i64).collect()
}

#[expect(clippy::cast_precision_loss, reason = "sample counts are far below 2^52")]
fn story(source: &mut Source, days: usize) -> Story {
    let samples = source.samples;
    let rhythm: Vec<f64> = (0..samples)
        .map(|sample| (std::f64::consts::TAU * (sample as f64 / 360.0 - 9.0) / 24.0).sin())
        .collect();
    let walk = source.walk(0.45, 0.05, 300.0);
    let load: Vec<f64> = walk.iter().zip(&rhythm).map(|(x, day)| (x + 0.2 * day).clamp(0.03, 0.98)).collect();
    let (mut on_battery, mut testing, mut tested) =
        (vec![false; samples], vec![false; samples], vec![false; samples]);
    // An outage of 5 to 90 minutes every ten days or so.
    for _ in 0..days.max(1) {
        if source.random.random::<f64>() < 0.1 {
            let begin = source.random.random_range(0..samples);
            let length = source.random.random_range(30..540);
            on_battery.iter_mut().skip(begin).take(length).for_each(|on| *on = true);
        }
    }
    // One test of 30 s.
    let test = source.random.random_range(0..samples);
    for flag in [&mut on_battery, &mut testing] {
        flag.iter_mut().skip(test).take(3).for_each(|on| *on = true);
    }
    tested.iter_mut().skip(test + 3).for_each(|done| *done = true);
    let charge = charge(&load, &on_battery);
    Story { load, on_battery, testing, tested, rhythm, charge }
}

/// Falls by the load while on battery (90 minutes in all), comes back by one percent each 43 samples.
fn charge(load: &[f64], on_battery: &[bool]) -> Vec<f64> {
    let mut percent = 100.0_f64;
    let step = |(load, on): (&f64, &bool)| {
        percent = (percent + if *on { -load * 100.0 / 540.0 } else { 1.0 / 43.2 }).clamp(5.0, 100.0);
        percent
    };
    load.iter().zip(on_battery).map(step).collect()
}

/// The thirty fields with their resolutions.
#[expect(clippy::cast_precision_loss, reason = "sample counts are far below 2^52")]
#[expect(clippy::indexing_slicing, reason = "every column has as many samples as the source")]
fn columns(source: &mut Source, story: &Story) -> Vec<(Vec<f64>, f64)> {
    let n = source.samples;
    let build = |value: &dyn Fn(usize) -> f64| (0..n).map(value).collect::<Vec<f64>>();
    let unless = |sample: usize, value: f64| if story.on_battery[sample] { 0.0 } else { value };
    let flicker = source.noise(0.004);
    let power = build(&|i| 10_000.0 * story.load[i] * (1.0 + flicker[i]));
    let factor: Vec<f64> = source.walk(0.97, 0.006, 200.0).into_iter().map(|x| x.clamp(0.8, 1.0)).collect();
    let apparent = build(&|i| power[i] / factor[i]);
    let (mut input_voltage, mut output_voltage, mut input_current, mut output_current) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for share in [0.36, 0.33, 0.31] {
        let (slow, fast) = (source.walk(120.0, 1.1, 120.0), source.noise(0.15));
        let (regulated, ripple) = (source.walk(120.0, 0.08, 30.0), source.noise(0.003));
        let current = build(&|i| apparent[i] * share / 120.0 * (1.0 + ripple[i]));
        input_voltage.push((build(&|i| unless(i, slow[i] + fast[i])), 0.1));
        output_voltage.push((build(&|i| regulated[i] - 0.6 * story.load[i]), 0.1));
        let drawn = build(&|i| unless(i, current[i] * 1.06 * 120.0 / (slow[i] + fast[i]).max(1.0) + 0.4));
        input_current.push((drawn, 0.1));
        output_current.push((current, 0.1));
    }
    let grid = source.walk(60.0, 0.012, 40.0);
    let odd: Vec<bool> = (0..n).map(|_| source.random.random::<f64>() < 0.02).collect();
    let (float, trickle) = (source.walk(135.0, 0.12, 200.0), source.noise(0.05));
    let room = source.walk(24.0, 0.8, 2_000.0);
    let (cells, sink) = (source.walk(2.0, 0.2, 1_500.0), source.walk(6.0, 0.3, 60.0));
    let radio = source.walk(-67.0, 3.0, 20.0);
    let ambient = build(&|i| room[i] + 3.0 * story.rhythm[i]);
    let heat = build(&|i| ambient[i] + 25.0 * story.load[i] + sink[i]);
    let mut energy = 1_000_000.0;
    let energy = power.iter().map(|p| {
        energy += p * 10.0 / 3600.0;
        energy
    });
    let energy: Vec<f64> = energy.collect();
    let state = |i: usize| match (story.testing[i], story.on_battery[i]) {
        (true, _) => 3.0,
        (_, true) => 2.0,
        _ => 1.0,
    };
    let alarms = |i: usize| {
        let bit = |on: bool, value: f64| if on { value } else { 0.0 };
        bit(story.on_battery[i], 1.0) + bit(story.charge[i] < 30.0, 2.0) + bit(heat[i] > 52.0, 4.0)
    };
    let battery_voltage = |i: usize| match story.on_battery[i] {
        true => 118.0 + 0.12 * story.charge[i] - 4.0 * story.load[i],
        false => float[i],
    };
    let battery_current = |i: usize| match story.on_battery[i] {
        true => -power[i] / 118.0,
        false => ((100.0 - story.charge[i]) * 0.4).max(0.0) + 0.2 + trickle[i],
    };
    let mut all = Vec::with_capacity(FIELDS);
    for group in [input_voltage, output_voltage, input_current, output_current] {
        all.extend(group);
    }
    all.extend([
        (power.clone(), 1.0),
        (apparent, 1.0),
        (factor, 0.01),
        (build(&|i| 100.0 * story.load[i]), 0.1),
        (build(&|i| unless(i, grid[i].clamp(59.98, 60.02))), 0.01),
        (build(&|i| if odd[i] { 60.01 } else { 60.0 }), 0.01),
        (build(&battery_voltage), 0.1),
        (build(&battery_current), 0.1),
        (story.charge.clone(), 1.0),
        (build(&|i| ambient[i] + cells[i]), 0.1),
        (ambient.clone(), 0.1),
        (heat.clone(), 0.1),
        (build(&state), 1.0),
        (build(&alarms), 1.0),
        (build(&|i| if story.tested[i] { 1.0 } else { 0.0 }), 1.0),
        (energy, 1.0),
        (build(&|i| 500_000.0 + 10.0 * i as f64), 1.0),
        (radio, 1.0),
    ]);
    all
}

//! R1 to R3: what readiness costs of each report, in time and in memory, on one thread.
//!
//! In: options; `--devices` for another number of inverters. Out: rows. Works on `fleet` alone, in this process: the calls that
//! `fleet::apply` makes for a reading with utility power there, and `fleet::apply` itself beside them.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use fleet::readiness::{Moment, Readiness};
use fleet::self_test::Recogniser;
use fleet::{InverterState, apply};
use wire::{BootId, Flag, Quality, Quantity, Reading, Report, UtcMs};

use crate::Options;
use crate::load::as_f64;
use crate::rows::Rows;

const INVERTERS: usize = 100_000;
const T0: UtcMs = UtcMs(1_800_000_000_000);
const SPACING_MS: i64 = 10_000;
/// Readings of each inverter before anything is measured.
const SETTLING: i64 = 3;
/// Rounds over all inverters that one figure is taken over.
const ROUNDS: i64 = 5;

/// A battery and its tests, as an inverter's state has them.
#[derive(Clone, Default)]
struct Followed {
    readiness: Readiness,
    recogniser: Recogniser,
}

/// Runs all.
///
/// # Errors
/// When what was followed is not what was told: a figure without it would mean nothing.
pub fn run(options: &Options) -> Result<()> {
    let mut rows = Rows::default();
    let count = options.devices.unwrap_or(INVERTERS);
    let (mut own, mut whole, mut shares) = (vec![], vec![], vec![]);
    for _ in 0..options.repeats {
        let mut fleet = vec![InverterState::default(); count];
        let mut followed = vec![Followed::default(); count];
        for step in 0..SETTLING {
            apply_all(&mut fleet, step);
            follow_all(&fleet, &mut followed, step);
        }
        let applied_ns = timed(count, |step| apply_all(&mut fleet, step));
        let followed_ns = timed(count, |step| follow_all(&fleet, &mut followed, step));
        ensure!(followed.iter().all(|one| one.readiness.bank.is_some()), "a battery was not seen");
        ensure!(followed.iter().all(|one| one.readiness.evidence.is_empty()), "nothing was discharged");
        own.push(followed_ns);
        whole.push(applied_ns);
        shares.push(100.0 * followed_ns / applied_ns);
    }
    let bytes = as_f64(size_of::<Followed>() as u64);
    rows.note("R1", "readiness and tests, per report with utility power there", &own, "ns");
    rows.note("R1", "the whole of `fleet::apply`, per report", &whole, "ns");
    rows.note("R2", "readiness and tests, share of `fleet::apply`", &shares, "%");
    rows.note("R3", "their state per inverter, without what discharges leave", &[bytes], "B");
    rows.save(options.json.as_deref())
}

/// Nanoseconds for each report, over [`ROUNDS`].
fn timed(count: usize, mut round: impl FnMut(i64)) -> f64 {
    let began = Instant::now();
    for step in SETTLING..SETTLING + ROUNDS {
        round(step);
    }
    let reports = as_f64(count as u64) * as_f64(ROUNDS.unsigned_abs());
    began.elapsed().as_secs_f64() * 1e9 / reports
}

fn apply_all(fleet: &mut [InverterState], step: i64) {
    let report = report(step);
    for state in fleet {
        black_box(apply(state, report.clone(), at(step)));
    }
}

fn follow_all(fleet: &[InverterState], followed: &mut [Followed], step: i64) {
    let reading = reading(step);
    for (state, one) in fleet.iter().zip(followed) {
        let moment = Moment::of(state, &reading.sample, at(step));
        let charged = one.readiness.charge.share().map(|share| share >= 0.95);
        let bank = one.readiness.bank.as_ref();
        black_box(one.recogniser.take(&moment, state.test.as_ref(), charged, bank));
        black_box(one.readiness.take(&moment, None));
    }
}

fn at(step: i64) -> UtcMs {
    T0.plus_ms(step * SPACING_MS)
}

fn report(step: i64) -> Report {
    Report { boot: Some(BootId([7; 16])), readings: vec![reading(step)], ..Report::default() }
}

/// As a native stream has it: 16 values, on utility power, full.
fn reading(step: i64) -> Reading {
    let mut reading = Reading {
        sequence: u64::try_from(step).ok(),
        time: Some(at(step)),
        quality: Quality::Synchronised,
        ..Reading::default()
    };
    let quantities = wire::quantity::TABLE.iter().take(16).filter_map(|line| Quantity::from_name(line.name));
    for (scaled, quantity) in (9_000..).zip(quantities) {
        reading.sample.quantities.set(quantity, scaled + step % 7);
    }
    for (quantity, value) in [
        (Quantity::BATTERY_VOLTAGE, 136.4),
        (Quantity::BATTERY_CURRENT, 0.3),
        (Quantity::BATTERY_TEMPERATURE, 24.0),
        (Quantity::REALPOWER, 6_100.0),
    ] {
        if let Some(scaled) = quantity.to_scaled(value) {
            reading.sample.quantities.set(quantity, scaled);
        }
    }
    for (flag, on) in [(Flag::LinePresent, true), (Flag::BatteryPower, false), (Flag::BatteryCharging, false)]
    {
        reading.sample.flags.set(flag, on);
    }
    reading
}

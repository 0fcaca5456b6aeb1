//! A1 to A4: what 100,000 inverters take in memory, alarms and all, and how fast reports, outages and silence go through
//! the alarm engine on one thread. A5 is the room `outage`'s, P14 and P15 are `told`'s.
//!
//! In: options; `--devices` for another number of inverters. Out: rows. A1 to A4 work on `fleet` alone, in this process: no
//! disk, no network, the same calls that the pipeline makes.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use fleet::{EventKind, InverterState, alarm, apply};
use wire::{BootId, Condition, Conditions, Flag, LinkCounts, Quality, Quantity, Reading, Report, UtcMs};

use crate::Options;
use crate::load::as_f64;
use crate::outage;
use crate::process::rss_bytes;
use crate::rows::{Bound, Rows};
use crate::told;

const INVERTERS: usize = 100_000;
const T0: UtcMs = UtcMs(1_800_000_000_000);
/// A reading each ten seconds.
const SPACING_MS: i64 = 10_000;
/// Longer than anything is waited for before silence is told.
const SILENCE_MS: i64 = 20 * 60_000;
/// Readings of each inverter before anything is measured.
const SETTLING: i64 = 3;

/// Runs all.
///
/// # Errors
/// When an alarm is missing: a figure without its alarms would mean nothing.
pub fn run(options: &Options) -> Result<()> {
    let mut rows = Rows::default();
    if ["A1", "A2", "A3", "A4"].iter().any(|row| options.wants(row)) {
        engine(options, &mut rows)?;
    }
    outage::run(options, &mut rows)?;
    told::run(options, &mut rows)?;
    rows.save(options.json.as_deref())
}

/// A1 to A4.
fn engine(options: &Options, rows: &mut Rows) -> Result<()> {
    let count = options.devices.unwrap_or(INVERTERS);
    let (mut bytes, mut healthy, mut outage, mut silence) = (None, vec![], vec![], vec![]);
    for _ in 0..options.repeats {
        let before = rss_bytes(std::process::id());
        let mut fleet = vec![InverterState::default(); count];
        for step in 0..SETTLING {
            reports(&mut fleet, step, false);
        }
        let after = rss_bytes(std::process::id());
        // Once: a later fleet takes the memory that the one before gave back.
        bytes.get_or_insert(as_f64(after.saturating_sub(before)) / as_f64(count as u64));
        let (rate, turns) = timed(count, || reports(&mut fleet, SETTLING, false));
        ensure!(turns == 0, "{turns} alarms of inverters that are well");
        healthy.push(rate);
        let (rate, turns) = timed(count, || reports(&mut fleet, SETTLING + 1, true));
        ensure!(turns == count, "{turns} alarms of {count} outages");
        outage.push(rate);
        let silent_at = at(SETTLING + 1).plus_ms(SILENCE_MS);
        let (rate, turns) = timed(count, || fleet.iter_mut().map(|state| pass(state, silent_at)).sum());
        ensure!(turns == count, "{turns} alarms of {count} silent inverters");
        silence.push(rate);
    }
    let fixed = size_of::<alarm::Alarms>() + size_of::<alarm::Watch>() + size_of::<alarm::Rules>();
    let what = format!("memory per inverter, {count} of them, 16 values, all that is known");
    rows.aim("A1", &what, bytes.as_slice(), "B", Bound::AtMost(4_096.0));
    rows.note("A1", "of it alarms, contact and rules of one that is well", &[as_f64(fixed as u64)], "B");
    rows.aim("A2", "reports of inverters that are well", &healthy, "/s", Bound::AtLeast(100_000.0));
    rows.note("A3", "outages: report, alarm raised", &outage, "/s");
    rows.note("A4", "silences told by time alone", &silence, "/s");
    Ok(())
}

/// How many a second, and what came of them.
fn timed(count: usize, work: impl FnOnce() -> usize) -> (f64, usize) {
    let began = Instant::now();
    let turns = black_box(work());
    (as_f64(count as u64) / began.elapsed().as_secs_f64(), turns)
}

fn at(step: i64) -> UtcMs {
    T0.plus_ms(step * SPACING_MS)
}

/// One report of each; how many alarms took a turn.
fn reports(fleet: &mut [InverterState], step: i64, outage: bool) -> usize {
    let report = report(step, outage);
    let mut turns = 0;
    for state in fleet {
        let applied = apply(state, report.clone(), at(step));
        turns += alarms(&applied.events);
        black_box(alarm::due(state));
    }
    turns
}

fn pass(state: &mut InverterState, now: UtcMs) -> usize {
    alarms(&alarm::pass(state, now))
}

fn alarms(events: &[fleet::Event]) -> usize {
    events.iter().filter(|event| matches!(event.kind, EventKind::Alarm(_))).count()
}

fn report(step: i64, outage: bool) -> Report {
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
    reading.sample.conditions = Conditions::all_clear();
    reading.sample.conditions.set(Condition::UTILITY_LOST, outage);
    reading.sample.flags.set(Flag::LinePresent, !outage);
    reading.sample.flags.set(Flag::BatteryPower, outage);
    let link = LinkCounts { frames_good: 10, frames_bad: 0, silent_ms: 100 };
    let boot = Some(BootId([7; 16]));
    Report { boot, readings: vec![reading], link: Some(link), ..Report::default() }
}

//! P6 and P7: bytes per field and sample on disk, as hour chunks and as merged day chunks; and the store's own speed.
//!
//! In: options. Out: rows. Thirty fields every ten seconds; the files are measured as they lie on the disk, with
//! SQLite's pages, after everything was closed. Peers are measured beside the chart, on the same data.

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fleet::{InverterKey, StoredReading};
use store::Position;
use store::day_keys::DayKeys;
use store::history::{Config, History, RangeQuery};
use wire::time::DAY_MS;
use wire::{BootId, Flag, Quality, Quantity, Sample, UtcMs};

use crate::Options;
use crate::history_data::{FIRST_MS, SAMPLES_A_DAY, Telemetry, telemetry};
use crate::load::as_f64;
use crate::rows::{Bound, Rows};

/// Inverters, for so many days each: as many samples as one inverter makes in a month.
const INVERTERS: u32 = 10;
const DAYS: usize = 3;
/// And one inverter alone for a month, where a file's fixed part weighs most.
const MONTH: usize = 30;
/// Most that one entry of the journal brings.
const READINGS_AN_ENTRY: usize = 360;
/// Charts asked of the store itself.
const CHARTS: usize = 40;
const POINTS: usize = 1_000;
const DRAWN: [usize; 6] = [0, 12, 15, 18, 19, 21];

/// Fills a store in the order in which readings come, measures it, merges it, measures it again.
///
/// # Errors
/// When the disk fails.
pub fn run(options: &Options) -> Result<()> {
    let mut rows = Rows::default();
    let folder = crate::scratch()?;
    let fleet: Vec<_> = (0..u64::from(INVERTERS)).map(|index| telemetry(1, index, DAYS)).collect();
    let hour = (Bound::AtMost(0.42), Bound::AtMost(0.34));
    let day = (Bound::AtMost(0.36), Bound::AtMost(0.29));
    let many = measure(&folder.path().join("many"), &fleet, &mut rows)?;
    rows.judge("P7", "bytes per field-sample, hour chunks, 10 inverters", &[many.hours], "B", hour.0, hour.1);
    rows.judge("P6", "bytes per field-sample, day chunks, 10 inverters", &[many.days], "B", day.0, day.1);
    let one = folder.path().join("one");
    let alone = measure(&one, &[telemetry(1, 0, MONTH)], &mut rows)?;
    rows.note("P7", "the same, 1 inverter", &[alone.hours], "B");
    rows.judge(
        "P6",
        "bytes per field-sample, day chunks, 1 inverter, 30 days",
        &[alone.days],
        "B",
        day.0,
        day.1,
    );
    charts(&one, options, &mut rows)?;
    crate::history_journal::run(folder.path(), Duration::from_secs(options.seconds.min(4)), &mut rows)?;
    rows.save(options.json.as_deref())
}

/// Keys of days, as the server makes them.
pub fn day_keys(folder: &Path) -> DayKeys {
    DayKeys::at(folder, || {
        let mut key = [0; 32];
        aws_lc_rs::rand::fill(&mut key).ok().map(|()| key)
    })
}

/// Bytes per field and sample.
struct Bytes {
    hours: f64,
    days: f64,
}

fn measure(folder: &Path, fleet: &[Telemetry], rows: &mut Rows) -> Result<Bytes> {
    let field_samples: usize = fleet.iter().map(|one| one.times.len() * one.fields.len()).sum();
    let field_samples = as_f64(field_samples as u64);
    let history = History::open(folder, day_keys(&folder.join("keys")), Config::default())?;
    let days = fleet.first().map_or(0, |one| one.times.len() / SAMPLES_A_DAY);
    let (mut append_s, mut seal_s) = (0.0, 0.0);
    let mut batch = 0;
    for hour in 0..days * 24 {
        for (key, one) in (1..).map(InverterKey).zip(fleet) {
            let from = hour * READINGS_AN_ENTRY;
            let readings = readings(one, from..from + READINGS_AN_ENTRY, 0)?;
            batch += 1;
            let began = Instant::now();
            history.append(key, &readings, Position { batch, index: 0 });
            append_s += began.elapsed().as_secs_f64();
        }
        let began = Instant::now();
        history.seal_all()?;
        seal_s += began.elapsed().as_secs_f64();
    }
    drop(history);
    let hours = day_bytes(folder)? / field_samples;
    rows.note("P7", "of that, the chunks themselves", &[content_bytes(folder)? / field_samples], "B");
    let history = History::open(folder, day_keys(&folder.join("keys")), Config::default())?;
    let began = Instant::now();
    history.merge_due(UtcMs(FIRST_MS + DAY_MS * i64::try_from(days + 1)?))?;
    let merge_s = began.elapsed().as_secs_f64();
    check(&history, fleet)?;
    drop(history);
    let days = day_bytes(folder)? / field_samples;
    rows.note("P6", "of that, the chunks themselves", &[content_bytes(folder)? / field_samples], "B");
    rows.note("P7", "taken in", &[field_samples / append_s / 1e6], "M field-samples/s");
    rows.note("P7", "sealed by the hour", &[field_samples / seal_s / 1e6], "M field-samples/s");
    rows.note("P6", "merged by the day", &[field_samples / merge_s / 1e6], "M field-samples/s");
    Ok(Bytes { hours, days })
}

/// Samples of an inverter as they are stored, `later_ms` after they were taken.
pub fn readings(one: &Telemetry, rows: Range<usize>, later_ms: i64) -> Result<Vec<StoredReading>> {
    let quantities =
        one.fields.iter().enumerate().map(|(field, _)| quantity(field)).collect::<Result<Vec<_>>>()?;
    let times = one.times.iter().enumerate().skip(rows.start).take(rows.len());
    let reading = |(row, time): (usize, &i64)| {
        let value = |values: &Vec<i64>| values.get(row).copied().unwrap_or_default();
        let quantities = quantities.iter().copied().zip(one.fields.iter().map(value)).collect();
        let mut sample = Sample { quantities, ..Sample::default() };
        // The field "state" once more, as a gateway says it.
        sample.flags.set(Flag::BatteryPower, one.fields.get(24).map(value) == Some(2));
        sample.flags.set(Flag::LinePresent, one.fields.get(24).map(value) == Some(1));
        StoredReading {
            time: UtcMs(*time + later_ms),
            quality: Quality::Synchronised,
            reported_time: None,
            boot: Some(BootId([7; 16])),
            sequence: Some(row as u64),
            sample,
        }
    };
    Ok(times.map(reading).collect())
}

fn quantity(field: usize) -> Result<Quantity> {
    Quantity::all().nth(field).context("as many quantities as fields")
}

/// A size counts only if everything comes back from it.
fn check(history: &History, fleet: &[Telemetry]) -> Result<()> {
    for (key, one) in (1..).map(InverterKey).zip(fleet) {
        let end = UtcMs(FIRST_MS + 31 * DAY_MS);
        let now = UtcMs(FIRST_MS + 30 * DAY_MS - 1_000);
        let mut count = 0;
        for (row, reading) in history.raw(key, UtcMs(0), end, now)?.enumerate() {
            let reading = reading?;
            let same = one.fields.iter().enumerate().all(|(field, values)| {
                quantity(field).is_ok_and(|q| reading.sample.quantities.value(q) == values.get(row).copied())
            });
            ensure!(same && one.times.get(row) == Some(&reading.time.0), "row {row} came back changed");
            count += 1;
        }
        ensure!(count == one.times.len(), "{count} of {} readings came back", one.times.len());
    }
    Ok(())
}

/// Bytes of the day files with what lies beside them.
fn day_bytes(folder: &Path) -> Result<f64> {
    let mut bytes = 0;
    for file in std::fs::read_dir(folder)? {
        let file = file?;
        if !file.file_name().to_string_lossy().starts_with("open.") && file.file_type()?.is_file() {
            bytes += file.metadata()?.len();
        }
    }
    Ok(as_f64(bytes))
}

/// Bytes of the chunks in them, without SQLite's pages.
fn content_bytes(folder: &Path) -> Result<f64> {
    let mut bytes = 0_u64;
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        let is_day = path.extension().is_some_and(|e| e == "sqlite") && !path.ends_with("open.sqlite");
        if is_day {
            let connection = rusqlite::Connection::open(&path)?;
            bytes += connection
                .query_row("SELECT sum(length(content)) FROM chunks", (), |row| row.get::<_, i64>(0))?
                .cast_unsigned();
        }
    }
    Ok(as_f64(bytes))
}

/// The store's part of P9: thirty days, six quantities, a thousand points.
fn charts(folder: &Path, options: &Options, rows: &mut Rows) -> Result<()> {
    let (from, to) = (UtcMs(FIRST_MS), UtcMs(FIRST_MS + DAY_MS * i64::try_from(MONTH)?));
    let quantities = DRAWN.iter().map(|field| quantity(*field)).collect::<Result<Vec<_>>>()?;
    let query = |from| RangeQuery {
        inverter: InverterKey(1),
        quantities: quantities.clone(),
        from,
        to,
        points: POINTS,
    };
    let (mut cold, mut warm, mut week) = (Vec::new(), Vec::new(), Vec::new());
    let ms = |began: Instant| began.elapsed().as_secs_f64() * 1e3;
    for _ in 0..options.repeats {
        let history = History::open(folder, day_keys(&folder.join("keys")), Config::default())?;
        let began = Instant::now();
        history.range(&query(from), to)?;
        cold.push(ms(began));
        for _ in 0..CHARTS {
            let began = Instant::now();
            let found = history.range(&query(from), to)?;
            warm.push(ms(began));
            ensure!(found.times.len() > POINTS / 2, "the chart is empty");
        }
        for _ in 0..CHARTS {
            let began = Instant::now();
            history.range(&query(to.plus_ms(-7 * DAY_MS)), to)?;
            week.push(ms(began));
        }
    }
    rows.note("P9", "store alone, 30 days, first look", &cold, "ms");
    rows.note("P9", "store alone, 30 days, warm", &warm, "ms");
    rows.note("P9", "store alone, 7 days, warm", &week, "ms");
    Ok(())
}

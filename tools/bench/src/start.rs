//! P16: from nothing to the first CONNECT answered, with a thousand inverters and thirty days stored.
//!
//! In: options. Out: rows. After an orderly end, and after kill -9 in the middle of full load. The history is written
//! by the store itself, one reading per ten minutes: a start opens day files, it does not read them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fleet::{InverterKey, StoredReading};
use simulator::fleet::{Version, Work};
use store::Position;
use store::history::{Config, History};
use wire::{Quality, Quantity, Sample, UtcMs};

use crate::Options;
use crate::cloud::Cloud;
use crate::devices::Identities;
use crate::history::day_keys;
use crate::load::{Load, as_f64, now};
use crate::rows::{Bound, Rows};

/// Inverters stored.
const INVERTERS: usize = 1_000;
const DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;
/// Between stored readings.
const STEP_MS: i64 = 600_000;

/// Fills the store once, then starts the server over and over.
///
/// # Errors
/// When the server does not come up.
pub fn run(options: &Options) -> Result<()> {
    let folder = crate::scratch()?;
    let count = options.devices.unwrap_or(INVERTERS);
    let identities = Identities::make(&folder.path().join("identities"), count)?;
    let cloud = Cloud::prepare(&folder.path().join("cloud"), &identities, Duration::ZERO)?;
    let begin = Instant::now();
    fill(&cloud, count)?;
    println!("      {count} inverters × {DAYS} days stored in {:.1} s", begin.elapsed().as_secs_f64());
    // Every inverter reports once, so that each has a state to load.
    {
        let (process, _) = cloud.start()?;
        let work = Work::Live { interval: Duration::ZERO, count: Some(2) };
        load(&cloud, &identities, work, Duration::from_secs(20)).run(process.pid())?;
        std::thread::sleep(Duration::from_secs(12));
    }
    let (mut cold_ms, mut killed_ms) = (Vec::new(), Vec::new());
    for _ in 0..options.repeats {
        cold_ms.push(first_connect_ms(&cloud, &identities, |process| {
            drop(process);
            Ok(())
        })?);
        killed_ms.push(first_connect_ms(&cloud, &identities, |mut process| {
            let work = Work::Live { interval: Duration::ZERO, count: None };
            let few = Load {
                devices: identities.devices.get(..200).unwrap_or(&identities.devices),
                ..load(&cloud, &identities, work, Duration::from_secs(options.seconds))
            };
            few.run(process.pid())?;
            process.kill()
        })?);
    }
    let mut rows = Rows::default();
    rows.judge(
        "P16",
        "cold start to first CONNECT",
        &cold_ms,
        "ms",
        Bound::AtMost(500.0),
        Bound::AtMost(60.0),
    );
    rows.judge(
        "P16",
        "after kill -9 under load",
        &killed_ms,
        "ms",
        Bound::AtMost(2_000.0),
        Bound::AtMost(500.0),
    );
    rows.save(options.json.as_deref())
}

fn load<'a>(cloud: &Cloud, identities: &'a Identities, work: Work, duration: Duration) -> Load<'a> {
    Load {
        address: cloud.address,
        root: &identities.root,
        version: Version::V5,
        devices: &identities.devices,
        work,
        duration,
        reconnect: false,
        ledger: None,
    }
}

/// Starts the server, has `end` end it, and measures the start after that.
fn first_connect_ms(
    cloud: &Cloud,
    identities: &Identities,
    end: impl FnOnce(crate::process::Process) -> Result<()>,
) -> Result<f64> {
    let (process, _) = cloud.start()?;
    end(process)?;
    let (process, listening) = cloud.start()?;
    let one = identities.devices.get(..1).context("a device")?;
    let work = Work::Live { interval: Duration::ZERO, count: Some(1) };
    let load = Load { devices: one, ..load(cloud, identities, work, Duration::from_secs(5)) };
    let outcome = load.run(process.pid())?.outcome;
    ensure!(outcome.connects == 1, "the first CONNECT after the start failed: {:?}", outcome.errors);
    Ok(listening.as_secs_f64() * 1e3 + as_f64(outcome.connect_us.max()) / 1e3)
}

/// Thirty days of readings for every inverter, sealed and merged as the server would have.
fn fill(cloud: &Cloud, count: usize) -> Result<()> {
    let keys = day_keys(&cloud.data().join("keys/days"));
    let history = History::open(&cloud.data().join("history"), keys, Config::default())?;
    let until = now().0;
    let today = until - until.rem_euclid(DAY_MS);
    let mut batch = 0;
    for day in (1..DAYS).rev() {
        let from = today - day * DAY_MS;
        for inverter in 0..count {
            let key = InverterKey(u32::try_from(inverter)? + 1);
            let readings: Vec<_> =
                (0..DAY_MS / STEP_MS).map(|step| reading(inverter, from + step * STEP_MS)).collect();
            batch += 1;
            history.append(key, &readings, Position { batch, index: 0 });
        }
        history.seal_all()?;
    }
    history.merge_due(UtcMs(until))?;
    Ok(())
}

/// A reading with believable small changes.
fn reading(inverter: usize, time_ms: i64) -> StoredReading {
    let mut sample = Sample::default();
    for (number, quantity) in (1_i64..=30).zip(Quantity::all()) {
        let wobble = (time_ms / STEP_MS * (number + 2) + i64::try_from(inverter).unwrap_or(0)) % 17;
        sample.quantities.set(quantity, 1_000 + number * 100 + wobble);
    }
    StoredReading { time: UtcMs(time_ms), quality: Quality::Synchronised, sample, ..StoredReading::default() }
}

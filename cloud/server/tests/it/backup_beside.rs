//! What an acknowledgement waits for while a backup is made.
//!
//! `INVERTER_CONNECT_BACKUP_READINGS` sets how many readings are in the history beforehand (100,000): a measurement of more prints
//! how long the backup took, how large it is and how long devices waited.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fleet::{InverterKey, StoredReading};
use server::clock;
use store::Position;
use store::day_keys::DayKeys;
use store::history::{Config, History};
use wire::time::DAY_MS;
use wire::{BootId, Quantity, Sample, UtcMs};

use crate::backup::text;
use crate::cloud::{Bundle, Cloud, Publisher, report};

/// Readings of an inverter and day, one each ten seconds.
const A_DAY: u64 = 8_640;
/// Thirty quantities make a reading, as in every measurement of ours.
const QUANTITIES: usize = 30;
const DEVICES: u8 = 4;
/// How long devices report before the backup begins.
const CALM: Duration = Duration::from_secs(3);
/// A hold may last two seconds; an acknowledgement waits for none of it, but for the disk, which the backup uses too.
const MOST: Duration = Duration::from_secs(2);

#[expect(clippy::disallowed_methods, reason = "the test's own knob")]
fn wanted() -> u64 {
    std::env::var("INVERTER_CONNECT_BACKUP_READINGS").map_or(100_000, |text| text.parse().unwrap())
}

fn fill(cloud: &Cloud, wanted: u64) -> u64 {
    let keys = DayKeys::at(cloud.path("data/keys/days"), || web::random_bytes().ok());
    let history = History::open(&cloud.path("data/history"), keys, Config::default()).unwrap();
    let today = clock::now().day();
    let mut filled = 0;
    for chunk in 0.. {
        if filled >= wanted {
            break;
        }
        let midnight = UtcMs((today - 1 - chunk % 20) * DAY_MS);
        let inverter = InverterKey(u32::try_from(1_000 + chunk / 20).unwrap());
        let reading = |number: u64| {
            let mut sample = Sample::default();
            for (at, quantity) in Quantity::all().take(QUANTITIES).enumerate() {
                let value = number.wrapping_mul(2_654_435_761 + at as u64) % 40;
                sample.quantities.set(quantity, 1_000 + i64::try_from(value).unwrap());
            }
            let time = midnight.plus_ms(i64::try_from(number).unwrap() * 10_000);
            StoredReading { time, sequence: Some(number), sample, ..StoredReading::default() }
        };
        let readings: Vec<_> = (0..A_DAY).map(reading).collect();
        let position = Position { batch: 0, index: u32::try_from(chunk + 1).unwrap() };
        history.append(inverter, &readings, position);
        history.checkpoint(position).unwrap();
        history.seal_all().unwrap();
        filled += A_DAY;
    }
    filled
}

/// Publishes until told to stop: how long each acknowledgement took, and whether the backup was being made.
fn publish(
    cloud: &Cloud,
    bundle: Bundle,
    number: u8,
    (stop, backup): (Arc<AtomicBool>, Arc<AtomicBool>),
) -> std::thread::JoinHandle<Vec<(bool, Duration)>> {
    let address = cloud.address;
    std::thread::spawn(move || {
        let mut link = Publisher::connect(address, &bundle).unwrap();
        let mut took = Vec::new();
        for sequence in 1.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let began = Instant::now();
            link.publish(&report(BootId([number; 16]), sequence, clock::now())).unwrap();
            took.push((backup.load(Ordering::Relaxed), began.elapsed()));
            std::thread::sleep(Duration::from_millis(2));
        }
        took
    })
}

#[test]
fn no_acknowledgement_waits_for_a_backup() {
    let mut cloud = Cloud::new();
    let bundles: Vec<_> = (0..DEVICES).map(|n| cloud.device(&format!("BESIDE-{n}"))).collect();
    let filled = fill(&cloud, wanted());
    cloud.start();
    let (stop, backup) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let flags = || (Arc::clone(&stop), Arc::clone(&backup));
    let threads: Vec<_> =
        (0..DEVICES).zip(bundles).map(|(number, bundle)| publish(&cloud, bundle, number, flags())).collect();
    std::thread::sleep(CALM);
    backup.store(true, Ordering::Relaxed);
    let began = Instant::now();
    let said = cloud.admin(&["backup", text(&cloud.path("b"))]);
    let lasted = began.elapsed();
    stop.store(true, Ordering::Relaxed);
    let took: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let of = |during: bool| {
        let mut times: Vec<_> = took.iter().filter(|(then, _)| *then == during).map(|(_, t)| *t).collect();
        times.sort_unstable();
        (times.len(), times[times.len() / 2], times[times.len() * 99 / 100], *times.last().unwrap())
    };
    println!("{said}{filled} readings in history; the command took {} ms", lasted.as_millis());
    for (during, name) in [(false, "before"), (true, "beside the backup")] {
        let (count, median, p99, worst) = of(during);
        println!("{name}: {count} acknowledgements, median {median:?}, p99 {p99:?}, the slowest {worst:?}");
    }
    assert!(of(true).3 < MOST, "{:?}", of(true));
}

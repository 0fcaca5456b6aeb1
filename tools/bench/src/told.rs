//! P14 and P15: from a report, and from a deadline of silence, to a message in the sender's hands.
//!
//! In: options; P15 only where it is asked for, as it waits for a quarter of an hour. Out: rows. Both ends are instants of the
//! server's own clock: the report's arrival or the device's last contact, and the attempt that the receipt tells of.

use std::time::Duration;

use anyhow::{Result, ensure};
use fleet::Condition;
use fleet::screen::OFFLINE_MS;
use simulator::fleet::{self as devices, Device, Faults, Plan, Version, Work};

use crate::Options;
use crate::cloud::Cloud;
use crate::devices::Identities;
use crate::load::{Load, as_f64};
use crate::rows::{Bound, Rows};

/// Devices, each publishing every [`INTERVAL`]: 5,000 a second together.
const DEVICES: usize = 500;
const INTERVAL: Duration = Duration::from_millis(100);
/// After the last report, for the last messages.
const SETTLES: Duration = Duration::from_secs(30);
/// Between two looks at what was told.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Half of P15's devices fall silent one after the other, each a silence of its own; the other half in the same second.
const SILENT_OVER: Duration = Duration::from_secs(60);
/// Between the two halves.
const APART: Duration = Duration::from_secs(10);
/// How long the load lasts where all faults come at once.
const AT_ONCE: Duration = Duration::from_secs(5);
/// Longer than a silent device may wait for its alarm.
const LATE: Duration = Duration::from_secs(10);

/// Measures both.
///
/// # Errors
/// When somebody was not told: a figure without that would mean nothing.
pub fn run(options: &Options, rows: &mut Rows) -> Result<()> {
    let silence = options.only.iter().any(|only| only.eq_ignore_ascii_case("P15"));
    if !options.wants("P14") && !silence {
        return Ok(());
    }
    let folder = crate::scratch()?;
    let identities = Identities::make(&folder.path().join("identities"), DEVICES)?;
    let mut p14 = (Vec::new(), Vec::new());
    let mut at_once = Vec::new();
    for repeat in (0..options.repeats).filter(|_| options.wants("P14")) {
        let cloud =
            Cloud::prepare(&folder.path().join(format!("cloud-{repeat}")), &identities, Duration::ZERO)?;
        let duration = Duration::from_secs(options.seconds);
        let ms = faults(&cloud, &identities, duration, duration.mul_f64(0.8))?;
        p14.0.push(percentile(&ms, 50));
        p14.1.push(percentile(&ms, 99));
        let cloud =
            Cloud::prepare(&folder.path().join(format!("at-once-{repeat}")), &identities, Duration::ZERO)?;
        at_once.push(percentile(&faults(&cloud, &identities, AT_ONCE, Duration::ZERO)?, 100));
    }
    if options.wants("P14") {
        rows.note("P14", "report received to message handed to the sender, at 5,000/s, p50", &p14.0, "ms");
        let (floor, target) = (Bound::AtMost(1_000.0), Bound::AtMost(150.0));
        let what = "report received to message handed to the sender, at 5,000/s, p99";
        rows.judge("P14", what, &p14.1, "ms", floor, target);
        rows.note("P14", "500 lone faults in the same second, at 5,000/s, the slowest", &at_once, "ms");
    }
    if silence {
        let folder = folder.path().join("silent");
        let identities = Identities::make(&folder.join("identities"), DEVICES * 2)?;
        let cloud = Cloud::prepare(&folder, &identities, Duration::ZERO)?;
        let (alone, together) = silences(&cloud, &identities)?;
        let (floor, target) = (Bound::AtMost(5_000.0), Bound::AtMost(1_000.0));
        for (ms, which) in [(alone, "one after the other"), (together, "500 in the same second")] {
            let what = format!("silent device, {which}: deadline to message handed to the sender, p50");
            rows.note("P15", &what, &[percentile(&ms, 50)], "ms");
            let what =
                format!("silent device, {which}: deadline to message handed to the sender, the slowest");
            rows.judge("P15", &what, &[percentile(&ms, 100)], "ms", floor, target);
        }
    }
    Ok(())
}

/// Each device begins to report a fault, within `over`; how long each message took, milliseconds, sorted.
fn faults(cloud: &Cloud, identities: &Identities, duration: Duration, over: Duration) -> Result<Vec<i64>> {
    cloud.tell()?;
    let (process, _) = cloud.start()?;
    let load = load(cloud, identities, Work::Live { interval: INTERVAL, count: None }, duration);
    // They are known to be well before.
    let after = duration.mul_f64(0.1);
    let faults = Faults { condition: wire::Condition::CHARGER_FAULT, after, over };
    let plan = Plan { faults: Some(faults), ..load.plan() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(devices::run(plan))?;
    let rate = as_f64(outcome.acked) / outcome.elapsed.as_secs_f64();
    let looks = SETTLES.as_secs() / LOOK_EVERY.as_secs();
    let mut told = Vec::new();
    for _ in 0..looks {
        told = cloud.told(Condition::CHARGER_FAULT, |alarm| alarm.raised_at)?;
        if told.len() == DEVICES {
            break;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    drop(process);
    ensure!(told.len() == DEVICES, "{} of {DEVICES} faults were told", told.len());
    println!("      {} faults told at {rate:.0} reports/s", told.len());
    Ok(sorted(told.into_iter().map(|(from, to)| to.since(from))))
}

/// Devices report and fall silent, half of them one after the other, then the other half at once; how long after its deadline
/// each message was in the sender's hands, of each half.
fn silences(cloud: &Cloud, identities: &Identities) -> Result<(Vec<i64>, Vec<i64>)> {
    cloud.tell()?;
    let (process, _) = cloud.start()?;
    let one_by_one = as_f64(DEVICES as u64) / SILENT_OVER.as_secs_f64();
    let (alone, together) = identities.devices.split_at(DEVICES);
    fall_silent(cloud, identities, alone, Some(one_by_one))?;
    std::thread::sleep(APART);
    fall_silent(cloud, identities, together, None)?;
    std::thread::sleep(Duration::from_millis(OFFLINE_MS.unsigned_abs()) + LATE);
    let mut told = cloud.told(Condition::GATEWAY_OFFLINE, |alarm| alarm.since.plus_ms(OFFLINE_MS))?;
    drop(process);
    ensure!(told.len() == DEVICES * 2, "{} of {} silences were told", told.len(), DEVICES * 2);
    told.sort_unstable_by_key(|(deadline, _)| *deadline);
    let mut halves = told.chunks(DEVICES).map(|half| sorted(half.iter().map(|(from, to)| to.since(*from))));
    Ok((halves.next().unwrap_or_default(), halves.next().unwrap_or_default()))
}

/// Each of them reports three times and goes, so many a second; `None`: all at once.
fn fall_silent(
    cloud: &Cloud,
    identities: &Identities,
    devices: &[Device],
    connects_per_s: Option<f64>,
) -> Result<()> {
    let work = Work::Live { interval: INTERVAL, count: Some(3) };
    let load = Load { devices, ..load(cloud, identities, work, SILENT_OVER + SETTLES) };
    let plan = Plan { connects_per_s, ..load.plan() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(devices::run(plan))?;
    ensure!(outcome.acked == devices.len() as u64 * 3, "{outcome:?}");
    Ok(())
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

fn sorted(ms: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut ms: Vec<i64> = ms.collect();
    ms.sort_unstable();
    ms
}

fn percentile(sorted: &[i64], percent: usize) -> f64 {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).map_or(f64::NAN, |ms| as_f64(u64::try_from(*ms).unwrap_or(0)))
}

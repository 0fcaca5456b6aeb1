//! A5: five thousand inverters of one site lose the mains within one second.
//!
//! In: options. Out: rows. Acknowledgements are watched by a hundred others that report each 100 ms: idle, and in the four
//! seconds around the outage. Each person must get one message, and every alarm must be kept: a figure without that would
//! mean nothing.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fleet::Condition;
use simulator::fleet::{self as devices, Faults, Outcome, Plan, Version, Work};

use crate::Options;
use crate::cloud::Cloud;
use crate::devices::Identities;
use crate::load::{Load, as_f64};
use crate::rows::{Bound, Rows, ratios};

/// Inverters of the site.
const INVERTERS: usize = 5_000;
/// Devices that are watched.
const OTHERS: usize = 100;
/// How often each of those reports.
const WATCHED: Duration = Duration::from_millis(100);
/// How often an inverter reports where nothing changes (decision 4).
const USUAL: Duration = Duration::from_secs(10);
/// All are connected by then, and the first reports through.
const READY: Duration = Duration::from_secs(20);
/// Nothing happens in this time.
const IDLE: Duration = Duration::from_secs(8);
/// Before the outage and after it.
const BEFORE: Duration = Duration::from_secs(1);
const AROUND: Duration = Duration::from_secs(4);
/// For the first message, which is held for five seconds, and whatever is late.
const SETTLES: Duration = Duration::from_secs(25);
const PEOPLE: [&str; 3] = ["ann", "bob", "eve"];

/// Measures it.
///
/// # Errors
/// When an alarm is missing, or somebody got more or fewer than one message.
pub fn run(options: &Options, rows: &mut Rows) -> Result<()> {
    if !options.wants("A5") {
        return Ok(());
    }
    let folder = crate::scratch()?;
    let count = options.devices.unwrap_or(INVERTERS);
    let identities = Identities::make(&folder.path().join("identities"), count + OTHERS)?;
    let (mut idle_ms, mut outage_ms) = (Vec::new(), Vec::new());
    for repeat in 0..options.repeats {
        let cloud =
            Cloud::prepare(&folder.path().join(format!("cloud-{repeat}")), &identities, Duration::ZERO)?;
        cloud.gather(&PEOPLE)?;
        let (idle, outage) = outage(&cloud, &identities)?;
        idle_ms.push(idle);
        outage_ms.push(outage);
        let (alarms, messages) = cloud.kept(Condition::UTILITY_LOST)?;
        ensure!(alarms == count, "{alarms} alarms of {count} outages");
        let once = PEOPLE.iter().all(|name| messages.get(&format!("{name}@example.com")) == Some(&1));
        ensure!(once && messages.len() == PEOPLE.len(), "messages: {messages:?}");
    }
    rows.note("A5", "acknowledgement p99, idle", &idle_ms, "ms");
    rows.note("A5", "acknowledgement p99 while all lose the mains", &outage_ms, "ms");
    let ratio = ratios(&outage_ms, &idle_ms);
    rows.aim("A5", "outage ÷ idle, one message a person, all alarms kept", &ratio, "×", Bound::AtMost(3.0));
    Ok(())
}

/// p99 of the others' acknowledgements, milliseconds: idle, and around the outage.
fn outage(cloud: &Cloud, identities: &Identities) -> Result<(f64, f64)> {
    let (process, _) = cloud.start()?;
    let (others, site) = identities.devices.split_at(OTHERS);
    let load = |devices, interval, duration| Load {
        address: cloud.address,
        root: &identities.root,
        version: Version::V5,
        devices,
        work: Work::Live { interval, count: None },
        duration,
        reconnect: false,
        ledger: None,
    };
    let after = READY + IDLE + AROUND;
    let over = Duration::from_secs(1);
    let faults = Some(Faults { condition: wire::Condition::UTILITY_LOST, after, over });
    let all = Plan { faults, ..load(site, USUAL, after + SETTLES).plan() };
    let began = Instant::now();
    let site = std::thread::spawn(move || play(all));
    std::thread::sleep(READY.saturating_sub(began.elapsed()));
    let idle = play(load(others, WATCHED, IDLE).plan())?;
    std::thread::sleep((after - BEFORE).saturating_sub(began.elapsed()));
    let around = play(load(others, WATCHED, AROUND).plan())?;
    let site = site.join().map_err(|_| anyhow::anyhow!("the load panicked"))?.context("the site")?;
    ensure!(site.dropped == 0 && site.connects_failed == 0 && site.lost == 0, "{site:?}");
    drop(process);
    Ok((p99(&idle), p99(&around)))
}

fn play(plan: Plan) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(devices::run(plan))?)
}

fn p99(outcome: &Outcome) -> f64 {
    as_f64(outcome.latency_us.value_at_quantile(0.99)) / 1e3
}

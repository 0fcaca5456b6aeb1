//! P11 and P13: what a connection costs, and five thousand that come at once.
//!
//! In: options. Out: rows. A connection is TCP, a full mutual TLS handshake, CONNECT and CONNACK; none is resumed.

use std::time::Duration;

use anyhow::{Result, ensure};
use simulator::fleet::{self, Outcome, Plan, Version, Work};

use crate::Options;
use crate::cloud::Cloud;
use crate::devices::Identities;
use crate::load::{Load, as_f64};
use crate::peers;
use crate::process::cpu_ns;
use crate::rows::{Bound, Rows, ratios};

/// Devices of P13.
const STORM: usize = 5_000;
/// Devices that stay connected and publish during the storm, beside it.
const OTHERS: usize = 100;
/// Connections of P11.
const HANDSHAKES: usize = 1_500;
/// The storm is over by then, or lost.
const STORM_LASTS: Duration = Duration::from_secs(15);
/// The others are connected by then.
const OTHERS_READY: Duration = Duration::from_secs(2);

/// Runs what `--only` asks for, or both.
///
/// # Errors
/// When the product refuses connections.
pub fn run(options: &Options) -> Result<()> {
    let folder = crate::scratch()?;
    let count = options.devices.unwrap_or(STORM) + OTHERS;
    let identities = Identities::make(&folder.path().join("identities"), count)?;
    let mut rows = Rows::default();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut all_in_s, mut others_ms) = (Vec::new(), Vec::new());
    for repeat in 0..options.repeats {
        let cloud =
            Cloud::prepare(&folder.path().join(format!("cloud-{repeat}")), &identities, Duration::ZERO)?;
        let (process, _) = cloud.start()?;
        if options.wants("P11") {
            ours.push(handshakes(&load(&identities, cloud.address, Version::V5), process.pid())?);
            if let Some(peer) =
                (!options.no_peers).then(|| peers::start("mosquitto", &identities, folder.path())).flatten()
            {
                theirs.push(handshakes(&load(&identities, peer.address, peer.protocol), peer.process.pid())?);
            }
        }
        if options.wants("P13") {
            let (all_in, others) = storm(&load(&identities, cloud.address, Version::V5), &identities)?;
            all_in_s.push(all_in);
            others_ms.push(others);
        }
    }
    rows.note("P11", "ours", &ours, "connections/core-s");
    rows.note("P11", "mosquitto", &theirs, "connections/core-s");
    rows.judge(
        "P11",
        "ours ÷ mosquitto",
        &ratios(&ours, &theirs),
        "×",
        Bound::AtLeast(1.5),
        Bound::AtLeast(2.0),
    );
    rows.judge("P13", "5,000 at once, all connected", &all_in_s, "s", Bound::AtMost(4.0), Bound::AtMost(1.8));
    rows.judge(
        "P13",
        "others' acknowledgement p99",
        &others_ms,
        "ms",
        Bound::AtMost(1_000.0),
        Bound::AtMost(200.0),
    );
    rows.save(options.json.as_deref())
}

fn load<'a>(identities: &'a Identities, address: std::net::SocketAddr, version: Version) -> Load<'a> {
    Load {
        address,
        root: &identities.root,
        version,
        devices: &identities.devices,
        work: Work::Idle,
        duration: Duration::from_secs(10),
        reconnect: false,
        ledger: None,
    }
}

/// Connections per second of the server's CPU.
fn handshakes(load: &Load<'_>, server: u32) -> Result<f64> {
    let devices = load.devices.get(..HANDSHAKES).unwrap_or(load.devices);
    let load = Load { devices, ..load.clone() };
    let before = cpu_ns(server);
    let outcome = play(vec![(Duration::ZERO, load.plan())])?.remove(0);
    let spent_s = as_f64(cpu_ns(server).saturating_sub(before)) / 1e9;
    ensure!(outcome.connects == devices.len() as u64, "{} connected: {:?}", outcome.connects, outcome.errors);
    Ok(as_f64(outcome.connects) / spent_s)
}

/// Seconds until the last of the storm was connected, and the others' p99 meanwhile, milliseconds.
fn storm(load: &Load<'_>, identities: &Identities) -> Result<(f64, f64)> {
    let (others, storm) = identities.devices.split_at(OTHERS.min(identities.devices.len()));
    let work = Work::Live { interval: Duration::from_millis(100), count: None };
    let others = Load { devices: others, work, duration: OTHERS_READY + STORM_LASTS, ..load.clone() };
    let storm = Load { devices: storm, duration: STORM_LASTS, ..load.clone() };
    let outcomes = play(vec![(Duration::ZERO, others.plan()), (OTHERS_READY, storm.plan())])?;
    let [others, storm] = outcomes.as_slice() else { anyhow::bail!("two runs, two outcomes") };
    ensure!(
        storm.connects_failed == 0 && storm.dropped == 0 && others.dropped == 0 && others.lost == 0,
        "failed {}, dropped {} of the storm and {} of the others: {:?}",
        storm.connects_failed,
        storm.dropped,
        others.dropped,
        storm.errors
    );
    Ok((as_f64(storm.connect_us.max()) / 1e6, as_f64(others.latency_us.value_at_quantile(0.99)) / 1e3))
}

/// Runs plans side by side, each after its delay.
fn play(plans: Vec<(Duration, Plan)>) -> Result<Vec<Outcome>> {
    let running: Vec<_> = plans
        .into_iter()
        .map(|(delay, plan)| {
            std::thread::spawn(move || -> Result<Outcome> {
                std::thread::sleep(delay);
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                Ok(runtime.block_on(fleet::run(plan))?)
            })
        })
        .collect();
    let join = |thread: std::thread::JoinHandle<Result<Outcome>>| {
        thread.join().map_err(|_| anyhow::anyhow!("the load panicked"))?
    };
    running.into_iter().map(join).collect()
}

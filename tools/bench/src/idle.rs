//! P12 and P17: what memory a connection costs that does nothing, and what the idle programs need.
//!
//! In: options. Out: rows. Resident memory of the server's process, before and with the connections.

use std::time::Duration;

use anyhow::{Result, ensure};
use simulator::fleet::{self, Outcome, Version, Work};

use crate::Options;
use crate::cloud::Cloud;
use crate::devices::Identities;
use crate::gateway;
use crate::load::{Load, as_f64};
use crate::process::{Process, anonymous_bytes, pss_bytes, rss_bytes};
use crate::rows::{Bound, Rows};

/// Connections of P12.
const CONNECTIONS: usize = 5_000;
/// Inverters of P17's cloud.
const FEW: usize = 10;
/// New ones per second, so that handshakes' own memory has come and gone.
const CONNECTS_PER_S: f64 = 1_000.0;
/// From the last connection to the measurement.
const SETTLES: Duration = Duration::from_secs(3);
const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * KIB;

/// Runs what `--only` asks for, or both.
///
/// # Errors
/// When a connection is refused or dropped.
pub fn run(options: &Options) -> Result<()> {
    let folder = crate::scratch()?;
    let count = options.devices.unwrap_or(CONNECTIONS);
    let identities = Identities::make(&folder.path().join("identities"), count)?;
    let mut rows = Rows::default();
    let mut per_connection_kib = Vec::new();
    for repeat in (0..options.repeats).filter(|_| options.wants("P12")) {
        let cloud =
            Cloud::prepare(&folder.path().join(format!("cloud-{repeat}")), &identities, Duration::ZERO)?;
        let (process, _) = cloud.start()?;
        std::thread::sleep(SETTLES);
        let before = as_f64(rss_bytes(process.pid()));
        let with = hold(&cloud, &identities, &process)?;
        per_connection_kib.push((with - before) / as_f64(count as u64) / KIB);
    }
    if options.wants("P12") {
        let (floor, target) = (Bound::AtMost(23.0), Bound::AtMost(16.0));
        rows.judge("P12", "server RSS per idle connection", &per_connection_kib, "KiB", floor, target);
    }
    if options.wants("P17") {
        // One gateway's fleet: few inverters, one of them connected.
        let few = Identities::make(&folder.path().join("few"), FEW)?;
        let gateway = gateway::start(folder.path(), &few)?;
        std::thread::sleep(SETTLES);
        let cloud = [as_f64(rss_bytes(gateway.cloud.pid())) / MIB];
        rows.judge("P17", "idle cloud, RSS", &cloud, "MiB", Bound::AtMost(40.0), Bound::AtMost(16.0));
        let own = [as_f64(anonymous_bytes(gateway.cloud.pid())) / MIB];
        rows.note("P17", "of it not pages of the program's file", &own, "MiB");
        let mib = [as_f64(pss_bytes(gateway.process.pid())) / MIB];
        rows.judge(
            "P17",
            "gateway, all its processes, PSS",
            &mib,
            "MiB",
            Bound::AtMost(15.0),
            Bound::AtMost(6.0),
        );
    }
    rows.save(options.json.as_deref())
}

/// Holds a connection of every device and returns the server's memory meanwhile, bytes.
fn hold(cloud: &Cloud, identities: &Identities, process: &Process) -> Result<f64> {
    let count = as_f64(identities.devices.len() as u64);
    let connecting = Duration::from_secs_f64(count / CONNECTS_PER_S) + SETTLES;
    let load = Load {
        address: cloud.address,
        root: &identities.root,
        version: Version::V5,
        devices: &identities.devices,
        work: Work::Idle,
        duration: connecting + SETTLES,
        reconnect: false,
        ledger: None,
    };
    let plan = fleet::Plan { connects_per_s: Some(CONNECTS_PER_S), ..load.plan() };
    let holding = std::thread::spawn(move || -> Result<Outcome> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(fleet::run(plan))?)
    });
    std::thread::sleep(connecting);
    let with = as_f64(rss_bytes(process.pid()));
    let outcome = holding.join().map_err(|_| anyhow::anyhow!("the load panicked"))??;
    ensure!(
        outcome.connects == identities.devices.len() as u64 && outcome.dropped == 0,
        "{} of {count} connected, {} dropped: {:?}",
        outcome.connects,
        outcome.dropped,
        outcome.errors
    );
    Ok(with)
}

//! P5: nothing acknowledged is lost, nothing is stored twice, however often the server is killed.
//!
//! The load writes down every acknowledgement it gets while the server is killed at random moments and started again.
//! Afterwards the stores are read: each acknowledged number must have been taken by the pipeline, and
//! `admin ledger` must print no number twice. (What history keeps of the taken ones is decided by cadence.)

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fleet::InverterState;
use rand::{Rng as _, SeedableRng as _};
use simulator::fleet::{Version, Work};
use store::state::StateStore;
use wire::BootId;

use super::Run;
use crate::cloud::{Cloud, program};
use crate::load::{Load, as_f64};
use crate::rows::{Bound, Rows};

const DEVICES: usize = 200;
/// The server lives this long between kills, milliseconds.
const LIVES_MS: std::ops::Range<u64> = 200..1_200;
/// Room for one cycle in the load's duration: life, start, reconnection with back-off.
const CYCLE: Duration = Duration::from_millis(1_800);

/// Kills the server at random moments of P1.
pub fn run(run: &Run<'_>, rows: &mut Rows) -> Result<()> {
    let folder = tempfile::tempdir_in(run.folder)?.keep();
    let cloud = Cloud::prepare(&folder, run.identities, Duration::ZERO)?;
    let ledger = folder.join("acknowledged");
    let cycles = run.options.cycles;
    let load = Load {
        address: cloud.address,
        root: &run.identities.root,
        version: Version::V5,
        devices: run.identities.devices.get(..DEVICES).unwrap_or(&run.identities.devices),
        work: Work::Live { interval: Duration::ZERO, count: None },
        duration: CYCLE * u32::try_from(cycles)? + Duration::from_secs(3),
        reconnect: true,
        ledger: Some(ledger.clone()),
    };
    let (mut process, _) = cloud.start()?;
    let mut random = rand::rngs::SmallRng::seed_from_u64(5);
    std::thread::scope(|scope| -> Result<()> {
        let publishing = scope.spawn(|| load.run(0));
        for _ in 0..cycles {
            std::thread::sleep(Duration::from_millis(random.random_range(LIVES_MS)));
            process.kill()?;
            (process, _) = cloud.start()?;
        }
        let stretch = publishing.join().map_err(|_| anyhow::anyhow!("the load panicked"))??;
        println!(
            "      {cycles} kills, {} acknowledged, {} in flight when killed",
            stretch.outcome.acked, stretch.outcome.lost
        );
        ensure!(stretch.outcome.lost > 0 || cycles == 0, "no publish was in flight at any kill");
        Ok(())
    })?;
    // An orderly end: everything in the journal reaches the snapshots.
    drop(process);

    let lost = lost(&cloud, &ledger)?;
    let twice = twice(&cloud.config())?;
    let none = Bound::AtMost(0.0);
    rows.judge(
        "P5",
        &format!("acknowledged and lost, {cycles} kills"),
        &[as_f64(lost)],
        "reports",
        none,
        none,
    );
    rows.judge("P5", &format!("stored twice, {cycles} kills"), &[as_f64(twice)], "reports", none, none);
    Ok(())
}

/// Acknowledged numbers that no inverter's state has taken.
fn lost(cloud: &Cloud, ledger: &Path) -> Result<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (inverters, snapshots) = runtime.block_on(async {
        let state = StateStore::open(&cloud.data().join("state.sqlite")).await?;
        let read = (state.inverters().await?, state.load_snapshots().await?);
        state.close().await?;
        anyhow::Ok(read)
    })?;
    let mut states = HashMap::new();
    for (key, bytes) in &snapshots.states {
        let inverter =
            inverters.iter().find(|inverter| inverter.key == *key).context("an inverter of each state")?;
        states.insert(inverter.serial.to_string(), InverterState::from_snapshot(bytes)?);
    }
    let text = std::fs::read_to_string(ledger).context("the ledger of acknowledgements")?;
    let missing = text.lines().filter(|line| !taken(&states, line)).count();
    Ok(missing as u64)
}

fn taken(states: &HashMap<String, InverterState>, line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (Some(serial), Some(boot), Some(sequence)) = (words.next(), words.next(), words.next()) else {
        return false;
    };
    let (Some(boot), Ok(sequence)) = (BootId::parse_hex(boot), sequence.parse::<u64>()) else { return false };
    states.get(serial).is_some_and(|state| state.seen.contains(boot, sequence))
}

/// Numbers that history holds more than once.
fn twice(config: &Path) -> Result<u64> {
    let output = Command::new(program("inverter-connect")?)
        .args(["admin", "--config"])
        .arg(config)
        .arg("ledger")
        .output()?;
    ensure!(output.status.success(), "admin ledger: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let mut known = HashSet::new();
    let mut twice = 0;
    for line in text.lines() {
        let number: Vec<_> = line.split_whitespace().take(3).collect();
        if !number.contains(&"-") && !known.insert(number) {
            twice += 1;
        }
    }
    ensure!(!known.is_empty(), "the history is empty");
    Ok(twice)
}

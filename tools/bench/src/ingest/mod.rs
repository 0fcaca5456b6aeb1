//! P1 to P5: how many reports a second become durable, what one costs, how long its acknowledgement takes, and
//! whether any is lost.
//!
//! In: options. Out: rows. The load, the product, the sink and the peers share this machine, so only ratios within
//! one run mean anything.

mod kills;
mod latency;
mod throughput;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use simulator::fleet::{Version, Work};

use crate::Options;
use crate::cloud::Cloud;
use crate::devices::Identities;
use crate::load::{Load, Stretch};
use crate::process::{Process, free_address};
use crate::rows::Rows;
use crate::{disk, peers};

/// Runs what `--only` asks for, or all.
///
/// # Errors
/// When the product or the sink cannot be measured; a missing peer is a line.
pub fn run(options: &Options) -> Result<()> {
    let folder = crate::scratch()?;
    let devices = options.devices.unwrap_or(500);
    let identities = Identities::make(&folder.path().join("identities"), devices)?;
    let mut rows = Rows::default();
    let run = Run { options, folder: folder.path(), identities: &identities };

    rows.note("disk", "fdatasync before", &[disk::fdatasync_ms(folder.path())?], "ms");
    if options.wants("P1") || options.wants("P2") {
        throughput::plain(&run, &mut rows)?;
    }
    if options.wants("P3") {
        throughput::with_slow_disk(&run, &mut rows)?;
    }
    if options.wants("P4") {
        latency::run(&run, &mut rows)?;
    }
    if options.wants("P5") {
        kills::run(&run, &mut rows)?;
    }
    rows.note("disk", "fdatasync after", &[disk::fdatasync_ms(folder.path())?], "ms");
    rows.save(options.json.as_deref())
}

/// What every part needs.
pub struct Run<'a> {
    pub options: &'a Options,
    pub folder: &'a Path,
    pub identities: &'a Identities,
}

/// Something that takes reports, running.
pub struct Running {
    pub address: SocketAddr,
    pub version: Version,
    pub process: Process,
    _helper: Option<Process>,
}

impl Run<'_> {
    /// The ceiling, with `delay` after each commit.
    pub fn sink(&self, delay: Duration) -> Result<Running> {
        let folder = tempfile::tempdir_in(self.folder)?.keep();
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("sink").arg("--listen").arg(address.to_string());
        command
            .arg("--identities")
            .arg(&self.identities.folder)
            .arg("--file")
            .arg(folder.join("sink.sqlite"));
        command.arg("--commit-delay-us").arg(delay.as_micros().to_string());
        let mut process = Process::start("sink", &mut command, &folder)?;
        process.await_port(address, Duration::from_secs(10))?;
        Ok(Running { address, version: Version::V5, process, _helper: None })
    }

    /// The product.
    pub fn cloud(&self, delay: Duration) -> Result<Running> {
        let folder = tempfile::tempdir_in(self.folder)?.keep();
        let cloud = Cloud::prepare(&folder, self.identities, delay)?;
        let (process, _) = cloud.start()?;
        Ok(Running { address: cloud.address, version: Version::V5, process, _helper: None })
    }

    /// A peer by name, unless left out.
    pub fn peer(&self, name: &'static str) -> Option<Running> {
        if self.options.no_peers {
            return None;
        }
        let peer = peers::start(name, self.identities, self.folder)?;
        Some(Running {
            address: peer.address,
            version: peer.protocol,
            process: peer.process,
            _helper: peer.helper,
        })
    }

    /// Publishes to `running` for one stretch, `count` devices with `interval` between reports.
    pub fn stretch(&self, running: &Running, count: usize, interval: Duration) -> Result<Stretch> {
        let load = Load {
            address: running.address,
            root: &self.identities.root,
            version: running.version,
            devices: self.identities.devices.get(..count).unwrap_or(&self.identities.devices),
            work: Work::Live { interval, count: None },
            duration: Duration::from_secs(self.options.seconds),
            reconnect: false,
            ledger: None,
        };
        load.run(running.process.pid())
    }
}

//! Others that take MQTT over mutual TLS, started on free ports for the length of a measurement.
//!
//! In: the run's identities. Out: a running peer with its version, or the reason it is left out. Peers are Debian's
//! or PyPI's packages; each gets a folder of its own and is ended by pid.

mod mosquitto;
mod nats;
mod rabbitmq;
pub mod victoria;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use simulator::fleet::Version;

use crate::devices::Identities;
use crate::process::Process;

/// A running peer.
pub struct Peer {
    /// What it says of its version.
    pub version: String,
    /// Where it takes MQTT over TLS.
    pub address: SocketAddr,
    /// What its MQTT speaks.
    pub protocol: Version,
    /// The process.
    pub process: Process,
    /// One it needs beside it.
    pub helper: Option<Process>,
}

/// Starts one peer.
pub type Start = fn(&Identities, &Path) -> Result<Peer>;

/// Every peer of the ingest benchmark.
pub const ALL: [(&str, Start); 3] =
    [("mosquitto", mosquitto::start), ("rabbitmq quorum", rabbitmq::start), ("nats always", nats::start)];

/// Starts the named peer, or says why it is left out.
#[must_use]
pub fn start(name: &str, identities: &Identities, folder: &Path) -> Option<Peer> {
    let (_, start) = ALL.iter().find(|(known, _)| *known == name)?;
    let folder = folder.join(name.replace(' ', "-"));
    match std::fs::create_dir_all(&folder).map_err(Into::into).and_then(|()| start(identities, &folder)) {
        Ok(peer) => {
            println!("      peer {name}: {}", peer.version);
            Some(peer)
        }
        Err(error) => {
            println!("      peer {name} left out: {error:#}");
            None
        }
    }
}

/// Starts each peer once and ends it again: whether it is here, and which version.
///
/// # Errors
/// When the run's identities cannot be made.
pub fn list() -> Result<()> {
    let folder = crate::scratch()?;
    let identities = Identities::make(&folder.path().join("identities"), 1)?;
    for (name, _) in ALL {
        drop(start(name, &identities, folder.path()));
    }
    match victoria::Victoria::start(folder.path()) {
        Ok(victoria) => println!("      peer VictoriaMetrics: {}", victoria.version),
        Err(error) => println!("      peer VictoriaMetrics left out: {error:#}"),
    }
    Ok(())
}

/// A program where `BENCH_PEERS` points (a folder), in RabbitMQ's folder, on PATH, or in `/usr/sbin`.
#[expect(clippy::disallowed_methods, reason = "a binary of its own; the harness says where PyPI's peers are")]
fn program(name: &str) -> Result<PathBuf> {
    let extra = std::env::var("BENCH_PEERS").unwrap_or_default();
    let path = std::env::var("PATH").unwrap_or_default();
    // RabbitMQ's own scripts before Debian's, which change to a user that cannot read the run's keys.
    let folders =
        extra.split(':').chain(["/usr/lib/rabbitmq/bin"]).chain(path.split(':')).chain(["/usr/sbin"]);
    folders
        .filter(|folder| !folder.is_empty())
        .map(|folder| Path::new(folder).join(name))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| anyhow::anyhow!("{name} is not installed"))
}

/// First line that `program arguments` prints.
fn first_line(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|o| [o.stdout, o.stderr].concat()).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("version unknown").to_owned()
}

//! NATS with JetStream, made durable: every write synced before it is acknowledged.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use simulator::fleet::Version;

use super::{Peer, first_line, program};
use crate::devices::Identities;
use crate::process::{Process, free_address};

/// Starts it with `sync_interval: always`.
pub fn start(identities: &Identities, folder: &Path) -> Result<Peer> {
    let program = program("nats-server")?;
    let (address, native) = (free_address()?, free_address()?);
    let file = |name: &str| identities.file(name).display().to_string();
    let configuration = format!(
        "server_name: bench\nlisten: \"{native}\"\n\
         jetstream {{ store_dir: \"{}\", sync_interval: always }}\n\
         mqtt {{ listen: \"{address}\", max_ack_pending: 65535, tls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\", verify: true }} }}\n",
        folder.display(),
        file("server.pem"),
        file("server.key"),
        file("ca.pem"),
    );
    let path = folder.join("nats.conf");
    std::fs::write(&path, configuration)?;
    let mut command = Command::new(&program);
    command.arg("-c").arg(&path);
    let mut process = Process::start("nats-server", &mut command, folder)?;
    process.await_port(address, Duration::from_secs(15))?;
    let version = first_line(&program, &["--version"]);
    Ok(Peer { version, address, protocol: Version::V311, process, helper: None })
}

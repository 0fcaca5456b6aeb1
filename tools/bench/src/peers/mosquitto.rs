//! Eclipse Mosquitto: the lightest broker, which keeps nothing.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use simulator::fleet::Version;

use super::{Peer, first_line, program};
use crate::devices::Identities;
use crate::process::{Process, free_address};

/// Starts it without persistence.
pub fn start(identities: &Identities, folder: &Path) -> Result<Peer> {
    let program = program("mosquitto")?;
    let address = free_address()?;
    let file = |name: &str| identities.file(name).display().to_string();
    let configuration = format!(
        "listener {} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n\
         use_identity_as_username true\nallow_anonymous false\npersistence false\nlog_type error\n\
         max_inflight_messages 0\nmax_queued_messages 0\n",
        address.port(),
        file("ca.pem"),
        file("server.pem"),
        file("server.key"),
    );
    let path = folder.join("mosquitto.conf");
    std::fs::write(&path, configuration)?;
    let mut command = Command::new(&program);
    // Started as root it would drop to a user that cannot read the run's keys.
    command.arg("-c").arg(&path);
    if rustix::process::geteuid().is_root() {
        std::fs::write(&path, std::fs::read_to_string(&path)? + "user root\n")?;
    }
    let mut process = Process::start("mosquitto", &mut command, folder)?;
    process.await_port(address, Duration::from_secs(10))?;
    let version = first_line(&program, &["-h"]);
    Ok(Peer { version, address, protocol: Version::V5, process, helper: None })
}

//! Cuts an assessment off from every network but its own loopback, so that no tool phones home or reaches a stranger.
//! In: this program's own arguments. Out: this program once more, inside a network namespace of its own.
//! Never runs on a machine's own network what could run without it; where it cannot, the report says so.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::place::Place;
use crate::shell;

/// Said to the program inside, so that it does not go in once more.
const INSIDE: &str = "--inside";

/// Becomes this program inside a namespace. Comes back only where that cannot be had, with why.
pub fn enter(place: &Place) -> Result<String> {
    let Some(way) = ways().into_iter().find(|way| works(way)) else {
        return Ok("not cut off: this machine gives no network namespace (root, or `unshare --user`), so the tools' own \
                   options alone keep them at 127.0.0.1"
            .to_owned());
    };
    let mut command = Command::new("unshare");
    command.args(way).arg("--").arg(place.xtask()?).args(std::env::args_os().skip(1)).arg(INSIDE);
    command.env("CARGO_NET_OFFLINE", "true");
    Err(command.exec()).context("could not start again in a network namespace")
}

/// Inside: brings up loopback, which a new namespace has down.
pub fn settle() -> Result<String> {
    shell::output(Command::new("ip").args(["link", "set", "lo", "up"]))
        .context("loopback in the namespace")?;
    Ok("cut off: demo and tools ran in a network namespace with loopback alone".to_owned())
}

/// As root, and as anybody where the system lets people have namespaces.
fn ways() -> [&'static [&'static str]; 2] {
    [&["--net"], &["--user", "--map-root-user", "--net"]]
}

fn works(way: &[&str]) -> bool {
    let mut trial = Command::new("unshare");
    trial.args(way).args(["--", "ip", "link", "set", "lo", "up"]);
    trial.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    trial.status().is_ok_and(|status| status.success())
}

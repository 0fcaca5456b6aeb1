//! `cargo xtask demo`: the whole system on this machine, as separate processes.
//!
//! In: [`Args`]. Out: running processes, a printed address, account and password, and a JSON file when asked.
//! Never leaves a process behind.

use std::path::PathBuf;

/// Starts the whole system here: cloud, gateways, simulated inverters. Ctrl-C ends it.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// End by itself after this many seconds.
    #[arg(long, value_name = "N")]
    pub seconds: Option<u64>,
    /// Write addresses, credentials and process ids here once the page is live.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Port on 127.0.0.1; default: 8443, or a free one if that is taken.
    #[arg(long, value_name = "P")]
    pub port: Option<u16>,
    /// Keep the data in this folder (default: a new folder under target/demo, removed at the end).
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Build and run optimised binaries.
    #[arg(long)]
    pub release: bool,
}

/// Runs the demo until Ctrl-C or the given time.
///
/// # Errors
/// What could not be built or started, and what to do.
pub fn run(args: Args) -> anyhow::Result<()> {
    let _ = args;
    anyhow::bail!("the demo is not there yet")
}

//! What only `inverter-gateway-simulated` has: a clock that a test drives.
//!
//! In: `--clock FILE`, handed on to the children. Out: the clock for `clock`. Compiled only with the feature
//! `simulated`, which no release build enables.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::OnceLock;

use clap::{Arg, ArgMatches, Command};
use driven_clock::{DrivenClock, OpenError};

const CLOCK: &str = "clock";

static DRIVEN: OnceLock<(PathBuf, DrivenClock)> = OnceLock::new();

/// The command line with what is added here.
pub fn arguments(command: Command) -> Command {
    let clock = Arg::new(CLOCK).long(CLOCK).value_name("FILE").global(true);
    command.arg(clock.value_parser(clap::value_parser!(PathBuf)).help("A clock that a test drives"))
}

/// Opens what the command line names, for the life of the process.
///
/// # Errors
/// The clock cannot be read.
pub fn prepare(matches: &ArgMatches) -> Result<(), OpenError> {
    // A child is given it behind its own name.
    let matches = matches.subcommand().map_or(matches, |(_, child)| child);
    if let Some(path) = matches.get_one::<PathBuf>(CLOCK) {
        let _ = DRIVEN.set((std::path::absolute(path).unwrap_or(path.clone()), DrivenClock::open(path)?));
    }
    Ok(())
}

/// The clock, where it is driven.
pub fn clock() -> Option<&'static DrivenClock> {
    DRIVEN.get().map(|(_, clock)| clock)
}

/// Arguments for a child.
pub fn inherited() -> Vec<OsString> {
    DRIVEN.get().map_or_else(Vec::new, |(path, _)| vec!["--clock".into(), path.into()])
}

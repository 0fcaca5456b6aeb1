//! What only `inverter-gateway-simulated` has: a clock and a push-button that a test drives.
//!
//! In: `--clock FILE`, `--button-pipe PIPE`, handed on to the children. Out: the clock for `clock`, a line for `button` on which
//! each byte in the pipe is a press. Compiled only with the feature `simulated`, which no release build enables.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::OnceLock;

use clap::{Arg, ArgMatches, Command};
use driven_clock::{DrivenClock, OpenError};

use crate::button::Line;

const CLOCK: &str = "clock";
const BUTTON: &str = "button-pipe";

static PRESSES: OnceLock<PathBuf> = OnceLock::new();

static DRIVEN: OnceLock<(PathBuf, DrivenClock)> = OnceLock::new();

/// The command line with what is added here.
pub fn arguments(command: Command) -> Command {
    let clock = Arg::new(CLOCK).long(CLOCK).value_name("FILE").global(true);
    let button = Arg::new(BUTTON).long(BUTTON).value_name("PIPE").global(true);
    command
        .arg(clock.value_parser(clap::value_parser!(PathBuf)).help("A clock that a test drives"))
        .arg(button.value_parser(clap::value_parser!(PathBuf)).help("A push-button that a test drives"))
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
    if let Some(path) = matches.get_one::<PathBuf>(BUTTON) {
        let _ = PRESSES.set(std::path::absolute(path).unwrap_or(path.clone()));
    }
    Ok(())
}

/// The push-button, where it is driven.
///
/// # Errors
/// The pipe cannot be opened.
pub fn button() -> io::Result<Option<Box<dyn Line>>> {
    let Some(path) = PRESSES.get() else { return Ok(None) };
    // For writing too, so that a test that closes its end ends nothing.
    let pipe = File::options().read(true).write(true).open(path)?;
    Ok(Some(Box::new(Driven(pipe))))
}

/// A line whose presses are bytes.
struct Driven(File);

impl Line for Driven {
    fn wait(&mut self) -> io::Result<()> {
        self.0.read_exact(&mut [0])
    }
}

/// The clock, where it is driven.
pub fn clock() -> Option<&'static DrivenClock> {
    DRIVEN.get().map(|(_, clock)| clock)
}

/// Arguments for a child.
pub fn inherited() -> Vec<OsString> {
    let clock = DRIVEN.get().map(|(path, _)| (CLOCK, path));
    let all = clock.into_iter().chain(PRESSES.get().map(|path| (BUTTON, path)));
    all.flat_map(|(name, path)| [format!("--{name}").into(), path.into()]).collect()
}

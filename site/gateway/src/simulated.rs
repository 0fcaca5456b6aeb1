//! What only `inverter-gateway-simulated` has: a clock and a push-button that a test drives, a kernel with less of Landlock,
//! policies with a line taken away.
//!
//! In: `--clock FILE`, `--button-pipe PIPE`, `--landlock ABI`, `--without POLICY:LINE`, handed on to the children. Out: the clock
//! for `clock`, a line for `button` on which each byte in the pipe is a press, what `sandbox` asks. Compiled only with the feature `simulated`, which no release build enables.

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
const LANDLOCK: &str = "landlock";
const WITHOUT: &str = "without";

static PRESSES: OnceLock<PathBuf> = OnceLock::new();

static DRIVEN: OnceLock<(PathBuf, DrivenClock)> = OnceLock::new();

static ABI_NUMBER: OnceLock<u8> = OnceLock::new();

static TAKEN: OnceLock<String> = OnceLock::new();

/// The command line with what is added here.
pub fn arguments(command: Command) -> Command {
    let clock = Arg::new(CLOCK).long(CLOCK).value_name("FILE").global(true);
    let landlock = Arg::new(LANDLOCK).long(LANDLOCK).value_name("ABI").global(true);
    let button = Arg::new(BUTTON).long(BUTTON).value_name("PIPE").global(true);
    command
        .arg(clock.value_parser(clap::value_parser!(PathBuf)).help("A clock that a test drives"))
        .arg(button.value_parser(clap::value_parser!(PathBuf)).help("A push-button that a test drives"))
        .arg(landlock.value_parser(clap::value_parser!(u8)).help("A kernel whose Landlock knows no more"))
        .arg(Arg::new(WITHOUT).long(WITHOUT).value_name("POLICY:LINE").global(true).help("A line taken away"))
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
    if let Some(number) = matches.get_one::<u8>(LANDLOCK) {
        let _ = ABI_NUMBER.set(*number);
    }
    if let Some(line) = matches.get_one::<String>(WITHOUT) {
        let _ = TAKEN.set(line.clone());
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
    let clock = DRIVEN.get().map(|(path, _)| (CLOCK, path.clone().into_os_string()));
    let button = PRESSES.get().map(|path| (BUTTON, path.clone().into_os_string()));
    let landlock = ABI_NUMBER.get().map(|number| (LANDLOCK, number.to_string().into()));
    let without = TAKEN.get().map(|line| (WITHOUT, line.into()));
    let all = [clock, button, landlock, without].into_iter().flatten();
    all.flat_map(|(name, value)| [format!("--{name}").into(), value]).collect()
}

/// Files that every process opens at its start.
pub fn paths() -> Vec<PathBuf> {
    DRIVEN.get().map(|(path, _)| path.clone()).into_iter().chain(PRESSES.get().cloned()).collect()
}

/// The newest Landlock that this kernel is said to have.
pub fn landlock() -> Option<landlock::ABI> {
    use landlock::ABI::{Unsupported, V1, V2, V3, V4, V5, V6, V7};
    let all = [Unsupported, V1, V2, V3, V4, V5, V6, V7];
    ABI_NUMBER.get().and_then(|number| all.get(usize::from(*number)).copied())
}

/// Whether this line of a policy is taken away.
pub fn is_without((file, line): (&str, usize)) -> bool {
    TAKEN.get().is_some_and(|taken| *taken == format!("{file}:{line}"))
}

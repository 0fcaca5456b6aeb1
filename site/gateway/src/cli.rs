//! The command line.
//!
//! In: arguments. Out: the supervisor, a check, or one of the children, which are hidden: only their parent starts them.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rustix::process::Signal;

use crate::config::{self, Config, ControlLines};
use crate::{button, check, exit, reader, starter, status, supervisor, uplink};

/// Reads one inverter's serial line, receive-only, and sends what it says to the cloud over MQTT in TLS.
/// It listens on nothing, and nothing the network sends can reach the inverter.
#[derive(Debug, Parser)]
#[command(name = "inverter-gateway", version, after_help = exit::HELP, args_conflicts_with_subcommands = true)]
struct Arguments {
    /// The configuration (TOML); deploy/gateway.example.toml explains every key.
    #[arg(long, value_name = "FILE", required = true)]
    config: Option<PathBuf>,
    /// Say what would be done, check every file it needs, touch nothing, send nothing.
    #[arg(long)]
    check: bool,
    /// Run without the sandbox, where a kernel has no seccomp; said at start and each hour.
    #[arg(long)]
    unsandboxed: bool,
    #[command(subcommand)]
    child: Option<ChildCommand>,
}

#[derive(Debug, Subcommand)]
enum ChildCommand {
    /// The process that reads the port, which is its standard input.
    #[command(hide = true)]
    Reader {
        #[arg(long)]
        baud: u32,
        #[arg(long, value_enum)]
        control_lines: ControlLines,
        #[command(flatten)]
        place: Place,
    },
    /// The process that watches the gateway's own push-button.
    #[command(hide = true)]
    Button {
        #[command(flatten)]
        button: config::Button,
        #[command(flatten)]
        place: Place,
    },
    /// The process that starts the uplink; its standard input is the reader's pipe.
    #[command(hide = true)]
    Starter {
        #[arg(long)]
        config: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// The process that decodes, keeps and sends; its standard input is the reader's pipe.
    #[command(hide = true)]
    Uplink {
        #[arg(long)]
        config: PathBuf,
        #[command(flatten)]
        place: Place,
    },
}

/// What every child is told.
#[derive(Clone, Copy, Debug, clap::Args)]
struct Place {
    /// Its parent's process.
    #[arg(long)]
    parent: u32,
    /// It does not lock itself.
    #[arg(long = "unsandboxed", action = clap::ArgAction::SetFalse)]
    locked: bool,
}

/// `inverter-gateway`'s `main`.
#[must_use]
pub fn run() -> ExitCode {
    act(Arguments::parse())
}

/// `inverter-gateway-simulated`'s `main`: the same, with what `simulated` adds. For tests; no release build has it.
#[cfg(feature = "simulated")]
#[must_use]
pub fn run_simulated() -> ExitCode {
    use clap::{CommandFactory, FromArgMatches};
    let mut matches = crate::simulated::arguments(Arguments::command()).get_matches();
    if let Err(error) = crate::simulated::prepare(&matches) {
        eprintln!("{}", status::chain(&error));
        return exit::FAILURE.into();
    }
    act(Arguments::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.exit()))
}

fn act(arguments: Arguments) -> ExitCode {
    match (arguments.child, arguments.config) {
        (Some(child), _) => run_child(child),
        (None, Some(path)) if arguments.check => with_config(&path, check::run),
        (None, Some(path)) => {
            with_config(&path, |config| supervisor::run(&path, config, !arguments.unsandboxed))
        }
        _ => exit::FAILURE.into(),
    }
}

fn run_child(child: ChildCommand) -> ExitCode {
    match child {
        ChildCommand::Reader { baud, control_lines, place } if die_with(place.parent) => {
            reader::run(baud, control_lines, place.locked)
        }
        ChildCommand::Button { button, place } if die_with(place.parent) => {
            button::run(&button, place.locked)
        }
        ChildCommand::Starter { config: path, place } if die_with(place.parent) => {
            with_config(&path, |config| starter::run(&path, config, place.locked))
        }
        ChildCommand::Uplink { config, place } if die_with(place.parent) => {
            with_config(&config, |config| uplink::run(config, place.locked))
        }
        _ => exit::FAILURE.into(),
    }
}

fn with_config(path: &std::path::Path, run: impl FnOnce(&Config) -> ExitCode) -> ExitCode {
    match Config::load(path) {
        Ok(config) => run(&config),
        Err(error) => {
            // Several lines: the parser points at the place.
            eprintln!("{}", status::chain(&error));
            exit::CONFIG.into()
        }
    }
}

/// A child never outlives its parent, however that ends. `false`: the parent is gone already.
fn die_with(parent_id: u32) -> bool {
    let parent = || rustix::process::getppid().map(rustix::process::Pid::as_raw_pid);
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).is_ok()
        && parent() == i32::try_from(parent_id).ok()
}

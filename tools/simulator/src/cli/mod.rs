//! Arguments to work.
//!
//! In: the command line. Out: one of the subcommands, run to its end.

mod cloud;
mod fleet;
mod guard;
mod history;
mod inverter;
mod model;
mod record;
mod replay;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use simulator::line::{Sources, tell};

/// Plays inverters, good and broken.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One inverter on a pseudo-terminal, with a console on standard input (type `help`).
    Inverter(inverter::Args),
    /// A raw recording on a pseudo-terminal, byte for byte at the true baud.
    Replay(replay::Args),
    /// Writes what a line would carry to a file, for `replay`.
    Record(record::Args),
    /// Many inverters straight over mutual TLS, with honest acknowledgement accounting.
    Fleet(fleet::Args),
    /// The past of one inverter, as its gateway's backlog: original times, packed reports.
    History(history::Args),
    /// One command to a running simulator, by its --control socket: `tell SOCKET mains off`.
    Tell {
        /// The socket given as --control.
        socket: PathBuf,
        /// The command, for example `mains off`.
        #[arg(required = true, trailing_var_arg = true)]
        command: Vec<String>,
    },
    /// Runs a program that ends when its parent does.
    #[command(hide = true)]
    Guard(guard::Args),
}

/// Runs what was asked for.
///
/// # Errors
/// Whatever stopped it, in words for a person.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Inverter(args) => inverter::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Fleet(args) => fleet::run(&args),
        Command::History(args) => history::run(&args),
        Command::Tell { socket, command } => {
            let answer = tell(&socket, &command.join(" ")).with_context(|| {
                format!("nobody answers on {}; is that simulator running?", socket.display())
            })?;
            print!("{answer}");
            Ok(())
        }
        Command::Guard(args) => guard::run(&args),
    }
}

/// Where a line is and who may command it.
#[derive(Debug, clap::Args)]
struct LineArgs {
    /// Symbolic link to make, naming the pseudo-terminal.
    #[arg(long, value_name = "PATH")]
    pty: PathBuf,
    /// Bits per second, 8N1.
    #[arg(long, default_value_t = 19_200, value_parser = clap::value_parser!(u32).range(50..=4_000_000))]
    baud: u32,
    /// Listen for commands on this Unix socket too.
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
    /// End when standard input ends.
    #[arg(long)]
    end_with_input: bool,
}

impl LineArgs {
    fn sources(&self) -> anyhow::Result<Sources> {
        let mut sources = Sources::default();
        sources.standard_input(self.end_with_input);
        if let Some(path) = &self.control {
            sources.socket(path).with_context(|| format!("cannot listen on {}", path.display()))?;
        }
        Ok(sources)
    }
}

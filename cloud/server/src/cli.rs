//! The command line.
//!
//! In: arguments. Out: exit code 0 after an orderly end, 1 if something failed (standard error says what, where and
//! what to do), 2 for arguments that make no sense.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::Config;
use crate::{admin, clock, log, serve, verify};

const HELP: &str = "\
Exit codes: 0 an orderly end; 1 something failed, and standard error says what; 2 arguments that make no sense. Those of `verify`
are its own.
INVERTER_CONNECT_LOG sets what is logged, for example debug or info,server=debug; info unless set.
INVERTER_CONNECT_LOG_FORMAT=json is --log-format json.";

/// All parts of the server. Fewer need a database that several processes may write to.
const ROLES: [&str; 4] = ["ingest", "pipeline", "notifier", "web"];

/// Watches emergency-power inverters; can never touch one.
#[derive(Debug, Parser)]
#[command(name = "inverter-connect", version, after_help = HELP)]
struct Arguments {
    /// The configuration, TOML.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How the log on standard error is written: words, or one JSON object a line.
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        env = "INVERTER_CONNECT_LOG_FORMAT"
    )]
    log_format: log::Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves devices and people on one port.
    Serve {
        /// Only read the configuration and every file it names, and say whether they are good.
        #[arg(long)]
        check: bool,
        /// Only these parts; on this version's SQLite it must be all of them, which is what runs unless set.
        #[arg(long, value_name = "ROLE,…", value_delimiter = ',', value_parser = ROLES)]
        roles: Option<Vec<String>>,
    },
    /// What an operator does.
    #[command(subcommand)]
    Admin(admin::Command),
    /// Says whether a logbook, an entry of one or a report is what was signed; needs no configuration. Exit code 0: it is; 1: it
    /// is not; 2: that could not be told.
    Verify(verify::Arguments),
}

/// `inverter-connect`'s `main`.
#[must_use]
pub fn run() -> ExitCode {
    start(Arguments::command(), |_| Ok(()))
}

/// `inverter-connect-driven`'s `main`: the same, and `--clock FILE` of `serve` and `admin`. For tests; no release build has
/// it.
#[cfg(feature = "driven-clock")]
#[must_use]
pub fn run_driven() -> ExitCode {
    let clock = clap::Arg::new("clock").long("clock").value_name("FILE").help("A clock that a test drives");
    let clock = clock.value_parser(clap::value_parser!(PathBuf));
    let of_serve = clock.clone();
    let command = Arguments::command().mut_subcommand("serve", |serve| serve.arg(of_serve));
    let command = command.mut_subcommand("admin", |admin| admin.arg(clock));
    start(command, |matches| {
        let of = |(_, matches): (&str, &ArgMatches)| matches.get_one::<PathBuf>("clock").cloned();
        match matches.subcommand().and_then(of) {
            Some(file) => clock::drive(&file).context("key `--clock`"),
            None => Ok(()),
        }
    })
}

fn start(command: clap::Command, prepare: impl FnOnce(&ArgMatches) -> anyhow::Result<()>) -> ExitCode {
    let matches = command.get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    log::start(arguments.log_format);
    match prepare(&matches).and_then(|()| act(arguments)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("inverter-connect: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn act(arguments: Arguments) -> anyhow::Result<ExitCode> {
    if let Command::Admin(admin::Command::Proof(arguments)) = &arguments.command {
        return admin::proof::run(arguments).map(|()| ExitCode::SUCCESS);
    }
    if let Command::Verify(arguments) = &arguments.command {
        return Ok(verify::run(arguments));
    }
    let file = arguments.config.context("name the configuration with --config FILE")?;
    let config = Config::load(&file)?;
    match arguments.command {
        Command::Serve { check, roles } => {
            refuse_some(roles.as_deref())?;
            if check { serve::check(&config) } else { serve::run(&config) }?;
        }
        Command::Admin(command) => admin::run(command, &config, clock::now())?,
        // Done above, without a configuration.
        Command::Verify(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn refuse_some(roles: Option<&[String]>) -> anyhow::Result<()> {
    let missing = |roles: &[String]| ROLES.iter().any(|role| !roles.iter().any(|given| given == role));
    if roles.is_some_and(missing) {
        anyhow::bail!("parts apart need PostgreSQL, which this version does not have. Leave --roles out");
    }
    Ok(())
}

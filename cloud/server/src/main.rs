//! `inverter-connect`: the cloud's one binary.
//!
//! In: arguments. Out: exit code 0 after an orderly end, 1 if something failed (standard error says what, where and
//! what to do), 2 for arguments that make no sense.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use server::config::Config;
use server::{admin, clock, serve};
use tracing_subscriber::EnvFilter;

/// Watches emergency-power inverters; can never touch one.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration, TOML.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
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
    },
    /// What an operator does.
    #[command(subcommand)]
    Admin(admin::Command),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("INVERTER_CONNECT_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,sea_orm_migration=warn,sqlx=warn"));
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("inverter-connect: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let file = arguments.config.context("name the configuration with --config FILE")?;
    let config = Config::load(&file)?;
    match arguments.command {
        Command::Serve { check: true } => serve::check(&config),
        Command::Serve { check: false } => serve::run(&config),
        Command::Admin(command) => admin::run(command, &config, clock::now()),
    }
}

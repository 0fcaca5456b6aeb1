//! `inverter-simulator`: plays inverters, good and broken.
//!
//! In: arguments. Out: bytes on a pseudo-terminal, or reports over mutual TLS. Exit code 0: did as asked; 1: could
//! not, and says why; 2: arguments not understood.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("inverter-simulator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

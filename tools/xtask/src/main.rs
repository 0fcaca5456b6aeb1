//! `cargo xtask`: everything a developer runs.
//!
//! In: a command. Out: the runners' own output, and exit code 0 only if all of it passed.
//! Never needs anything installed by hand where the system's package manager can do it.

mod audit;
mod bench;
mod ci;
mod demo;
mod dist;
mod end_to_end;
mod install;
mod named_test;
mod place;
mod promises;
mod running;
mod sbom;
mod shell;
mod standards;
mod steps;
mod test;
mod tidy;
mod trust;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Everything a developer of Inverter Connect runs")]
struct Cli {
    #[command(subcommand)]
    command: What,
}

#[derive(Subcommand)]
enum What {
    /// Starts the whole system on this machine: cloud, gateways, simulated inverters.
    Demo(demo::Args),
    /// Runs every test, with real parts and a real browser; installs what is missing.
    Test(test::Args),
    /// Runs what CI runs: the gates (format, lints, licences, advisories, spelling, docs, walls), then the tests.
    Ci(ci::Args),
    /// Tests the walls between the crates and prints how large the rooms are.
    Tidy,
    /// Writes docs/PROMISES.md and docs/standards from the tables of promises, requirements and tests.
    Promises,
    /// Writes what the shipped programs are made of, as CycloneDX.
    Sbom(sbom::Args),
    /// Builds what is released, the same bytes wherever it is built.
    Dist(dist::Args),
    /// Runs one benchmark against its ceiling and its peers.
    Bench(bench::Args),
    /// Assesses what is built by tools of others, and writes a dated report; installs what it needs.
    Audit(audit::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        What::Demo(args) => demo::run(args),
        What::Test(args) => place::Place::find().and_then(|place| test::run(&place, args)),
        What::Ci(args) => place::Place::find().and_then(|place| ci::run(&place, args)),
        What::Tidy => place::Place::find().and_then(|place| tidy::run(&place)),
        What::Promises => {
            place::Place::find().and_then(|place| promises::run(&place).and(standards::write(&place)))
        }
        What::Sbom(args) => place::Place::find().and_then(|place| sbom::run(&place, &args)),
        What::Dist(args) => place::Place::find().and_then(|place| dist::run(&place, &args)),
        What::Bench(args) => place::Place::find().and_then(|place| bench::run(&place, args)),
        What::Audit(args) => place::Place::find().and_then(|place| audit::run(&place, &args)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

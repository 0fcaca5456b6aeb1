//! `cargo xtask ci`: the gates, then the tests.
//! In: nothing but a clean clone. Out: each runner's own lines, a table of times, one exit code.
//! Never needs the network beyond the package registries.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::place::Place;
use crate::steps::Steps;
use crate::{install, shell, test, tidy};

/// Which half to run.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Only the gates: format, lints, licences, advisories, spelling, docs, walls.
    #[arg(long)]
    pub gates: bool,
    /// A checkout of the RustSec advisory database; without one, advisories are not checked and CI says so.
    #[arg(long, value_name = "DIR", env = "ADVISORY_DB")]
    pub advisory_db: Option<PathBuf>,
}

/// Runs the gates and the tests; fails at the end if any step failed.
pub fn run(place: &Place, args: Args) -> Result<()> {
    let mut steps = Steps::default();
    gates(place, &args, &mut steps);
    if !args.gates {
        test::add_steps(place, &test::Args::default(), &mut steps);
    }
    steps.finish()
}

fn gates(place: &Place, args: &Args, steps: &mut Steps) {
    let cargo = |words: &[&str]| shell::run(shell::cargo(&place.root).args(words));
    let tool = |name: &str| {
        let mut command = Command::new(place.venv_program(name));
        command.current_dir(&place.root);
        command
    };
    steps.run("install what the gates need", || install::for_gates(place));
    steps.run("format", || {
        cargo(&["fmt", "--all", "--check"])?;
        cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"])
    });
    steps.run("tidy", || tidy::run(place));
    steps.run("typos", || shell::run(&mut tool("typos")));
    steps.run("deny", || shell::run(tool("cargo-deny").args(["check", "bans", "licenses", "sources"])));
    steps.run("audit", || match &args.advisory_db {
        Some(folder) => {
            shell::run(tool("cargo-audit").args(["audit", "--no-fetch", "--stale", "--db"]).arg(folder))
        }
        None => {
            println!("NOT CHECKED: no advisory database; give one by --advisory-db DIR or ADVISORY_DB");
            Ok(())
        }
    });
    steps.run("clippy", || {
        cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"])
    });
    steps.run("doc", || {
        let mut doc = shell::cargo(&place.root);
        doc.args(["doc", "--workspace", "--no-deps", "--locked"]);
        shell::run(doc.env("RUSTDOCFLAGS", "--deny warnings --allow rustdoc::private-intra-doc-links"))
    });
}

//! `cargo xtask bench WHAT`: builds optimised programs and runs one benchmark of `tools/bench`.
//! In: which one, and its own arguments. Out: what the bench prints.
//! Never measures a debug build.

use std::process::Command;

use anyhow::Result;

use crate::place::Place;
use crate::{install, shell};

/// Which benchmark.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// ingest | history | chart | idle | storm | start | sign-in | retention | alarms | readiness | pages
    pub what: String,
    /// Passed on, e.g. `--seconds 5 --repeats 3 --json FILE`; `-- --help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub rest: Vec<String>,
}

/// Builds what the bench starts, installs its peers, runs it.
pub fn run(place: &Place, args: Args) -> Result<()> {
    install::for_bench(place)?;
    let mut build = shell::cargo(&place.root);
    build.args([
        "build",
        "--release",
        "--locked",
        "-p",
        "server",
        "-p",
        "gateway",
        "-p",
        "simulator",
        "-p",
        "bench",
    ]);
    shell::run(&mut build)?;
    if args.what == "pages" {
        return pages(place, &args.rest);
    }
    let mut bench = Command::new(place.binary("release", "bench"));
    bench.arg(&args.what).args(&args.rest).env("BENCH_PEERS", place.venv().join("bin"));
    shell::run(bench.current_dir(&place.root))
}

/// P18 and P19: page weight, Lighthouse, click to drawn; a script beside the browser flows, as it needs the browser.
fn pages(place: &Place, rest: &[String]) -> Result<()> {
    install::for_pages(place)?;
    let mut node = Command::new("node");
    node.arg("pages.mjs").args(rest).arg("--xtask").arg(place.xtask()?);
    shell::run(node.current_dir(place.root.join("e2e/pages")))
}

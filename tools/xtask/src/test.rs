//! `cargo xtask test`: every test there is.
//! In: how much. Out: the closing lines of each runner, then a table of times.
//! Never skips a test because a program is missing: it installs the program, or says what to install.

use anyhow::Result;

use crate::place::Place;
use crate::steps::Steps;
use crate::{end_to_end, install, shell};

/// How much to test.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// The long runs too: 200 cycles of kill -9 in place of 10, every forbidden sequence, longer property tests.
    #[arg(long, conflicts_with = "core")]
    pub full: bool,
    /// Only what needs nothing beside the Rust toolchain and the page assets: no foreign clients, no browser.
    #[arg(long)]
    pub core: bool,
}

/// Installs what is missing and runs all tests.
pub fn run(place: &Place, args: Args) -> Result<()> {
    let mut steps = Steps::default();
    add_steps(place, &args, &mut steps);
    steps.finish()
}

/// The steps of `test`, for `ci` to add to its own.
pub fn add_steps(place: &Place, args: &Args, steps: &mut Steps) {
    if !args.core {
        steps.run("install what the tests need", || install::for_tests(place));
    }
    // The tests and the programs they start, in one build: `cargo build` would resolve features without those of the
    // tests' dependencies and compile half of the crates a second time.
    steps.run("build tests and programs", || {
        shell::run(shell::cargo(&place.root).args(["test", "--workspace", "--locked", "--no-run", "--quiet"]))
    });
    steps.run("cargo test", || {
        let mut test = shell::cargo(&place.root);
        test.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
        shell::run(environment(place, args, &mut test))
    });
    steps.run("fuzz for ten seconds", || fuzz(place));
    if !args.core {
        steps.run("browser flows", || end_to_end::run(place));
    }
}

/// What tests read to know how much to do and where foreign programs are.
fn environment<'a>(
    place: &Place,
    args: &Args,
    command: &'a mut std::process::Command,
) -> &'a mut std::process::Command {
    let much = match args {
        Args { full: true, .. } => "full",
        Args { core: true, .. } => "core",
        _ => "normal",
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [place.venv().join("bin")].into_iter().chain(std::env::split_paths(&path));
    // Mosquitto's programs and nft lie outside an ordinary user's path.
    let folders = folders.chain(["/usr/sbin".into(), "/sbin".into()]);
    if let Ok(path) = std::env::join_paths(folders) {
        command.env("PATH", path);
    }
    command.env("INVERTER_CONNECT_TESTS", much).env("NODE_PATH", place.root.join("e2e/node_modules"))
}

/// Each parser on mutated seeds, ten seconds in all; a crash leaves its input under `fuzz/artifacts`.
fn fuzz(place: &Place) -> Result<()> {
    let mut smoke = shell::cargo(&place.root);
    smoke.args(["run", "--quiet", "--locked", "--", "--seconds", "10"]).current_dir(place.root.join("fuzz"));
    shell::run(smoke.env("CARGO_TARGET_DIR", place.target.join("fuzz")))
}

//! The smoke run on stable Rust: `cargo run --release -- --seconds 10 [--seed N] [--target NAME]`.
//!
//! In: seconds and a seed. Out: executions per target; on a panic or a hang the input as a file in `artifacts/` and exit
//! code 1. `--repeat FILE --target NAME` runs one such file again; `--trace FILE` keeps each input there before it is run,
//! for the kinds of death that nothing can catch (the same seed runs the same inputs).
#![forbid(unsafe_code)]

mod mutate;

use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use fuzz::{TARGETS, Target};
use mutate::Mutator;

/// Longer than any input should take by far.
const HANG: Duration = Duration::from_secs(2);
/// Inputs kept to begin from, samples included.
const MOST_KEPT: usize = 400;

struct Options {
    seconds: f64,
    seed: u64,
    target: Option<String>,
    repeat: Option<PathBuf>,
    trace: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!(
                "{problem}\nusage: fuzz [--seconds 10] [--seed 1] [--target NAME] [--repeat FILE] [--trace FILE]"
            );
            return ExitCode::from(2);
        }
    };
    let named = |target: &&Target| options.target.as_ref().is_none_or(|name| name == target.name);
    let targets: Vec<_> = TARGETS.iter().filter(named).collect();
    if targets.is_empty() {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("no such target; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    if let Some(file) = &options.repeat {
        return repeat(file, &targets);
    }
    // One line per failure instead of a trace for each: the file is what matters.
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    let each = Duration::from_secs_f64(options.seconds / targets.len() as f64);
    let failed = targets.iter().filter(|target| !smoke(target, each, &options)).count();
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { seconds: 10.0, seed: 1, target: None, repeat: None, trace: None };
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        let bad = || format!("{name}: {value:?} is no number");
        match name.as_str() {
            "--seconds" => {
                options.seconds = value.parse().ok().filter(|s| (0.0..1e6).contains(s)).ok_or_else(bad)?
            }
            "--seed" => options.seed = value.parse().map_err(|_| bad())?,
            "--target" => options.target = Some(value),
            "--repeat" => options.repeat = Some(value.into()),
            "--trace" => options.trace = Some(value.into()),
            _ => return Err(format!("unknown option {name}")),
        }
    }
    Ok(options)
}

/// Runs one file by each target, without catching anything.
fn repeat(file: &Path, targets: &[&Target]) -> ExitCode {
    match fs::read(file) {
        Ok(input) => {
            targets.iter().for_each(|target| println!("{}: fate {:016x}", target.name, (target.run)(&input)));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            ExitCode::from(2)
        }
    }
}

/// Runs one target for a while; `false` if it failed.
fn smoke(target: &Target, time: Duration, options: &Options) -> bool {
    let mut kept = (target.samples)();
    let mut unchanged = kept.clone().into_iter();
    let mut mutator = Mutator::new(options.seed, target.name);
    let mut fates = HashSet::new();
    let mut executions = 0_u64;
    let end = Instant::now() + time;
    while Instant::now() < end || unchanged.len() > 0 {
        let input = unchanged.next().unwrap_or_else(|| mutator.next(&kept));
        if let Some(Err(error)) = options.trace.as_ref().map(|file| fs::write(file, &input)) {
            println!("{:12} no trace: {error}", target.name);
            return false;
        }
        let began = Instant::now();
        let Ok(fate) = catch_unwind(AssertUnwindSafe(|| (target.run)(&input))) else {
            return failed(target, "panicked", &input, executions);
        };
        if began.elapsed() > HANG {
            return failed(target, "took too long", &input, executions);
        }
        executions += 1;
        if fates.insert(fate) && kept.len() < MOST_KEPT {
            kept.push(input);
        }
    }
    println!("{:12} {executions:9} executions, {:4} fates", target.name, fates.len());
    true
}

fn failed(target: &Target, how: &str, input: &[u8], executions: u64) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts");
    let file = folder.join(format!("{}-{executions}.bin", target.name));
    let kept = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, input));
    let place = kept.map_or_else(|error| format!("not kept: {error}"), |()| file.display().to_string());
    println!("{:12} {how} after {executions} executions; input: {place}", target.name);
    println!("             again: cargo run -- --target {} --repeat {place}", target.name);
    false
}

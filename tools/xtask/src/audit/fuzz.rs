//! The fuzz targets of `fuzz/`, each for as long as was asked.
//! In: the built runner. Out: executions of each target; a crash with the input that brings it about.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::report::{Finding, Outcome, Seen, Severity};
use super::scene::Scene;
use super::tool::Raw;
use crate::place::Place;
use crate::shell;

/// Beside the time that was asked for: samples, the last input.
const MARGIN: Duration = Duration::from_secs(30);

/// Builds the runner where `cargo xtask test` builds it.
pub fn build(place: &Place) -> Result<()> {
    let mut cargo = shell::cargo(&place.root);
    cargo.args(["build", "--quiet", "--locked"]).current_dir(place.root.join("fuzz"));
    shell::run(cargo.env("CARGO_TARGET_DIR", place.target.join("fuzz")))
}

/// Runs all targets.
pub fn run(scene: &Scene<'_>, raw: &mut Raw) -> Result<Outcome> {
    let targets = targets(scene.place)?;
    let seconds = scene.budget.fuzz_s * targets.len() as u64;
    let mut command = Command::new(scene.place.target.join("fuzz/debug/fuzz"));
    // Another seed each day would find other things; the same one can be run again.
    command
        .args(["--seconds", &seconds.to_string(), "--seed", "1"])
        .current_dir(scene.place.root.join("fuzz"));
    let ran = raw.run("fuzz", Duration::from_secs(seconds) + MARGIN, &mut command)?;
    let mut seen = verdict(&ran.out, &targets);
    if !ran.status.success() && seen.findings.is_empty() {
        seen.findings.push(Finding::new(
            "runner",
            Severity::High,
            format!("the runner ended with {}", ran.status),
        ));
    }
    seen.version = format!("seed 1, {} s each", scene.budget.fuzz_s);
    Ok(Outcome::Ran(seen))
}

/// One file a target.
fn targets(place: &Place) -> Result<Vec<String>> {
    let folder = place.root.join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for file in std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = file?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Each target must have told how many inputs it ran.
fn verdict(out: &str, targets: &[String]) -> Seen {
    let mut seen = Seen::default();
    for target in targets {
        let line = out.lines().find(|line| line.split_whitespace().next() == Some(target));
        let told = line.map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" "));
        match told {
            Some(told) if told.contains("executions,") => seen.held.push(format!("{target}: {told}")),
            Some(told) => {
                seen.findings.push(Finding::new(target, Severity::High, format!("{target} {told}")))
            }
            None => {
                seen.findings.push(Finding::new(target, Severity::High, format!("{target} told nothing")))
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_and_a_silent_target_are_findings() {
        let out = "native          120000 executions,   31 fates\nmate         panicked after 12 executions; input: fuzz/artifacts/mate-12.bin\n";
        let seen = verdict(out, &["mate".to_owned(), "mqtt_server".to_owned(), "native".to_owned()]);
        assert_eq!(seen.held, ["native: 120000 executions, 31 fates"]);
        let ids: Vec<_> = seen.findings.iter().map(|finding| finding.id.as_str()).collect();
        assert_eq!(ids, ["mate", "mqtt_server"]);
    }

    #[test]
    fn every_target_has_a_file() {
        let place = Place::find().unwrap();
        let source = std::fs::read_to_string(place.root.join("fuzz/src/lib.rs")).unwrap();
        let targets = targets(&place).unwrap();
        assert_eq!(targets.len(), source.matches("Target { name: ").count());
        assert!(targets.iter().all(|target| source.contains(&format!("name: \"{target}\""))));
    }
}

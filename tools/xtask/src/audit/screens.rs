//! axe on every screen, by the browser flow that the tests have: every width, light and dark.
//! In: the running demo. Out: each screen on which axe finds something, something sticks out or is too small to touch.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::report::{Finding, Outcome, Seen, Severity};
use super::scene::Scene;
use super::tool::Raw;

const LIMIT: Duration = Duration::from_secs(1_500);

/// Runs the flow.
pub fn run(scene: &Scene<'_>, raw: &mut Raw) -> Result<Outcome> {
    let folder = scene.place.root.join("e2e");
    let mut node = Command::new("node");
    node.args(["--test", "--test-concurrency=1", "--test-reporter=tap", "flows/screens.test.mjs"]);
    let ran = raw.run("axe", LIMIT, node.current_dir(&folder).env("DEMO_JSON", &scene.demo()?.json))?;
    let mut seen = verdict(&ran.out)?;
    if !ran.status.success() && seen.findings.is_empty() {
        bail!("the browser flow ended with {} and named nothing", ran.status);
    }
    let package = std::fs::read_to_string(folder.join("node_modules/axe-core/package.json"))?;
    let package: serde_json::Value = serde_json::from_str(&package)?;
    seen.version = package.get("version").and_then(|v| v.as_str()).context("axe-core's version")?.to_owned();
    Ok(Outcome::Ran(seen))
}

/// TAP: `ok N - name` and `not ok N - name`, those of sub-tests further in.
fn verdict(tap: &str) -> Result<Seen> {
    let mut seen = Seen::default();
    for line in tap.lines().map(str::trim) {
        let (bad, rest) = match (line.strip_prefix("not ok "), line.strip_prefix("ok ")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => continue,
        };
        let Some((_, name)) = rest.split_once(" - ") else { continue };
        if bad {
            seen.findings.push(Finding::new(name, Severity::Medium, format!("{name}: see axe.out.txt")));
        } else {
            seen.held.push(name.to_owned());
        }
    }
    if seen.held.is_empty() && seen.findings.is_empty() {
        bail!("the browser flow told of no test");
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_screen_is_a_finding_and_no_screen_is_no_pass() {
        let seen =
            verdict("TAP version 13\n    ok 1 - fleet\n    not ok 2 - alarms\n      ---\nok 1 - all\n1..1\n")
                .unwrap();
        assert_eq!(seen.held, ["fleet", "all"]);
        assert_eq!(seen.findings[0].id, "alarms");
        assert!(verdict("TAP version 13\n1..0\n").is_err());
    }
}

//! What comes into the house: licences, bans and sources by cargo-deny, advisories by cargo-audit.
//! In: Cargo.lock, deny.toml, a local advisory database. Out: findings. Never fetches anything.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::report::{Finding, Outcome, Seen, Severity};
use super::scene::Scene;
use super::tool::Raw;

const LIMIT: Duration = Duration::from_secs(300);

/// `cargo deny check bans licenses sources`.
pub fn deny(scene: &Scene<'_>, raw: &mut Raw) -> Result<Outcome> {
    let program = scene.place.venv_program("cargo-deny");
    let version = raw.run("deny-version", LIMIT, Command::new(&program).arg("--version"))?.out;
    let mut command = Command::new(&program);
    command.args(["--format", "json", "--offline", "check", "bans", "licenses", "sources"]);
    let ran = raw.run("deny", LIMIT, command.current_dir(&scene.place.root))?;
    let mut seen = deny_verdict(&raw.read("deny.err.txt")?)?;
    if !ran.status.success() && seen.findings.is_empty() {
        bail!("cargo-deny ended with {} and named nothing", ran.status);
    }
    seen.version = second_word(&version);
    Ok(Outcome::Ran(seen))
}

/// Its lines of JSON: diagnostics, and a summary without which it has not looked.
fn deny_verdict(lines: &str) -> Result<Seen> {
    let mut seen = Seen::default();
    let mut summary = None;
    for line in lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let text =
            |pointer: &str| line.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        match text("/type").as_str() {
            "summary" => summary = line.get("fields").cloned(),
            "diagnostic" => {
                let severity = match text("/fields/severity").as_str() {
                    "error" => Severity::High,
                    "warning" => Severity::Low,
                    _ => continue,
                };
                let about = text("/fields/labels/0/span");
                let what = format!("{} {about}", text("/fields/message"));
                seen.findings.push(Finding::new(text("/fields/code"), severity, what.trim()));
            }
            _ => {}
        }
    }
    let summary = summary.context("cargo-deny gave no summary")?;
    for kind in ["bans", "licenses", "sources"] {
        let errors = summary.pointer(&format!("/{kind}/errors")).and_then(Value::as_u64);
        match errors.with_context(|| format!("cargo-deny told nothing about {kind}"))? {
            0 => seen.held.push(format!("{kind}: nothing against deny.toml")),
            _ if seen.findings.is_empty() => bail!("cargo-deny counts errors in {kind} and names none"),
            _ => {}
        }
    }
    Ok(seen)
}

/// `cargo audit` by the database that was named.
pub fn advisories(scene: &Scene<'_>, raw: &mut Raw) -> Result<Outcome> {
    let Some(database) = &scene.advisory_db else {
        return Ok(Outcome::NotRun(
            "no advisory database; name one by --advisory-db DIR or ADVISORY_DB".to_owned(),
        ));
    };
    let program = scene.place.venv_program("cargo-audit");
    let version = raw.run("advisories-version", LIMIT, Command::new(&program).arg("--version"))?.out;
    let mut command = Command::new(&program);
    command.args(["audit", "--no-fetch", "--stale", "--json", "--db"]).arg(database);
    let ran = raw.run("advisories", LIMIT, command.current_dir(&scene.place.root))?;
    let mut seen = advisories_verdict(&serde_json::from_str(&ran.out).context("cargo-audit's JSON")?)?;
    seen.version = second_word(&version);
    Ok(Outcome::Ran(seen))
}

fn advisories_verdict(told: &Value) -> Result<Seen> {
    let number = |pointer: &str| {
        told.pointer(pointer).and_then(Value::as_u64).context("cargo-audit's JSON lacks a number")
    };
    let (advisories, crates) = (number("/database/advisory-count")?, number("/lockfile/dependency-count")?);
    let mut seen = Seen::default();
    let vulnerabilities = told.pointer("/vulnerabilities/list").and_then(Value::as_array);
    for one in vulnerabilities.context("cargo-audit's JSON lacks the list")? {
        seen.findings.push(advisory(one, Severity::High));
    }
    for kind in told.get("warnings").and_then(Value::as_object).into_iter().flat_map(|kinds| kinds.values()) {
        seen.findings.extend(kind.as_array().into_iter().flatten().map(|one| advisory(one, Severity::Low)));
    }
    if advisories == 0 || crates == 0 {
        bail!("cargo-audit compared {crates} crates with {advisories} advisories");
    }
    seen.held.push(format!("{crates} crates compared with {advisories} advisories"));
    let ignored = told.pointer("/settings/ignore").and_then(Value::as_array);
    for id in ignored.into_iter().flatten().filter_map(Value::as_str) {
        seen.held.push(format!("{id}: an exception, with its reason in .cargo/audit.toml"));
    }
    Ok(seen)
}

fn advisory(one: &Value, severity: Severity) -> Finding {
    let text = |pointer: &str| one.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    // A yanked crate has no advisory.
    let id = if text("/advisory/id").is_empty() { text("/package/name") } else { text("/advisory/id") };
    let what = format!("{} {}: {}", text("/package/name"), text("/package/version"), text("/advisory/title"));
    Finding::new(id, severity, what)
}

fn second_word(line: &str) -> String {
    line.split_whitespace().nth(1).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMARY: &str =
        r#"{"fields":{"bans":{"errors":0},"licenses":{"errors":0},"sources":{"errors":0}},"type":"summary"}"#;
    const REFUSED: &str = r#"{"fields":{"code":"rejected","message":"failed to satisfy license requirements","severity":"error","labels":[{"span":"GPL-3.0"}]},"type":"diagnostic"}"#;
    const HELP: &str =
        r#"{"fields":{"code":"accepted","message":"fine","severity":"help"},"type":"diagnostic"}"#;

    /// ASVS 5.0: 15.1.2.
    #[test]
    fn a_refused_licence_is_a_finding_and_silence_is_no_pass() {
        let seen = deny_verdict(&format!("{HELP}\n{SUMMARY}\n")).unwrap();
        assert_eq!((seen.findings.len(), seen.held.len()), (0, 3));
        let refused = format!(
            "{REFUSED}\n{}",
            SUMMARY.replace(r#""licenses":{"errors":0}"#, r#""licenses":{"errors":1}"#)
        );
        let seen = deny_verdict(&refused).unwrap();
        assert_eq!((seen.findings.len(), seen.held.len()), (1, 2));
        assert_eq!(seen.findings[0].what, "failed to satisfy license requirements GPL-3.0");
        assert!(deny_verdict("").is_err());
        assert!(deny_verdict(&refused.replace(REFUSED, "")).is_err());
    }

    #[test]
    fn a_vulnerable_crate_is_a_finding_and_an_empty_database_is_no_pass() {
        let told = |list: &str, warnings: &str, advisories: u32| {
            let text = format!(
                r#"{{"database":{{"advisory-count":{advisories}}},"lockfile":{{"dependency-count":510}},"settings":{{"ignore":["RUSTSEC-2020-0001"]}},
                    "vulnerabilities":{{"list":[{list}]}},"warnings":{{{warnings}}}}}"#
            );
            advisories_verdict(&serde_json::from_str(&text).unwrap())
        };
        let one = r#"{"advisory":{"id":"RUSTSEC-2021-0001","title":"it leaks"},"package":{"name":"leaky","version":"1.0.0"}}"#;
        let clean = told("", "", 1_225).unwrap();
        assert_eq!((clean.findings.len(), clean.held.len()), (0, 2));
        let seen = told(one, &format!(r#""unmaintained":[{one}]"#), 1_225).unwrap();
        assert_eq!(
            seen.findings[0],
            Finding::new("RUSTSEC-2021-0001", Severity::High, "leaky 1.0.0: it leaks")
        );
        assert_eq!(seen.findings[1].severity, Severity::Low);
        assert!(told("", "", 0).is_err());
    }
}

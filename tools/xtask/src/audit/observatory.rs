//! The rules of Mozilla's HTTP observatory, on the pages of the demo.
//! In: what its own library fetched and judged; its command insists on port 443, so a script of ours calls the library.
//! Out: each rule that a page did not pass. Its score and mark are left out: they weigh what a private port cannot have.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::report::{Finding, Outcome, Seen, Severity};
use super::scene::Scene;
use super::session::Client;
use super::tool::Raw;

const LIMIT: Duration = Duration::from_secs(120);
/// Rules of the library's version that is locked.
const RULES: usize = 10;

/// Runs the script.
pub fn run(scene: &Scene<'_>, raw: &mut Raw) -> Result<Outcome> {
    let demo = scene.demo()?;
    let cookie = Client::new(demo)?.sign_in(demo)?;
    let mut node = Command::new("node");
    node.arg("observe.mjs").arg(demo.port.to_string()).env("SESSION", cookie);
    // Read by node before any script: the demo's root, so that the library sees a verified certificate.
    node.env("NODE_EXTRA_CA_CERTS", &demo.roots);
    let ran = raw.run(
        "observatory",
        LIMIT,
        node.current_dir(scene.place.root.join("tools/xtask/audit/observatory")),
    )?;
    if !ran.status.success() {
        bail!("the script ended with {}", ran.status);
    }
    verdict(&serde_json::from_str(&ran.out).context("the script's JSON")?).map(Outcome::Ran)
}

fn verdict(told: &Value) -> Result<Seen> {
    let text =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut seen = Seen { version: text(told, "version"), ..Seen::default() };
    let pages = told.get("pages").and_then(Value::as_array).context("no pages")?;
    if pages.is_empty() {
        bail!("no page was looked at");
    }
    for page in pages {
        let (path, status) =
            (text(page, "path"), page.get("status").and_then(Value::as_u64).unwrap_or_default());
        if status != 200 {
            bail!("{path} answered {status}");
        }
        let rules = page.get("rules").and_then(Value::as_array).context("no rules")?;
        if rules.len() != RULES {
            bail!("{} rules were tried on {path}, not {RULES}", rules.len());
        }
        for rule in rules {
            let (name, result) = (text(rule, "name"), text(rule, "result"));
            if rule.get("pass").and_then(Value::as_bool) == Some(true) {
                seen.held.push(format!("{path}: {name}: {result}"));
            } else {
                seen.findings.push(Finding::new(
                    name.clone(),
                    Severity::Medium,
                    format!("{path}: {name}: {result}"),
                ));
            }
        }
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(pass: bool, rules: usize, status: u16) -> Value {
        let rules =
            vec![json!({ "name": "content-security-policy", "result": "csp-x", "pass": pass }); rules];
        json!({ "version": "1.4.8", "pages": [{ "path": "/sign-in", "status": status, "rules": rules }] })
    }

    #[test]
    fn a_rule_that_is_not_passed_is_a_finding_and_a_page_that_was_not_judged_is_no_pass() {
        assert_eq!(verdict(&told(true, RULES, 200)).unwrap().held.len(), RULES);
        assert_eq!(verdict(&told(false, RULES, 200)).unwrap().findings.len(), RULES);
        assert!(verdict(&told(true, 9, 200)).is_err());
        assert!(verdict(&told(true, RULES, 303)).is_err());
        assert!(verdict(&json!({ "pages": [] })).is_err());
    }
}

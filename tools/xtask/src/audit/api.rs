//! schemathesis: the API against its own description, by requests that fit it and requests that do not.
//! In: the OpenAPI document of the running demo. Out: answers that differ from it, and errors of the server.
//! With a token to read, with one to read and change, and, for what no token may do, with a session.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::report::{Finding, Outcome, Seen, Severity};
use super::scene::{Demo, Scene};
use super::session::Client;
use super::tool::Raw;

const LIMIT: Duration = Duration::from_secs(1_200);

/// Somebody who asks.
struct Who {
    name: &'static str,
    /// Headers that say who.
    headers: Vec<String>,
    /// Only these operations; all where there is none.
    operations: &'static [&'static str],
}

/// With a token to read: changes are refused as the description says.
pub fn read(scene: &Scene<'_>, raw: &mut Raw) -> Result<Outcome> {
    let token = format!("Authorization: Bearer {}", scene.demo()?.token);
    run(scene, raw, &Who { name: "api-read", headers: vec![token], operations: &[] })
}

/// With a token to read and change.
pub fn write(scene: &Scene<'_>, raw: &mut Raw) -> Result<Outcome> {
    let token =
        scene.admin(&["token", "add", &scene.demo()?.email, "--name", "assessment", "--scope", "write"])?;
    let token = format!("Authorization: Bearer {}", token.trim());
    run(scene, raw, &Who { name: "api-write", headers: vec![token], operations: &[] })
}

/// With a session, for what no token may do.
pub fn session(scene: &Scene<'_>, raw: &mut Raw) -> Result<Outcome> {
    let demo = scene.demo()?;
    let cookie = format!("Cookie: {}", Client::new(demo)?.sign_in(demo)?);
    let headers = vec![cookie, format!("Origin: {}", demo.url)];
    run(
        scene,
        raw,
        &Who { name: "api-session", headers, operations: &["showNotifications", "changeNotifications"] },
    )
}

fn run(scene: &Scene<'_>, raw: &mut Raw, who: &Who) -> Result<Outcome> {
    let demo = scene.demo()?;
    let client = Client::new(demo)?;
    let document = raw.file(&format!("{}-openapi.json", who.name));
    std::fs::write(&document, client.text("/api/openapi.json", &[])?)?;
    let told = raw.file(&format!("{}.json", who.name));
    let mut command = scene.python("venv-audit", "schemathesis");
    command.arg("--config-file").arg(configuration(raw, who, demo, &client)?).arg("run").arg(&document);
    command.args([
        "--url",
        &demo.url,
        "--no-color",
        "--continue-on-failure",
        "--seed",
        "1",
        "--max-redirects",
        "0",
    ]);
    command.args(["--max-examples", &scene.budget.examples.to_string(), "--request-timeout", "20"]);
    command.args(["--generation-database", "none", "--report", "json", "--report-json-path"]).arg(&told);
    command.arg("--tls-verify").arg(&demo.roots);
    for header in &who.headers {
        command.arg("-H").arg(header);
    }
    for operation in who.operations {
        command.args(["--include-operation-id", operation]);
    }
    raw.run(who.name, LIMIT, &mut command)?;
    let text = std::fs::read_to_string(&told).context("schemathesis wrote no JSON")?;
    verdict(&serde_json::from_str(&text)?).map(Outcome::Ran)
}

/// An inverter that the account manages, so that changes reach what they change and not only its 404.
fn configuration(raw: &mut Raw, who: &Who, demo: &Demo, client: &Client) -> Result<PathBuf> {
    let authorization = format!("Bearer {}", demo.token);
    let list: Value =
        serde_json::from_str(&client.text("/api/v1/inverters", &[("authorization", &authorization)])?)?;
    let items = list.get("items").and_then(Value::as_array).context("the API lists no inverters")?;
    let managed =
        items.iter().find(|one| one.get("serial").and_then(Value::as_str) == Some(&demo.spare_serial));
    let id = managed
        .and_then(|one| one.get("id")?.as_str())
        .context("the API does not list the spare inverter")?;
    let path = raw.file(&format!("{}.toml", who.name));
    let text = format!("[parameters]\n\"path.id\" = \"{id}\"\n");
    std::fs::write(&path, if who.name == "api-write" { text.as_str() } else { "" })?;
    Ok(path)
}

fn verdict(told: &Value) -> Result<Seen> {
    let number = |pointer: &str| {
        told.pointer(pointer).and_then(Value::as_u64).context("schemathesis' JSON lacks a number")
    };
    let text =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (selected, tested) = (number("/operations/selected")?, number("/operations/tested")?);
    let cases = number("/test_cases/generated")?;
    let mut seen = Seen { version: text(told, "schemathesis_version"), ..Seen::default() };
    for failure in
        told.get("failures").and_then(Value::as_array).context("schemathesis' JSON lacks failures")?
    {
        let severity = match text(failure, "severity").as_str() {
            "critical" | "high" => Severity::High,
            "medium" => Severity::Medium,
            _ => Severity::Low,
        };
        for operation in failure.get("operations").and_then(Value::as_array).into_iter().flatten() {
            let operation = operation.as_str().unwrap_or_default();
            let id = format!("{} {operation}", text(failure, "code"));
            seen.findings.push(Finding::new(
                id,
                severity,
                format!("{}: {operation}", text(failure, "title")),
            ));
        }
    }
    for error in told.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let title = text(error, "title");
        seen.findings.push(Finding::new(
            title.clone(),
            Severity::High,
            format!("{title}: an answer broke off, or none came"),
        ));
    }
    if selected == 0 || cases < selected {
        bail!("schemathesis made {cases} cases of {selected} operations");
    }
    if tested < selected && seen.findings.is_empty() {
        bail!("schemathesis tested {tested} of {selected} operations and does not say why");
    }
    if told.get("complete").and_then(Value::as_bool) != Some(true) {
        bail!("schemathesis did not come to its end: {}", text(told, "stop_reason"));
    }
    seen.held.push(format!("{tested} operations, {cases} cases"));
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told() -> Value {
        json!({
            "schemathesis_version": "4.32.5", "complete": true, "stop_reason": "completed",
            "operations": { "selected": 15, "tested": 15 }, "test_cases": { "generated": 641 },
            "failures": [], "errors": [],
        })
    }

    fn with(pointer: &str, value: Value) -> Result<Seen> {
        let mut told = told();
        *told.pointer_mut(pointer).unwrap() = value;
        verdict(&told)
    }

    #[test]
    fn each_failure_is_a_finding_of_each_operation() {
        assert!(verdict(&told()).unwrap().findings.is_empty());
        let failure = json!([{ "code": "ST101", "title": "Server error", "severity": "critical", "operations": ["GET /a", "GET /b"] }]);
        let seen = with("/failures", failure).unwrap();
        let ids: Vec<_> =
            seen.findings.iter().map(|finding| (finding.id.as_str(), finding.severity)).collect();
        assert_eq!(ids, [("ST101 GET /a", Severity::High), ("ST101 GET /b", Severity::High)]);
        let broke = with("/errors", json!([{ "title": "Network Error", "count": 1 }])).unwrap();
        assert_eq!(broke.findings[0].id, "Network Error");
    }

    #[test]
    fn a_run_that_tested_little_or_broke_off_is_no_pass() {
        assert!(with("/operations/tested", json!(14)).is_err());
        assert!(with("/operations/selected", json!(0)).is_err());
        assert!(with("/test_cases/generated", json!(3)).is_err());
        assert!(with("/complete", json!(false)).is_err());
        assert!(with("/failures", Value::Null).is_err());
    }
}

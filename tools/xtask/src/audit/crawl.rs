//! wapiti: crawls the pages as somebody who is signed in, and attacks every address and form that it finds.
//! In: a session of the throw-away demo. Out: what it calls a weakness or an anomaly.
//! Never with a module that asks a service of its makers or downloads a list.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::report::{Finding, Outcome, Seen, Severity};
use super::scene::Scene;
use super::session::Client;
use super::tool::Raw;

/// Beside the time that it was given: its start, its report, and the requests that are under way when a module's time is up.
const MARGIN: Duration = Duration::from_secs(240);
/// Of its time so much is for finding addresses; the modules share the rest, as it bounds each by itself.
const FINDING: u64 = 3;

/// Left out: what calls a service of its makers (ssrf, log4shell, xxe), what downloads lists (nikto, wapp, htp, cms), what
/// guesses passwords, what sslyze does better (ssl), what looks for tokens in forms (csrf) where Origin and Sec-Fetch-Site decide:
/// web's table of every route and where a request comes from holds that.
const MODULES: &str = "cookieflags,csp,http_headers,redirect,crlf,exec,file,sql,timesql,ldap,xss,permanentxss,upload,\
                       backup,htaccess,methods,shellshock";

/// How it says that a module's time is up.
const CUT: &str = "Max attack time was reached for module ";

/// Would end the session, the account or never end themselves.
const AVOIDED: &[&str] = &[
    "/sign-out*",
    "/sign-in*",
    "/confirm*",
    "/live/*",
    "/me/security*",
    "/me/password*",
    "/me/address*",
    "/me/data/delete*",
    "/organizations/*/leave*",
    "/organizations/*/delete*",
    "/organizations/*/logbook/delete*",
    "/inverters/*/remove*",
];

/// Crawls and attacks.
pub fn run(scene: &Scene<'_>, raw: &mut Raw) -> Result<Outcome> {
    let demo = scene.demo()?;
    let client = Client::new(demo)?;
    let cookie = client.sign_in(demo)?;
    let told = raw.file("wapiti.json");
    // Of this run alone: one that was stopped may hold its own still.
    let store = tempfile::tempdir_in(&scene.place.target)?;
    let begin = format!("{}/fleet", demo.url);
    let (finding_s, module_s) = shares(scene.budget.crawl_s);
    let mut command = scene.python("venv-audit-wapiti", "wapiti");
    command.args(["-u", &format!("{}/", demo.url), "-s", &begin, "--scope", "folder", "-m", MODULES]);
    // `--drop-set-cookie` would take this one away too.
    command.args(["-H", &format!("Cookie: {cookie}"), "-H", &format!("Origin: {}", demo.url)]);
    command.args(["--max-scan-time", &finding_s.to_string(), "--max-attack-time", &module_s.to_string()]);
    command.args([
        "--max-links-per-page",
        "60",
        "--max-files-per-dir",
        "40",
        "--tasks",
        "4",
        "--timeout",
        "15",
    ]);
    command.args([
        "--verify-ssl",
        "0",
        "--no-bugreport",
        "--flush-session",
        "--verbose",
        "1",
        "-f",
        "json",
        "-o",
    ]);
    // Looked up at its start even without the module that would use it; left alone it would be its makers' name.
    command.arg(&told).arg("--store-session").arg(store.path()).args(["--dns-endpoint", "localhost"]);
    for path in AVOIDED {
        command.args(["-x", &format!("{}{path}", demo.url)]);
    }
    raw.run("wapiti", Duration::from_secs(scene.budget.crawl_s) + MARGIN, &mut command)?;
    let text = std::fs::read_to_string(&told).context("wapiti wrote no JSON")?;
    let seen = verdict(&serde_json::from_str(&text)?, &raw.read("wapiti.out.txt")?)?;
    // What it asked after its session had ended, nobody who is signed in has seen.
    client.text("/fleet", &[("cookie", &cookie)]).context("the session did not last to the end")?;
    Ok(Outcome::Ran(seen))
}

/// Seconds for finding addresses, and for each module.
fn shares(seconds: u64) -> (u64, u64) {
    let modules = MODULES.split(',').count() as u64;
    let finding_s = (seconds / FINDING).max(1);
    (finding_s, (seconds.saturating_sub(finding_s) / modules).max(1))
}

/// Its JSON names every weakness that it knows, also those that were not looked for; what it said meanwhile, how far it came.
fn verdict(told: &Value, said: &str) -> Result<Seen> {
    let infos = told.get("infos").context("wapiti's JSON lacks infos")?;
    let pages = infos
        .get("crawled_pages_nbr")
        .and_then(Value::as_u64)
        .context("wapiti does not tell how much it crawled")?;
    if pages < 10 {
        bail!("wapiti crawled {pages} pages, which is nobody who is signed in");
    }
    let version = infos.get("version").and_then(Value::as_str).unwrap_or_default();
    let mut seen = Seen { version: version.trim_start_matches("Wapiti ").to_owned(), ..Seen::default() };
    for kind in ["vulnerabilities", "anomalies"] {
        let categories = told
            .get(kind)
            .and_then(Value::as_object)
            .with_context(|| format!("wapiti's JSON lacks {kind}"))?;
        for (category, rows) in categories {
            let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
            seen.findings.extend(one_a_path(category, rows));
        }
    }
    let cut: Vec<&str> =
        said.lines().filter_map(|line| line.strip_prefix(CUT)?.strip_suffix(", stopping.")).collect();
    let whole: Vec<&str> = MODULES.split(',').filter(|module| !cut.contains(module)).collect();
    seen.held.push(format!("{pages} addresses and forms crawled"));
    seen.held.push(format!("tried on all of them: {}", whole.join(", ")));
    if !cut.is_empty() {
        seen.held.push(format!("tried until its time was up: {}", cut.join(", ")));
    }
    Ok(seen)
}

/// The same complaint about one path is one finding, however many parameters it was tried with.
fn one_a_path(category: &str, rows: &[Value]) -> Vec<Finding> {
    let text = |row: &Value, name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut findings: Vec<Finding> = Vec::new();
    for row in rows {
        let id = format!("{category} {} {}", text(row, "method"), text(row, "path"));
        let severity = match row.get("level").and_then(Value::as_u64) {
            Some(0 | 1) => Severity::Low,
            Some(2) => Severity::Medium,
            _ => Severity::High,
        };
        if !findings.iter().any(|finding| finding.id == id) {
            let what = format!("{}: {}", text(row, "path"), text(row, "info"));
            findings.push(Finding::new(id, severity, what.chars().take(400).collect::<String>()));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(pages: u64, rows: Value) -> Value {
        json!({
            "infos": { "crawled_pages_nbr": pages, "version": "Wapiti 3.2.3" },
            "vulnerabilities": { "SQL Injection": rows, "Open Redirect": [] }, "anomalies": {},
        })
    }

    #[test]
    fn what_it_found_is_one_finding_a_path_and_what_it_did_not_is_said() {
        let row = |parameter: &str| json!({ "method": "GET", "path": "/fleet", "info": "SQL by q", "level": 3, "parameter": parameter });
        let said = "[*] Launching module xss\nMax attack time was reached for module xss, stopping.\n";
        let seen = verdict(&told(80, json!([row("q"), row("site")])), said).unwrap();
        assert_eq!(
            seen.findings,
            [Finding::new("SQL Injection GET /fleet", Severity::High, "/fleet: SQL by q")]
        );
        assert_eq!(seen.held[0], "80 addresses and forms crawled");
        assert!(seen.held[1].starts_with("tried on all of them: cookieflags, csp,"), "{:?}", seen.held);
        assert!(!seen.held[1].contains(" xss"), "{:?}", seen.held);
        assert_eq!(seen.held[2..], ["tried until its time was up: xss"]);
    }

    #[test]
    fn it_finds_for_a_third_of_its_time_and_the_modules_share_the_rest() {
        assert_eq!(shares(600), (200, 23));
        assert_eq!(shares(0), (1, 1));
    }

    #[test]
    fn a_crawl_of_next_to_nothing_is_no_pass() {
        assert!(verdict(&told(3, json!([])), "").is_err());
        assert!(verdict(&json!({}), "").is_err());
    }
}

//! testssl.sh: writes its handshakes itself, so that it can offer what no library offers any more.
//! In: its flat JSON. Out: facts against the table below; beside them, whatever it marks worse than information.
//! Never phones out: no DNS, no CRL, no OCSP.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Door, Expected, Facts, judge};
use crate::audit::report::{Finding, Outcome, Severity};
use crate::audit::scene::Scene;
use crate::audit::tool::Raw;

const LIMIT: Duration = Duration::from_secs(900);

/// Protocols, kinds of suites, forward secrecy, preferences, certificate, headers, attacks. Its simulations of clients
/// say nothing about the server.
const COMMANDS: &[&str] = &["-p", "-s", "-f", "-P", "-S", "-h", "-U"];

/// Said of an attack that does not work, whatever the reason.
const NOT_VULNERABLE: &str = "not vulnerable";

/// What it says of a door that speaks no HTTP where it saw the demand for a certificate.
const BY_CERTIFICATE: &str = "certificate-based authentication => skipping all HTTP checks";

/// Whether it sees that demand, which TLS 1.3 tells after the handshake, depends on the moment; without it, it says the same in
/// other words, and does not look for a ticket that `TLS_session_ticket` says is not there.
const OTHER_WORDS: [(&str, &str, &str); 2] = [
    ("service", "Couldn't determine service, skipping all HTTP checks", BY_CERTIFICATE),
    ("ticketbleed", "not applicable, not HTTP", NOT_VULNERABLE),
];

/// What each door offers, by testssl.sh's own ids.
const EXPECTED: &[Expected] = &[
    Expected::both("SSLv2", "not offered", Severity::High),
    Expected::both("SSLv3", "not offered", Severity::High),
    Expected::both("TLS1", "not offered", Severity::High),
    Expected::both("TLS1_1", "not offered", Severity::High),
    Expected {
        fact: "TLS1_2",
        people: Some("not offered"),
        device: Some("offered"),
        severity: Severity::High,
    },
    Expected::both("TLS1_3", "offered with final", Severity::High),
    Expected::both("cipherlist_NULL", "not offered", Severity::High),
    Expected::both("cipherlist_aNULL", "not offered", Severity::High),
    Expected::both("cipherlist_EXPORT", "not offered", Severity::High),
    Expected::both("cipherlist_LOW", "not offered", Severity::High),
    Expected::both("cipherlist_3DES_IDEA", "not offered", Severity::High),
    Expected::both("cipherlist_AVERAGE", "not offered", Severity::High),
    Expected {
        fact: "PFS_ciphers",
        people: Some("TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256"),
        device: Some("TLS_AES_256_GCM_SHA384 ECDHE-ECDSA-AES256-GCM-SHA384"),
        severity: Severity::High,
    },
    Expected::both("PFS_ECDHE_curves", "prime256v1 secp384r1 X25519", Severity::Medium),
    Expected { fact: "ALPN_HTTP2", people: Some("h2"), device: None, severity: Severity::Low },
    Expected {
        fact: "service",
        people: Some("HTTP"),
        device: Some(BY_CERTIFICATE),
        severity: Severity::High,
    },
    Expected::both("cert_chain_of_trust", "passed.", Severity::Medium),
    Expected::both("cert_keySize", "EC 256 bits", Severity::Medium),
    Expected::both("cert_signatureAlgorithm", "ECDSA with SHA256", Severity::Medium),
    Expected::both("TLS_session_ticket", "no -- no lifetime advertised", Severity::High),
    Expected::both("sessionresumption_ticket", "not supported", Severity::High),
    Expected::both("sessionresumption_ID", "No Session ID, no resumption", Severity::High),
    Expected { fact: "X-Frame-Options", people: Some("DENY"), device: None, severity: Severity::Medium },
    Expected {
        fact: "X-Content-Type-Options",
        people: Some("nosniff"),
        device: None,
        severity: Severity::Medium,
    },
    Expected {
        fact: "banner_server",
        people: Some("No Server banner line in header, interesting!"),
        device: None,
        severity: Severity::Low,
    },
    Expected::both("heartbleed", NOT_VULNERABLE, Severity::High),
    Expected::both("CCS", NOT_VULNERABLE, Severity::High),
    Expected::both("ticketbleed", NOT_VULNERABLE, Severity::High),
    Expected::both("ROBOT", NOT_VULNERABLE, Severity::High),
    Expected::both("secure_renego", NOT_VULNERABLE, Severity::High),
    Expected::both("CRIME_TLS", NOT_VULNERABLE, Severity::High),
    Expected::both("POODLE_SSL", NOT_VULNERABLE, Severity::High),
    Expected::both("fallback_SCSV", NOT_VULNERABLE, Severity::High),
    Expected { fact: "SWEET32", people: None, device: Some(NOT_VULNERABLE), severity: Severity::High },
    Expected::both("FREAK", NOT_VULNERABLE, Severity::High),
    Expected::both("DROWN", NOT_VULNERABLE, Severity::High),
    Expected::both("LOGJAM", NOT_VULNERABLE, Severity::High),
    Expected::both("BEAST", NOT_VULNERABLE, Severity::High),
    Expected::both("LUCKY13", NOT_VULNERABLE, Severity::High),
    Expected::both("RC4", NOT_VULNERABLE, Severity::High),
];

/// Its marks that are findings, whatever they are about.
const MARKS: &[(&str, Severity)] = &[
    ("WARN", Severity::Info),
    ("LOW", Severity::Low),
    ("MEDIUM", Severity::Medium),
    ("HIGH", Severity::High),
    ("CRITICAL", Severity::High),
    ("FATAL", Severity::High),
];

/// The people's door.
pub fn people(scene: &Scene<'_>, raw: &mut Raw) -> Result<Outcome> {
    scan(scene, raw, Door::People)
}

/// The device door.
pub fn device(scene: &Scene<'_>, raw: &mut Raw) -> Result<Outcome> {
    scan(scene, raw, Door::Device)
}

fn scan(scene: &Scene<'_>, raw: &mut Raw, door: Door) -> Result<Outcome> {
    let demo = scene.demo()?;
    let name = format!("testssl-{door:?}").to_lowercase();
    let json = raw.file(&format!("{name}.json"));
    let mut command = Command::new("testssl");
    command.args(["--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1"]);
    command.args(["--connect-timeout", "5", "--openssl-timeout", "10", "--add-ca"]).arg(&demo.roots);
    command.arg("--jsonfile").arg(&json).args(COMMANDS);
    raw.run(&name, LIMIT, command.arg(format!("https://{}:{}", door.name(), demo.port)))?;
    let text = std::fs::read_to_string(&json).context("testssl.sh wrote no JSON")?;
    let mut outcome = verdict(&serde_json::from_str(&text).context("testssl.sh's JSON")?, door)?;
    if let Outcome::Ran(seen) = &mut outcome {
        seen.version = version(raw, &name)?;
    }
    Ok(outcome)
}

fn version(raw: &mut Raw, name: &str) -> Result<String> {
    let ran = raw.run(
        &format!("{name}-version"),
        LIMIT,
        Command::new("testssl").args(["--version", "--color", "0"]),
    )?;
    let line = ran.out.lines().find_map(|line| line.trim().strip_prefix("testssl.sh ").map(str::to_owned));
    Ok(line.and_then(|line| line.split_whitespace().next().map(str::to_owned)).unwrap_or_default())
}

pub(super) fn verdict(told: &Value, door: Door) -> Result<Outcome> {
    let rows: Vec<Row<'_>> =
        told.as_array().context("testssl.sh's JSON is no list")?.iter().filter_map(Row::read).collect();
    let mut seen = judge(EXPECTED, door, &facts(&rows));
    let in_table =
        |id: &str| EXPECTED.iter().any(|expected| expected.fact == id && expected.at(door).is_some());
    for row in rows.iter().filter(|row| !in_table(row.id)) {
        if let Some((_, severity)) = MARKS.iter().find(|(mark, _)| *mark == row.mark) {
            seen.findings.push(Finding::new(row.id, *severity, format!("{}: {}", row.id, row.finding)));
        }
    }
    Ok(Outcome::Ran(seen))
}

struct Row<'a> {
    id: &'a str,
    mark: &'a str,
    finding: &'a str,
}

impl<'a> Row<'a> {
    fn read(row: &'a Value) -> Option<Self> {
        let text = |name| row.get(name).and_then(Value::as_str);
        Some(Self { id: text("id")?, mark: text("severity")?, finding: text("finding")? })
    }
}

fn facts(rows: &[Row<'_>]) -> Facts {
    let mut facts = Facts::new();
    for expected in EXPECTED {
        // It may tell of one thing twice; the worse counts.
        let mut about = rows.iter().filter(|row| row.id == expected.fact);
        let Some(first) = about.next() else { continue };
        let row = about.fold(first, |worst, row| if row.mark == "OK" { worst } else { row });
        let attack = [expected.people, expected.device].contains(&Some(NOT_VULNERABLE));
        let said = if attack && row.mark == "OK" { NOT_VULNERABLE } else { row.finding };
        let same = OTHER_WORDS.iter().find(|(id, words, _)| *id == row.id && *words == said);
        let told = same.map_or(said, |(_, _, meant)| meant);
        facts.insert(expected.fact, told.to_owned());
    }
    facts
}

//! sslyze: speaks TLS by OpenSSL libraries of its own, old and new.
//! In: its JSON. Out: facts, and a verdict by the table below. Its own marks and trust stores are not asked for.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{Door, Expected, Facts, judge, listed};
use crate::audit::report::{Outcome, Severity};
use crate::audit::scene::Scene;
use crate::audit::tool::Raw;

const LIMIT: Duration = Duration::from_secs(240);

/// What is asked; nothing that needs more than the server itself.
const COMMANDS: &[&str] = &[
    "--mozilla_config=disable",
    "--sslv2",
    "--sslv3",
    "--tlsv1",
    "--tlsv1_1",
    "--tlsv1_2",
    "--tlsv1_3",
    "--elliptic_curves",
    "--certinfo",
    "--compression",
    "--early_data",
    "--reneg",
    "--resum",
    "--ems",
    "--heartbleed",
    "--openssl_ccs",
    "--robot",
];

/// Protocol versions as sslyze names them.
const PROTOCOLS: &[(&str, &str)] = &[
    ("ssl_2_0_cipher_suites", "SSL 2.0"),
    ("ssl_3_0_cipher_suites", "SSL 3.0"),
    ("tls_1_0_cipher_suites", "TLS 1.0"),
    ("tls_1_1_cipher_suites", "TLS 1.1"),
    ("tls_1_2_cipher_suites", "TLS 1.2"),
    ("tls_1_3_cipher_suites", "TLS 1.3"),
];

/// Where in its JSON each further fact stands.
const FACTS: &[(&str, &str)] = &[
    ("compression", "/tls_compression/result/supports_compression"),
    ("early data", "/tls_1_3_early_data/result/supports_early_data"),
    ("renegotiation is secure", "/session_renegotiation/result/supports_secure_renegotiation"),
    ("renegotiation by clients", "/session_renegotiation/result/is_vulnerable_to_client_renegotiation_dos"),
    ("resumption by id", "/session_resumption/result/session_id_resumption_result"),
    ("resumption by ticket", "/session_resumption/result/tls_ticket_resumption_result"),
    ("extended master secret", "/tls_extended_master_secret/result/supports_ems_extension"),
    ("heartbleed", "/heartbleed/result/is_vulnerable_to_heartbleed"),
    ("CCS injection", "/openssl_ccs_injection/result/is_vulnerable_to_ccs_injection"),
    ("ROBOT", "/robot/result/robot_result"),
];

/// What each door offers.
const EXPECTED: &[Expected] = &[
    Expected {
        fact: "protocols",
        people: Some("TLS 1.3"),
        device: Some("TLS 1.2, TLS 1.3"),
        severity: Severity::High,
    },
    Expected {
        fact: "suites",
        people: Some("TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256"),
        device: Some("TLS_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        severity: Severity::High,
    },
    Expected::both("curves", "X25519, secp256r1, secp384r1", Severity::Medium),
    Expected {
        fact: "client certificate",
        people: Some("DISABLED"),
        device: Some("REQUIRED"),
        severity: Severity::High,
    },
    Expected::both("chain", "verified by the demo's root", Severity::Medium),
    Expected::both("compression", "false", Severity::High),
    Expected::both("early data", "false", Severity::High),
    Expected {
        fact: "renegotiation by clients",
        people: None,
        device: Some("false"),
        severity: Severity::Medium,
    },
    // TLS 1.3 has neither; sslyze asks by TLS 1.2 alone.
    Expected {
        fact: "resumption by id",
        people: None,
        device: Some("NOT_SUPPORTED"),
        severity: Severity::High,
    },
    Expected {
        fact: "resumption by ticket",
        people: None,
        device: Some("NOT_SUPPORTED"),
        severity: Severity::High,
    },
    Expected {
        fact: "extended master secret",
        people: None,
        device: Some("true"),
        severity: Severity::Medium,
    },
    Expected::both("heartbleed", "false", Severity::High),
    Expected::both("CCS injection", "false", Severity::High),
    Expected::both("ROBOT", "NOT_VULNERABLE_RSA_NOT_SUPPORTED", Severity::High),
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
    let name = format!("sslyze-{door:?}").to_lowercase();
    let json = raw.file(&format!("{name}.json"));
    let mut command = scene.python("venv-audit", "sslyze");
    command.arg("--quiet").arg(format!("--json_out={}", json.display())).args(COMMANDS);
    command.arg("--certinfo_ca_file").arg(&demo.roots).arg("--sni").arg(door.name());
    command.arg(format!("{}:{}{{127.0.0.1}}", door.name(), demo.port));
    if door == Door::Device {
        command.arg("--cert").arg(&demo.device.0).arg("--key").arg(&demo.device.1);
    }
    let mut told = run(raw, &name, &json, &mut command)?;
    if door == Door::Device {
        let asked = without_certificate(scene, raw)?;
        if let Some(place) = told.pointer_mut("/server_scan_results/0/connectivity_result") {
            *place = asked;
        }
    }
    verdict(&told, door)
}

fn run(raw: &mut Raw, name: &str, json: &Path, command: &mut Command) -> Result<Value> {
    raw.run(name, LIMIT, command)?;
    let text = std::fs::read_to_string(json).context("sslyze wrote no JSON")?;
    serde_json::from_str(&text).context("sslyze's JSON")
}

/// What the door asks of somebody who shows no certificate; with one, sslyze does not find out.
fn without_certificate(scene: &Scene<'_>, raw: &mut Raw) -> Result<Value> {
    let (port, name) = (scene.demo()?.port, Door::Device.name());
    let json = raw.file("sslyze-device-without.json");
    let mut command = scene.python("venv-audit", "sslyze");
    command.args(["--quiet", "--mozilla_config=disable", "--tlsv1_3", "--sni", name]);
    command.arg(format!("--json_out={}", json.display())).arg(format!("{name}:{port}{{127.0.0.1}}"));
    let mut told = run(raw, "sslyze-device-without", &json, &mut command)?;
    told.pointer_mut("/server_scan_results/0/connectivity_result").map(Value::take).context("sslyze's JSON")
}

pub(super) fn verdict(told: &Value, door: Door) -> Result<Outcome> {
    let mut seen = judge(EXPECTED, door, &facts(told)?);
    seen.version = told.get("sslyze_version").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Outcome::Ran(seen))
}

fn facts(told: &Value) -> Result<Facts> {
    let scan = told.pointer("/server_scan_results/0").context("sslyze scanned nothing")?;
    let Some(result) = scan.get("scan_result").filter(|result| result.is_object()) else {
        bail!(
            "sslyze could not speak to the door: {}",
            scan.get("connectivity_status").unwrap_or(&Value::Null)
        );
    };
    let mut facts = Facts::new();
    let accepted = |protocol: &str| -> Option<Vec<String>> {
        let suites = result.pointer(&format!("/{protocol}/result/accepted_cipher_suites"))?.as_array()?;
        suites.iter().map(|suite| suite.pointer("/cipher_suite/name")?.as_str().map(str::to_owned)).collect()
    };
    let offered: Option<Vec<_>> =
        PROTOCOLS.iter().map(|(key, name)| accepted(key).map(|suites| (*name, suites))).collect();
    if let Some(offered) = offered {
        let protocols = offered.iter().filter(|(_, suites)| !suites.is_empty()).map(|(name, _)| *name);
        facts.insert("protocols", listed(protocols));
        facts.insert("suites", listed(offered.iter().flat_map(|(_, suites)| suites.clone())));
    }
    let curves = result.pointer("/elliptic_curves/result/supported_curves").and_then(Value::as_array);
    if let Some(curves) = curves {
        facts.insert("curves", listed(curves.iter().filter_map(|curve| curve.get("name")?.as_str())));
    }
    if let Some(asked) = scan.pointer("/connectivity_result/client_auth_requirement").and_then(Value::as_str)
    {
        facts.insert("client certificate", asked.to_owned());
    }
    facts.extend(chain(result).map(|chain| ("chain", chain)));
    for (fact, pointer) in FACTS {
        match result.pointer(pointer) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => drop(facts.insert(fact, text.clone())),
            Some(other) => drop(facts.insert(fact, other.to_string())),
        }
    }
    Ok(facts)
}

/// Whether the root that it was given vouches for the certificate, under the name that was asked for.
fn chain(result: &Value) -> Option<String> {
    let deployments = result.pointer("/certificate_info/result/certificate_deployments")?.as_array()?;
    let verified = deployments.iter().all(|deployment| {
        let validations = deployment.get("path_validation_results").and_then(Value::as_array);
        validations.into_iter().flatten().any(|one| {
            one.pointer("/trust_store/name")
                .and_then(Value::as_str)
                .is_some_and(|name| name.contains("Supplied"))
                && one.get("was_validation_successful").and_then(Value::as_bool) == Some(true)
        })
    });
    let told = if verified && !deployments.is_empty() {
        "verified by the demo's root"
    } else {
        "not verified by the demo's root"
    };
    Some(told.to_owned())
}

//! Verdicts on what the scanners really said of the demo, and on the same with one thing changed.

use serde_json::Value;

use super::{Door, sslyze, testssl};
use crate::audit::report::{Outcome, Seen};

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn seen(outcome: Outcome) -> Seen {
    match outcome {
        Outcome::Ran(seen) => seen,
        Outcome::NotRun(why) | Outcome::Broken(why) => panic!("{why}"),
    }
}

fn ids(seen: &Seen) -> Vec<&str> {
    seen.findings.iter().map(|finding| finding.id.as_str()).collect()
}

fn sslyze_of(door: Door) -> Value {
    read(match door {
        Door::People => include_str!("recorded/sslyze_people.json"),
        Door::Device => include_str!("recorded/sslyze_device.json"),
    })
}

#[test]
fn sslyze_finds_nothing_at_the_doors_as_they_are() {
    for door in [Door::People, Door::Device] {
        let seen = seen(sslyze::verdict(&sslyze_of(door), door).unwrap());
        assert_eq!(ids(&seen), Vec::<&str>::new(), "{door:?}");
        assert!(seen.held.len() >= 9, "{door:?}: {:?}", seen.held);
        assert_eq!(seen.version, "6.3.1");
    }
}

#[test]
fn each_thing_that_sslyze_sees_otherwise_is_a_finding() {
    let result = "/server_scan_results/0/scan_result";
    let suite = serde_json::json!([{ "cipher_suite": { "name": "TLS_RSA_WITH_AES_128_CBC_SHA" } }]);
    let changes: &[(&str, Value, &[&str])] = &[
        ("/tls_1_0_cipher_suites/result/accepted_cipher_suites", suite, &["protocols", "suites"]),
        ("/tls_1_0_cipher_suites/result", Value::Null, &["protocols", "suites"]),
        ("/elliptic_curves/result/supported_curves/0/name", "sect163k1".into(), &["curves"]),
        ("/tls_compression/result/supports_compression", true.into(), &["compression"]),
        ("/tls_1_3_early_data/result/supports_early_data", true.into(), &["early-data"]),
        (
            "/session_resumption/result/tls_ticket_resumption_result",
            "FULLY_SUPPORTED".into(),
            &["resumption-by-ticket"],
        ),
        ("/session_resumption/result/session_id_resumption_result", Value::Null, &["resumption-by-id"]),
        (
            "/session_renegotiation/result/is_vulnerable_to_client_renegotiation_dos",
            true.into(),
            &["renegotiation-by-clients"],
        ),
        ("/heartbleed/result/is_vulnerable_to_heartbleed", true.into(), &["heartbleed"]),
        ("/openssl_ccs_injection/result/is_vulnerable_to_ccs_injection", true.into(), &["CCS-injection"]),
        ("/robot/result/robot_result", "VULNERABLE_STRONG_ORACLE".into(), &["ROBOT"]),
        ("/certificate_info/result/certificate_deployments", Value::Array(Vec::new()), &["chain"]),
    ];
    for (pointer, value, expected) in changes {
        let mut told = sslyze_of(Door::Device);
        *told.pointer_mut(&format!("{result}{pointer}")).unwrap() = value.clone();
        let seen = seen(sslyze::verdict(&told, Door::Device).unwrap());
        assert_eq!(ids(&seen), *expected, "{pointer}");
    }
}

#[test]
fn a_device_door_that_asks_for_no_certificate_is_a_finding_and_so_is_the_other_door_in_its_place() {
    let mut told = sslyze_of(Door::Device);
    *told.pointer_mut("/server_scan_results/0/connectivity_result/client_auth_requirement").unwrap() =
        "OPTIONAL".into();
    assert_eq!(ids(&seen(sslyze::verdict(&told, Door::Device).unwrap())), ["client-certificate"]);
    assert!(seen(sslyze::verdict(&sslyze_of(Door::People), Door::Device).unwrap()).findings.len() >= 3);
}

#[test]
fn a_door_that_sslyze_did_not_reach_is_an_error_and_not_a_pass() {
    let told = read(r#"{"server_scan_results":[{"connectivity_status":"ERROR","scan_result":null}]}"#);
    assert!(sslyze::verdict(&told, Door::People).is_err());
    assert!(sslyze::verdict(&read(r#"{"server_scan_results":[]}"#), Door::People).is_err());
}

fn testssl_of(door: Door) -> Value {
    read(match door {
        Door::People => include_str!("recorded/testssl_people.json"),
        Door::Device => include_str!("recorded/testssl_device.json"),
    })
}

#[test]
fn testssl_finds_at_the_doors_what_is_accepted_and_nothing_else() {
    let people = seen(testssl::verdict(&testssl_of(Door::People), Door::People).unwrap());
    assert_eq!(ids(&people), ["engine_problem", "cert_revocation", "HTTP_status_code", "BREACH"]);
    let device = seen(testssl::verdict(&testssl_of(Door::Device), Door::Device).unwrap());
    assert_eq!(ids(&device), ["engine_problem", "cert_revocation", "secure_client_renego", "BREACH"]);
    assert!(people.held.len() > 30 && device.held.len() > 30);
}

/// As it said on 2026-11-27 of the same door.
#[test]
fn testssl_may_not_see_that_a_certificate_is_demanded() {
    let mut told = testssl_of(Door::Device);
    for (id, mark, finding) in [
        ("service", "DEBUG", "Couldn't determine service, skipping all HTTP checks"),
        ("ticketbleed", "INFO", "not applicable, not HTTP"),
    ] {
        let row = told.as_array_mut().unwrap().iter_mut().find(|row| row["id"] == id).unwrap();
        (row["severity"], row["finding"]) = (mark.into(), finding.into());
    }
    let device = seen(testssl::verdict(&told, Door::Device).unwrap());
    assert_eq!(ids(&device), ["engine_problem", "cert_revocation", "secure_client_renego", "BREACH"]);
    // Of the people's door the same words are findings: it speaks HTTP.
    let people = seen(testssl::verdict(&told, Door::People).unwrap());
    assert!(ids(&people).contains(&"service"), "{:?}", ids(&people));
}

#[test]
fn each_thing_that_testssl_sees_otherwise_is_a_finding() {
    let changes = [
        ("TLS1", "LOW", "offered (deprecated)"),
        ("TLS1_2", "OK", "not offered"),
        ("PFS_ciphers", "INFO", "TLS_AES_256_GCM_SHA384"),
        ("heartbleed", "CRITICAL", "VULNERABLE"),
        ("service", "INFO", "HTTP"),
        ("sessionresumption_ticket", "INFO", "supported"),
        ("OCSP_stapling", "LOW", "something new"),
    ];
    for (id, mark, finding) in changes {
        let mut told = testssl_of(Door::Device);
        let row = told.as_array_mut().unwrap().iter_mut().find(|row| row["id"] == id).unwrap();
        (row["severity"], row["finding"]) = (mark.into(), finding.into());
        assert!(ids(&seen(testssl::verdict(&told, Door::Device).unwrap())).contains(&id), "{id}");
        told.as_array_mut().unwrap().retain(|row| row["id"] != id);
        let gone = seen(testssl::verdict(&told, Door::Device).unwrap());
        assert_eq!(ids(&gone).contains(&id), id != "OCSP_stapling", "{id} is not told");
    }
}

#[test]
fn of_two_words_about_one_attack_the_worse_counts() {
    let mut told = testssl_of(Door::Device);
    told.as_array_mut()
        .unwrap()
        .insert(0, serde_json::json!({ "id": "CRIME_TLS", "severity": "HIGH", "finding": "VULNERABLE" }));
    let found = seen(testssl::verdict(&told, Door::Device).unwrap());
    assert!(ids(&found).contains(&"CRIME_TLS"));
}

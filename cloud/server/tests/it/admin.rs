//! The operator's commands, end to end, beside a running server.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use server::clock;
use wire::BootId;

use crate::cloud::{Bundle, Cloud, Publisher, keep_secret, needs, report};
use crate::door_setup::eventually;

const BOOT: BootId = BootId([5; 16]);

#[test]
fn a_device_is_added_and_revoked_beside_a_running_server() {
    let mut cloud = Cloud::new();
    cloud.start();
    let bundle = cloud.device("2311-00421");
    // Known within half a second; the door reads it from memory.
    let began = Instant::now();
    let mut link = loop {
        match Publisher::connect(cloud.address, &bundle) {
            Ok(link) => break link,
            Err(_) => assert!(began.elapsed() < Duration::from_secs(2), "never let in"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    link.publish(&report(BOOT, 1, clock::now())).unwrap();

    cloud.admin(&["device", "revoke", "2311-00421"]);
    let revoked = Instant::now();
    assert!(link.ack().is_err(), "the live session goes on");
    assert!(revoked.elapsed() < Duration::from_secs(1), "closed after {:?}", revoked.elapsed());
    assert!(Publisher::connect(cloud.address, &bundle).is_err(), "let in again");
    let list = cloud.admin(&["device", "list"]);
    assert!(list.contains("2311-00421") && list.contains("accepted 0 revoked 1"), "{list}");

    // A new bundle for the same inverter works, the old one stays out.
    cloud.admin(&["device", "add", "2311-00421", "--out", cloud.path("second").to_str().unwrap()]);
    std::thread::sleep(Duration::from_millis(600));
    let second = Bundle::load("2311-00421", &cloud.path("second"));
    let mut link = Publisher::connect(cloud.address, &second).unwrap();
    link.publish(&report(BOOT, 2, clock::now())).unwrap();
    assert!(Publisher::connect(cloud.address, &bundle).is_err());
    cloud.stop();
    assert_eq!(cloud.ledger().len(), 2);
}

#[test]
fn the_first_use_of_a_new_bundle_ends_the_old_one() {
    let mut cloud = Cloud::new();
    let old = cloud.device("REISSUE-1");
    cloud.admin(&["device", "add", "REISSUE-1", "--out", cloud.path("new").to_str().unwrap()]);
    let new = Bundle::load("REISSUE-1", &cloud.path("new"));
    cloud.start();
    let mut link = Publisher::connect(cloud.address, &old).unwrap();
    link.publish(&report(BOOT, 1, clock::now())).unwrap();
    let mut link = Publisher::connect(cloud.address, &new).unwrap();
    link.publish(&report(BOOT, 2, clock::now())).unwrap();
    eventually("the old one is revoked", || {
        cloud.admin(&["device", "list"]).contains("accepted 1 revoked 1")
    });
    eventually("the old one stays out", || Publisher::connect(cloud.address, &old).is_err());
    // An attempt of the old one just before may have taken the session over.
    let mut link = Publisher::connect(cloud.address, &new).unwrap();
    link.publish(&report(BOOT, 3, clock::now())).unwrap();
}

#[test]
fn a_request_made_in_the_cabinet_is_signed_and_its_key_never_seen() {
    if !needs("openssl") {
        return;
    }
    let mut cloud = Cloud::new();
    let (key, request) = (cloud.path("cabinet.key"), cloud.path("cabinet.csr"));
    let made = Command::new("openssl")
        .args(["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout"])
        .arg(&key)
        .args(["-subj", "/CN=CSR-00001", "-out"])
        .arg(&request)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let folder = cloud.path("bundle");
    let (request, out) = (request.to_str().unwrap(), folder.to_str().unwrap());
    let wrong = cloud.try_admin(&["device", "add", "CSR-00002", "--csr", request, "--out", out]);
    let text = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && text.contains("/CN=CSR-00002"), "{text}");
    assert!(!cloud.admin(&["device", "list"]).contains("CSR-00002"), "nothing is registered by a failure");
    cloud.admin(&["device", "add", "CSR-00001", "--csr", request, "--out", out]);
    assert!(!folder.join("device.key").exists());
    cloud.start();
    let bundle = Bundle::with_key("CSR-00001", &folder, PrivateKeyDer::from_pem_file(&key).unwrap());
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    link.publish(&report(BOOT, 1, clock::now())).unwrap();
    cloud.stop();
}

/// ASVS 5.0: 13.2.3.
#[test]
fn accounts_sites_grants_and_tokens() {
    let cloud = Cloud::new();
    std::fs::write(cloud.path("good"), "correct horse battery staple\n").unwrap();
    std::fs::write(cloud.path("short"), "fourteen chars\n").unwrap();
    let (good, short) = (cloud.path("good"), cloud.path("short"));
    let (good, short) = (good.to_str().unwrap(), short.to_str().unwrap());
    cloud.admin(&["account", "add", "dana@example.com", "--name", "Dana", "--password-file", good]);
    cloud.admin(&["site", "add", "Pier 4", "--time-zone", "America/Chicago"]);
    let out = cloud.path("b");
    let arguments = ["device", "add", "PIER-0001", "--site", "Pier 4", "--name", "Hall B", "--out"];
    cloud.admin(&[&arguments[..], &[out.to_str().unwrap()]].concat());
    cloud.admin(&["grant", "add", "dana@example.com", "pier-0001", "read-only"]);
    let token = cloud.admin(&["token", "add", "dana@example.com", "--name", "test"]);
    assert_eq!(token.trim_end().len(), 43, "alone on its line");

    let refused: [(&[&str], &str); 9] = [
        (&["account", "add", "dana@example.com", "--password-file", good], "exists already"),
        (&["account", "add", "luis@example.com", "--password-file", short], "at least 15"),
        (&["account", "add", "not-an-address", "--password-file", good], "not-an-address"),
        (&["site", "add", "Nowhere", "--time-zone", "Mars/Base"], "America/Chicago"),
        (&["device", "add", "PIER-0002", "--site", "Pier 5"], "admin site add"),
        (&["device", "add", "PIER_0002"], "4 to 32 of A-Z"),
        (&["device", "revoke", "PIER-0009"], "device list"),
        (&["grant", "add", "dana@example.com", "PIER-0009", "read-only"], "admin device add"),
        (&["token", "add", "nobody@example.com"], "admin account add"),
    ];
    for (arguments, expect) in refused {
        let output = cloud.try_admin(arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(expect), "{arguments:?}: {text}");
    }
}

#[test]
fn an_organization_is_made_peopled_listed_and_keeps_an_owner() {
    let cloud = Cloud::new();
    let password = cloud.path("good");
    std::fs::write(&password, "correct horse battery staple\n").unwrap();
    for email in ["dana@example.com", "luis@example.com"] {
        cloud.admin(&["account", "add", email, "--password-file", password.to_str().unwrap()]);
    }
    let made = cloud.admin(&["organization", "add", "Harborview Properties", "--owner", "dana@example.com"]);
    let (code, name) = made.trim_end().split_once(' ').unwrap();
    assert_eq!((code.len(), name), (10, "Harborview Properties"), "{made}");
    let empty = cloud.admin(&["organization", "add", "Pier 4"]);
    assert_eq!(
        cloud.admin(&["organization", "member", code, "luis@example.com", "viewer"]),
        "luis@example.com: viewer of Harborview Properties\n"
    );
    cloud.admin(&["site", "add", "Clubhouse", "--time-zone", "America/Chicago", "--organization", code]);
    cloud.admin(&["device", "add", "PIER-0001", "--out", cloud.path("b").to_str().unwrap()]);
    cloud.admin(&["grant", "add", code, "PIER-0001", "read-write"]);
    let list = cloud.admin(&["organization", "list"]);
    assert!(list.contains(&format!("{code} Harborview Properties (2 members, 1 inverters)\n")), "{list}");
    assert!(list.contains(&format!("{} (0 members, 0 inverters)\n", empty.trim_end())), "{list}");

    let member = |code, email, role| ["organization", "member", code, email, role];
    for (arguments, expect) in [
        (&member(code, "dana@example.com", "viewer")[..], "no other owner"),
        (&member("NONE222222", "luis@example.com", "owner")[..], "admin organization list"),
        (&member(code, "nobody@example.com", "owner")[..], "admin account add"),
        (&member(code, "luis@example.com", "boss")[..], "viewer, member, owner"),
        (&["organization", "add", "Nobody's", "--owner", "nobody@example.com"][..], "admin account add"),
        (
            &["site", "add", "X", "--time-zone", "UTC", "--organization", "NONE222222"][..],
            "organization list",
        ),
        (&["grant", "add", "NONE222222", "PIER-0001", "read-only"][..], "organization list"),
    ] {
        let said = refused(&cloud, arguments);
        assert!(said.contains(expect), "{arguments:?}: {said}");
    }
    // With another owner the first may be less; each act is in the log, and nothing that was refused.
    cloud.admin(&member(code, "luis@example.com", "owner"));
    cloud.admin(&member(code, "dana@example.com", "viewer"));
    let log = cloud.admin(&["audit", "list", "--area", "organizations"]);
    let acts: Vec<_> =
        ["organization.add", "member.role", "site.add"].map(|verb| log.matches(verb).count()).into();
    assert_eq!(acts, [2, 3, 1], "{log}");
}

#[test]
fn addresses_are_approved_with_who_and_how_and_removed() {
    let cloud = Cloud::new();
    let how = ["--verified-by", "R. Valdez", "--note", "order 4711", "--verified-on", "2026-01-05"];
    cloud.admin(&[&["allow", "Ann@Example.com", "--company", "Harborview"], &how[..]].concat());
    let list = cloud.admin(&["allow-list"]);
    assert_eq!(list, "ann@example.com unused \"Harborview\" 2026-01-05 \"R. Valdez\" \"order 4711\"\n");
    assert_eq!(cloud.admin(&["allow-list", "pier"]), "");
    cloud.admin(&["disallow", "ann@example.com"]);
    assert!(cloud.admin(&["allow-list", "harbor"]).starts_with("ann@example.com removed "));
    let log = cloud.admin(&["audit", "list"]);
    assert!(log.contains("verified by R. Valdez on 2026-01-05: order 4711"), "{log}");
    let refused: [(&[&str], &str); 4] = [
        (&["allow", "b@example.com", "--verified-by", "R. Valdez"], "--note"),
        (&["allow", "b@example.com", "--verified-by", " ", "--note", "x"], "next operator"),
        (
            &["allow", "b@example.com", "--verified-by", "R", "--note", "x", "--verified-on", "9999-01-01"],
            "today or earlier",
        ),
        (&["disallow", "nobody@example.com"], "not on the allow-list"),
    ];
    for (arguments, expect) in refused {
        let output = cloud.try_admin(arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(expect), "{arguments:?}: {text}");
    }
}

#[test]
fn keys_are_for_their_owner_and_nothing_is_overwritten() {
    let cloud = Cloud::new();
    for name in
        ["ca/device-ca.key", "ca/device-ca-spare.key", "ca/cloud-ca.key", "tls/people.key", "tls/device.key"]
    {
        let mode = std::fs::metadata(cloud.path("data").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let before = std::fs::read(cloud.path("data/ca/device-ca.key")).unwrap();
    let again = cloud.try_admin(&["ca", "init"]);
    let text = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && text.contains("not overwritten"), "{text}");
    assert_eq!(std::fs::read(cloud.path("data/ca/device-ca.key")).unwrap(), before);
}

#[test]
fn serve_check_names_the_file_the_key_and_what_to_do() {
    let cloud = Cloud::new();
    let check = || {
        let output = cloud.command(&["serve", "--check"]).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(check(), (true, String::new()));
    for (file, key, what) in [
        ("data/tls/people.key", "people.key", "private key"),
        ("data/tls/device.crt", "device.certificate", "--server-names"),
        ("data/ca/device-ca.crt", "device.ca", "admin ca init"),
    ] {
        let path = cloud.path(file);
        let good = std::fs::read(&path).unwrap();
        for bad in [None, Some("not PEM")] {
            match bad {
                None => std::fs::remove_file(&path).unwrap(),
                Some(text) => keep_secret(&path, text),
            }
            let (success, text) = check();
            assert!(!success && text.contains("cloud.toml"), "{text}");
            assert!(
                text.contains(&format!("`{key}`")) && text.contains(file) && text.contains(what),
                "{text}"
            );
        }
        keep_secret(&path, std::str::from_utf8(&good).unwrap());
    }
    assert!(check().0);
    let apart = cloud.command(&["serve", "--check", "--roles", "ingest,web"]).output().unwrap();
    let text = String::from_utf8(apart.stderr).unwrap();
    assert!(!apart.status.success() && text.contains("PostgreSQL"), "{text}");
    let all =
        cloud.command(&["serve", "--check", "--roles", "ingest,pipeline,notifier,web"]).output().unwrap();
    assert!(all.status.success());
}

/// ASVS 5.0: 16.4.2.
#[test]
fn the_audit_log_is_verified_and_a_changed_row_ends_with_an_error() {
    let cloud = Cloud::new();
    cloud.device("AUDIT-001");
    cloud.admin(&["device", "revoke", "AUDIT-001"]);
    let whole = cloud.admin(&["audit", "verify"]);
    let hash = whole.lines().last().unwrap().to_owned();
    assert!(whole.contains("is whole: 3 row(s), 0 with details erased") && hash.len() == 64, "{whole}");
    let list = cloud.admin(&["audit", "list", "--area", "devices"]);
    let said: Vec<_> = list.lines().map(|line| line.split_whitespace().nth(3).unwrap()).collect();
    assert_eq!(said, ["device.revoke", "device.issue", "device.register"], "{list}");
    assert!(list.lines().all(|line| line.contains("command-line") && line.contains("inverter=AUDIT-001")));
    // The hash that was noted is in the log that has grown since.
    let noted = cloud.admin(&["audit", "verify", "--expect", &hash]);
    assert!(noted.contains("that of row 3") && noted.contains("is whole: 4 row(s)"), "{noted}");
    let refused = |arguments: &[&str], expect: &str| {
        let output = cloud.try_admin(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(expect), "{arguments:?}: {text}");
    };
    refused(&["audit", "verify", "--expect", &"0".repeat(64)], "no row has the hash");
    refused(&["audit", "verify", "--expect", "12"], "64 hexadecimal digits");
    // Somebody with the file, past the database itself.
    let file = cloud.path("data/state.sqlite");
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.windows(12).position(|part| part == b"device.issue").unwrap();
    bytes[at + 11] = b'u';
    std::fs::write(&file, bytes).unwrap();
    refused(&["audit", "verify"], "row 2 was changed");
}

#[test]
fn a_label_holds_the_serial_number_and_the_address_that_adds_it() {
    let cloud = Cloud::new();
    cloud.device("LABEL-001");
    let label = cloud.admin(&["device", "label", "LABEL-001"]);
    assert!(label.starts_with("<svg") && label.contains(">LABEL-001</text>"), "{label}");
    let text = cloud.admin(&["device", "label", "label-001", "--format", "text"]);
    let address = format!("https://localhost:{}/pair?serial=LABEL-001", cloud.address.port());
    assert!(text.contains(&address) && text.contains('\u{2588}'), "{text}");
    let file = cloud.path("label.svg");
    cloud.admin(&["device", "label", "LABEL-001", "--out", file.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim_end(), label.trim_end());
    let again = cloud.try_admin(&["device", "label", "LABEL-001", "--out", file.to_str().unwrap()]);
    assert!(!again.status.success(), "nothing is overwritten");
    assert!(!cloud.try_admin(&["device", "label", "LABEL-009"]).status.success());
}

#[test]
fn operators_see_contacts_and_reports_that_could_not_be_read() {
    let mut cloud = Cloud::new();
    let bundle = cloud.device("SEEN-0001");
    cloud.start();
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    link.publish(&report(BOOT, 1, clock::now())).unwrap();
    link.publish(b"this is no report").unwrap();
    cloud.stop();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let state = store::state::StateStore::open(&cloud.path("data/state.sqlite")).await.unwrap();
        let now = clock::now();
        let device = state.devices(now).await.unwrap().remove(0);
        let contact = device.contact.unwrap();
        assert!(now.since(contact.last_contact_at) < 60_000 && contact.protocol == "MQTT 5.0", "{contact:?}");
        assert_eq!(contact.software.as_deref(), Some("test1"));
        let kept = state.quarantined(now).await.unwrap();
        assert_eq!(kept.iter().map(|row| (row.inverter, row.size)).collect::<Vec<_>>(), [(device.key, 17)]);
        assert!(!kept[0].reason.is_empty());
        state.close().await.unwrap();
    });
}

/// ASVS 5.0: 6.4.4.
#[test]
fn an_authenticator_app_is_made_once_and_its_key_is_its_owners_alone() {
    let cloud = Cloud::new();
    let password = cloud.path("password");
    std::fs::write(&password, "five unrelated words do well").unwrap();
    let password = password.to_str().unwrap();
    cloud.admin(&["account", "add", "op@x.test", "--operator", "--password-file", password]);
    let secret = cloud.admin(&["account", "totp", "op@x.test"]);
    let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).count();
    assert_eq!(letters(&secret), 32, "160 bits in base 32, alone on standard output: {secret}");
    let key = cloud.path("data/keys/factors.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(&key).unwrap();
    // The secret lies sealed: neither its letters nor its bytes are in the database.
    let database = std::fs::read(cloud.path("data/state.sqlite")).unwrap();
    let plain: String = secret.chars().filter(|letter| !letter.is_whitespace()).collect();
    assert!(!database.windows(plain.len()).any(|part| part == plain.as_bytes()));
    // Another in its place is for who was verified anew, and it is kept by whom, when and how.
    let replace = ["account", "totp", "op@x.test", "--replace"];
    let evidence =
        ["--verified-by", "Ann Bell", "--verified-on", "2026-11-02", "--how", "called 555-0119 back"];
    for (without, named) in [(0, "--verified-by"), (2, "--verified-on"), (4, "--how")] {
        let kept = [&evidence[..without], &evidence[without + 2..]].concat();
        assert!(refused(&cloud, &[&replace[..], &kept].concat()).contains(named));
        let mut empty = evidence;
        empty[without + 1] = " ";
        assert!(refused(&cloud, &[&replace[..], &empty].concat()).contains(named), "{empty:?}");
    }
    let late = ["--verified-by", "Ann Bell", "--verified-on", "2999-01-01", "--how", "in person"];
    assert!(refused(&cloud, &[&replace[..], &late].concat()).contains("today or earlier"));
    // To the first app nothing of this belongs.
    assert!(refused(&cloud, &[&replace[..3], &evidence].concat()).contains("--replace"));
    let replace = [&replace[..], &evidence].concat();
    let again = cloud.admin(&replace);
    assert_ne!(again, secret);
    let acts = cloud.admin(&["audit", "list"]);
    let kept = "verified by Ann Bell on 2026-11-02: called 555-0119 back";
    assert_eq!(acts.lines().filter(|act| act.contains(kept)).count(), 2, "{acts}");
    assert_eq!(std::fs::read(&key).unwrap(), before, "the key stays");
    assert!(refused(&cloud, &["account", "totp", "op@x.test"]).contains("--replace"));
    // Without the key nothing starts that would void what is sealed under it.
    std::fs::rename(&key, cloud.path("away")).unwrap();
    assert!(refused(&cloud, &replace).contains("factors.key"));
}

/// What standard error says of a command that must fail.
fn refused(cloud: &Cloud, arguments: &[&str]) -> String {
    let output = cloud.try_admin(arguments);
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

//! What is wrong with a cabinet's own files, in which words. Who else is refused: `hostile_network`.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::cloud::{Pki, VALID};
use crate::site::{SERIAL, Site};

#[test]
fn a_cloud_that_refuses_our_certificate_is_told_in_words() {
    let site = Site::new();
    // The device's certificate is from another authority.
    let other = Pki::new(&site.folder.path().join("other"));
    other.device(SERIAL);
    for file in ["device.crt", "device.key"] {
        std::fs::copy(other.folder.join(file), site.pki.folder.join(file)).unwrap();
    }
    let cloud = site.cloud();
    let gateway = site.gateway(cloud.address.port());
    let said = gateway.wait_for("Cannot reach", 1, 20);
    assert!(said.contains("refused the connection, probably our certificate"), "{said}");
}

fn check(site: &Site) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_inverter-gateway"))
        .args(["--check", "--config"])
        .arg(site.config(443))
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn check_explains_and_finds_what_is_wrong() {
    let mut site = Site::new();
    let (code, text) = check(&site);
    assert_eq!(code, Some(0), "{text}");
    for part in ["Everything is in order", "reading only", "AES-256 only", "64 MiB", "2100-01-01"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!site.data_dir().exists(), "a check writes nothing");
    // A key and a password that everybody may read.
    let key = site.pki.folder.join("device.key");
    let password = site.folder.path().join("proxy.txt");
    std::fs::write(&password, "user:password\n").unwrap();
    std::fs::set_permissions(&password, Permissions::from_mode(0o602)).unwrap();
    std::fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    site.more = "proxy = \"http://127.0.0.1:3128\"\nproxy_credentials = \"proxy.txt\"\n".into();
    let (code, text) = check(&site);
    assert_eq!(code, Some(78), "{text}");
    for part in ["key `cloud.key`: everybody", "chmod o= ", "key `cloud.proxy_credentials`: everybody"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    std::fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    site.more.clear();
    // Key of another certificate.
    site.pki.issue("other", "OTHER-1", &[], VALID, rcgen::ExtendedKeyUsagePurpose::ClientAuth);
    std::fs::copy(site.pki.folder.join("other.key"), site.pki.folder.join("device.key")).unwrap();
    let (code, text) = check(&site);
    assert!(code == Some(78) && text.contains("do not belong together"), "{code:?} {text}");
    // Certificate of another inverter.
    std::fs::copy(site.pki.folder.join("other.crt"), site.pki.folder.join("device.crt")).unwrap();
    let (code, text) = check(&site);
    assert!(code == Some(78) && text.contains("it names [\"OTHER-1\"], not 2311-00421"), "{code:?} {text}");
    // No port, and a file that is not there.
    site.line.path = "/dev/nowhere".into();
    std::fs::remove_file(site.pki.folder.join("cloud-ca.crt")).unwrap();
    let (code, text) = check(&site);
    assert!(
        code == Some(78) && text.contains("ls /dev/serial/by-id") && text.contains("cloud.roots"),
        "{code:?} {text}"
    );
    // An unknown key.
    site.more = "colour = \"red\"\n".into();
    let (code, text) = check(&site);
    assert!(code == Some(78) && text.contains("gateway.toml") && text.contains("colour"), "{code:?} {text}");
}

//! The rule for certificates without a clock (decision 5), for instants that a running gateway cannot be put in.

use gateway::config::{Cloud, Url};
use gateway::uplink::tls::Tls;
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use wire::UtcMs;

use crate::cloud::{Pki, VALID};

fn year(year: u32) -> UtcMs {
    UtcMs::parse_rfc3339(&format!("{year}-07-01T00:00:00Z")).unwrap()
}

#[test]
fn begin_is_ignored_end_is_held_against_the_build_and_both_are_checked_once_the_time_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(folder.path());
    pki.device("2311-00421");
    let cloud = Cloud {
        url: Url::try_from("wss://device.example".to_owned()).unwrap(),
        certificate: folder.path().join("device.crt"),
        key: folder.path().join("device.key"),
        roots: vec![folder.path().join("cloud-ca.crt")],
        proxy: None,
        proxy_credentials: None,
        server_name: None,
    };
    let built = year(2030);
    let tls = Tls::load(&cloud, built).unwrap();
    let check = |years, name: &str, now: Option<UtcMs>| {
        pki.server("server", &["device.example"], years);
        let certificate = CertificateDer::from_pem_file(folder.path().join("server.crt")).unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        tls.validity.set_time(now);
        // The system clock that rustls passes is at 1970 and must not matter.
        tls.validity
            .verify_server_cert(
                &certificate,
                &[],
                &name,
                &[],
                UnixTime::since_unix_epoch(std::time::Duration::ZERO),
            )
            .is_ok()
    };
    let name = "device.example";
    assert!(check(VALID, name, None));
    assert!(check((2040, 2050), name, None), "notBefore is ignored without a clock");
    assert!(!check((2020, 2029), name, None), "ended before the build");
    assert!(check((2020, 2031), name, None), "may have ended since the build, who knows");
    assert!(!check((2020, 2031), name, Some(year(2032))), "has ended");
    assert!(!check((2040, 2050), name, Some(year(2032))), "not valid yet");
    assert!(!check(VALID, "other.example", None), "the name is always checked");
    assert!(check(VALID, name, Some(year(2032))));
    assert!(tls.validity.check_again(year(2099)).is_ok());
    assert!(
        tls.validity.check_again(year(2101)).is_err(),
        "the chain of the last handshake, at a later time"
    );
}

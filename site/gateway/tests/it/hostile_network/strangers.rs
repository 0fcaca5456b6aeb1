//! Who is not our cloud, or not well: refused in words, with the readings kept.
//!
//! The gateway asks nobody whether the cloud's certificate was revoked: its own roots issue it, and a leaf ends
//! (SECURITY.md). Revocation is the cloud's to check, of devices; what a revoked one is told is the last of these.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, ServerConfig};

use super::{all_of, site_with, told};
use crate::cloud::{Cloud, Pki, VALID};
use crate::site::Site;

const KEPT: u64 = 300;

/// A server, given the cabinet whose roots the gateway trusts.
enum Stranger {
    /// Speaks TLS with a certificate of PKI/FILE.
    Tls(fn(&Site) -> Arc<ServerConfig>),
    /// Answers a ClientHello with these bytes.
    Bytes(fn() -> Vec<u8>),
}

use Stranger::{Bytes, Tls};

const NAME: &[&str] = &["127.0.0.1"];
const UNTRUSTED: &str = "answers with a certificate that we do not trust, issued by";
const TOO_LITTLE: &str = "it offers none of the AES-256-GCM suites";
const TOO_OLD: &str = "it offers neither TLS 1.3 nor TLS 1.2 with AES-256-GCM, and nothing less is spoken";

const STRANGERS: [(&str, Stranger, &str); 14] = [
    (
        "expired before this program was built",
        Tls(|site| shown(site, NAME, (2010, 2020))),
        "its certificate has expired",
    ),
    // Without a clock its begin is ignored; then it tells the time, and is dropped before it gets a reading.
    (
        "not yet valid at the time it tells",
        Tls(|site| shown(site, NAME, (2090, 2100))),
        "its certificate is not valid yet",
    ),
    (
        "another name",
        Tls(|site| shown(site, &["other.example"], VALID)),
        "its certificate is for another name",
    ),
    (
        "a name of which ours is a part",
        Tls(|site| shown(site, &["device.example.net"], VALID)),
        "for another name",
    ),
    ("other roots", Tls(other_roots), UNTRUSTED),
    ("other roots of the same name", Tls(same_name), UNTRUSTED),
    ("signed by itself", Tls(self_signed), UNTRUSTED),
    ("a device's certificate as a server's", Tls(device), "its certificate cannot be used (InvalidPurpose"),
    (
        "TLS 1.3 without AES-256",
        Tls(|site| suites(site, CipherSuite::TLS13_CHACHA20_POLY1305_SHA256)),
        TOO_LITTLE,
    ),
    ("TLS 1.3 with AES-128", Tls(|site| suites(site, CipherSuite::TLS13_AES_128_GCM_SHA256)), TOO_LITTLE),
    (
        "TLS 1.2 with AES-128",
        Tls(|site| suites(site, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)),
        TOO_LITTLE,
    ),
    ("TLS 1.1", Bytes(|| server_hello([3, 2], [0xc0, 0x0a], [7; 8])), TOO_OLD),
    (
        "TLS 1.2 by somebody who takes 1.3 away",
        Bytes(|| server_hello([3, 3], [0xc0, 0x2c], *b"DOWNGRD\x01")),
        "somebody on the way forces an older TLS",
    ),
    (
        "no TLS",
        Bytes(|| b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n".to_vec()),
        "what answers there does not speak TLS; a sign-in page",
    ),
];

/// ASVS 5.0: 12.1.1, 12.3.2, 12.3.4.
#[test]
fn strangers_are_refused_in_words_get_no_reading_and_cost_none() {
    let site = site_with(KEPT);
    for (who, stranger, expect) in STRANGERS {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mut gateway, cloud) = match stranger {
            Tls(config) => {
                let cloud = Cloud::with(listener, config(&site));
                (site.gateway(port), Some(cloud))
            }
            Bytes(bytes) => {
                std::thread::spawn(move || say(&listener, &bytes()));
                (site.gateway(port), None)
            }
        };
        let said = told(&gateway, KEPT, 20);
        println!("{who}: {said}");
        assert!(said.contains(expect), "{who}, not {expect:?}: {said}");
        assert!(cloud.is_none_or(|cloud| cloud.received().is_empty()), "{who} got a report");
        assert_eq!(gateway.stop(), Some(0));
    }
    for revoked in [0x87, 0] {
        let cloud = site.cloud();
        cloud.behaviour.connack.store(revoked, Ordering::Relaxed);
        let mut gateway = site.gateway(cloud.address.port());
        if revoked == 0 {
            all_of(&cloud, KEPT, 20);
        } else {
            let said = told(&gateway, KEPT, 20);
            println!("revoked device: {said}");
            assert!(
                said.contains("it does not know our certificate, or has revoked it; carry a new"),
                "{said}"
            );
            assert!(cloud.received().is_empty());
        }
        assert_eq!(gateway.stop(), Some(0));
    }
}

#[test]
fn tls_1_2_with_aes_256_is_spoken_where_the_network_knows_no_better() {
    let site = site_with(KEPT);
    let suite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = site.pki.server_config_with("server", |one| one == suite, &[&TLS12]);
    let cloud = Cloud::with(listener, config);
    let mut gateway = site.gateway(cloud.address.port());
    gateway.wait_for("(WebSocket in TLS 1.2)", 1, 10);
    all_of(&cloud, KEPT, 20);
    assert_eq!(gateway.stop(), Some(0));
}

/// A certificate from the right roots, for these names and years.
fn shown(site: &Site, names: &[&str], years: (i32, i32)) -> Arc<ServerConfig> {
    site.pki.server("shown", names, years);
    site.pki.server_config("shown")
}

fn suites(site: &Site, suite: CipherSuite) -> Arc<ServerConfig> {
    let is_13 = suite.as_str().is_some_and(|name| name.starts_with("TLS13"));
    let versions = [if is_13 { &TLS13 } else { &TLS12 }];
    site.pki.server_config_with("server", |one| one == suite, &versions)
}

fn other_roots(site: &Site) -> Arc<ServerConfig> {
    of_others(site, "other roots")
}

fn same_name(site: &Site) -> Arc<ServerConfig> {
    of_others(site, "test roots")
}

/// It takes our certificate, whoever signed that: only the gateway's own check is left.
fn of_others(site: &Site, name: &str) -> Arc<ServerConfig> {
    let other = Pki::named(&site.folder.path().join(name), name);
    other.server("server", NAME, VALID);
    served(site, &other, "server")
}

fn self_signed(site: &Site) -> Arc<ServerConfig> {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "cloud");
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(site.pki.folder.join("self.crt"), certificate.pem()).unwrap();
    std::fs::write(site.pki.folder.join("self.key"), key.serialize_pem()).unwrap();
    site.pki.server_config("self")
}

fn device(site: &Site) -> Arc<ServerConfig> {
    site.pki.issue("as-server", "cloud", NAME, VALID, ExtendedKeyUsagePurpose::ClientAuth);
    site.pki.server_config("as-server")
}

fn served(site: &Site, other: &Pki, file: &str) -> Arc<ServerConfig> {
    for end in ["crt", "key"] {
        let copy = site.pki.folder.join(format!("others.{end}"));
        std::fs::copy(other.folder.join(format!("{file}.{end}")), copy).unwrap();
    }
    site.pki.server_config("others")
}

/// A record with a ServerHello (RFC 5246, 7.4.1.3): version, suite, the last eight bytes of its random.
fn server_hello(version: [u8; 2], suite: [u8; 2], end: [u8; 8]) -> Vec<u8> {
    let body = [&version[..], &[7; 24], &end, &[0], &suite, &[0]].concat();
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
    let handshake = [&[2, 0][..], &length(&body), &body].concat();
    [&[22, 3, 3][..], &length(&handshake), &handshake].concat()
}

/// Reads a ClientHello, answers, waits until the other side has had enough.
fn say(listener: &TcpListener, bytes: &[u8]) {
    for client in listener.incoming() {
        let mut client = client.unwrap();
        let _ = client.read(&mut [0; 4096]);
        let _ = client.write_all(bytes);
        let _ = client.read_to_end(&mut Vec::new());
    }
}

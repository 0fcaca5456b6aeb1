//! Who is refused, in which words, with the data kept; and the way through a proxy.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use wire::Quantity;

use crate::cloud::{Cloud, Pki, VALID};
use crate::site::{Inverter, SERIAL, Site};

/// The gateway meets a cloud with a bad certificate, says so, keeps the reading, and delivers it to the good one.
fn refused_then_good(prepare: impl FnOnce(&Site) -> Cloud, expect: &str) {
    let site = Site::new();
    let bad = prepare(&site);
    let port = bad.address.port();
    let mut gateway = site.gateway(port);
    gateway.wait_for("is raw", 1, 10);
    site.line.write_all(&Inverter::new().frame());
    std::thread::sleep(std::time::Duration::from_millis(200));
    let tries = gateway.lines().iter().filter(|line| line.contains("Cannot reach")).count();
    let said = gateway.wait_for("Cannot reach", tries + 2, 20);
    assert!(said.contains(expect), "{said}");
    assert!(said.contains("1 reading is kept"), "{said}");
    assert_eq!(bad.received().len(), 0);
    bad.stop();
    let good = Cloud::on(TcpListener::bind(("127.0.0.1", port)).unwrap(), &site.pki, "server");
    good.wait_until("the kept reading", 60, |received| {
        received
            .iter()
            .any(|r| r.report.readings.iter().any(|x| x.sample.quantities.value(Quantity::LOAD) == Some(1)))
    });
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn a_cloud_from_other_roots_is_refused() {
    let prepare = |site: &Site| {
        let other = Pki::new(&site.folder.path().join("other"));
        other.server("server", &["127.0.0.1"], VALID);
        Cloud::start(&other, "server")
    };
    refused_then_good(prepare, "not from the cloud's roots; does something intercept TLS");
}

#[test]
fn a_cloud_with_another_name_is_refused() {
    let prepare = |site: &Site| {
        site.pki.server("wrong-name", &["other.example"], VALID);
        Cloud::start(&site.pki, "wrong-name")
    };
    refused_then_good(prepare, "certificate is for another name");
}

#[test]
fn a_cloud_whose_certificate_ended_before_this_program_was_built_is_refused_even_without_a_clock() {
    let prepare = |site: &Site| {
        site.pki.server("expired", &["127.0.0.1"], (2010, 2020));
        Cloud::start(&site.pki, "expired")
    };
    refused_then_good(prepare, "its certificate has expired");
}

#[test]
fn a_cloud_whose_certificate_is_not_valid_at_the_time_it_tells_is_dropped() {
    // Accepted without a clock (notBefore is ignored), refused once the time is known.
    let prepare = |site: &Site| {
        site.pki.server("future", &["127.0.0.1"], (2090, 2100));
        Cloud::start(&site.pki, "future")
    };
    refused_then_good(prepare, "its certificate is not valid yet");
}

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

/// An HTTP proxy that knows CONNECT alone; notes the requests.
fn proxy(credentials: Option<&'static str>) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, requests) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(Vec::new())));
    let noted = requests.clone();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let noted = noted.clone();
            std::thread::spawn(move || tunnel(client.unwrap(), credentials, &noted));
        }
    });
    (port, requests)
}

fn tunnel(mut client: TcpStream, credentials: Option<&str>, noted: &Mutex<Vec<String>>) {
    let (mut request, mut byte) = (Vec::new(), [0]);
    while !request.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).unwrap();
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).unwrap();
    let target = request.split(' ').nth(1).unwrap().to_owned();
    let allowed = credentials
        .is_none_or(|expect| request.contains(&format!("Proxy-Authorization: Basic {expect}\r\n")));
    noted.lock().unwrap().push(request);
    if !allowed {
        client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").unwrap();
        return;
    }
    let server = TcpStream::connect(target).unwrap();
    client.write_all(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n").unwrap();
    let (mut up, mut down) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (mut client, mut server) = (client, server);
    std::thread::spawn(move || std::io::copy(&mut up, &mut server));
    let _ = std::io::copy(&mut down, &mut client);
}

#[test]
fn a_proxy_is_asked_to_connect_and_nothing_goes_past_it() {
    let mut site = Site::new();
    let cloud = site.cloud();
    // base64 of gate:way
    let (port, requests) = proxy(Some("Z2F0ZTp3YXk="));
    site.more = format!("proxy = \"http://127.0.0.1:{port}\"\n");
    let mut gateway = site.gateway(cloud.address.port());
    let said = gateway.wait_for("Cannot reach", 1, 10);
    assert!(said.contains("wants a user and password") && said.contains("cloud.proxy_credentials"), "{said}");
    assert_eq!(gateway.stop(), Some(0));
    std::fs::write(site.folder.path().join("proxy.txt"), "gate:way\n").unwrap();
    site.more += "proxy_credentials = \"proxy.txt\"\n";
    let mut gateway = site.gateway(cloud.address.port());
    gateway.wait_for("Connected", 1, 10);
    site.line.write_all(&Inverter::new().frame());
    cloud.wait_until("a reading through the proxy", 10, |received| !received.is_empty());
    let wanted = format!("CONNECT 127.0.0.1:{} HTTP/1.1\r\n", cloud.address.port());
    assert!(requests.lock().unwrap().iter().all(|request| request.starts_with(&wanted)));
    assert_eq!(gateway.stop(), Some(0));
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

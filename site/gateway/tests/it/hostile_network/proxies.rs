//! Only an HTTP proxy is reachable: through it where it helps, and clear words where it does not.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use driven_clock::Driver;

use super::narrow::{shipped_rules, watch};
use super::{all_of, site_with, told};
use crate::cloud::{Cloud, now};
use crate::netns::{CLOUD, HERE, Namespace, Network};
use crate::site::Site;

/// What the proxy does after it has read a request.
#[derive(Clone, Copy)]
pub enum Manner {
    /// Connects to the cloud, wherever it is asked to.
    Tunnel,
    /// The same where the password is right.
    TunnelFor(&'static str),
    /// Says this and closes.
    Say(&'static [u8]),
    /// Says this over and over while anybody listens.
    Repeat(&'static [u8]),
    /// Says this and then nothing more, for longer than anybody waits.
    Hold(&'static [u8]),
}

/// Listens in a namespace; notes requests.
pub struct Proxy {
    pub manner: Arc<Mutex<Manner>>,
    pub requests: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub fn start(place: &Namespace, port: u16) -> Self {
        let (manner, requests) = (Arc::new(Mutex::new(Manner::Tunnel)), Arc::new(Mutex::new(Vec::new())));
        let (listener, ours) = (place.listen(port), (manner.clone(), requests.clone()));
        // A thread's threads are in its namespace.
        place.within(|| {
            std::thread::spawn(move || serve(&listener, &ours.0, &ours.1));
        });
        Self { manner, requests }
    }

    fn set(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }
}

fn serve(listener: &TcpListener, manner: &Mutex<Manner>, requests: &Arc<Mutex<Vec<String>>>) {
    for client in listener.incoming() {
        let (manner, requests) = (*manner.lock().unwrap(), requests.clone());
        std::thread::spawn(move || client.and_then(|client| answer(client, manner, &requests)));
    }
}

fn answer(mut client: TcpStream, manner: Manner, requests: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let request = head(&mut client)?;
    let is_from = |expect: &str| request.contains(&format!("Proxy-Authorization: Basic {expect}\r\n"));
    let manner = match manner {
        Manner::TunnelFor(expect) if is_from(expect) => Manner::Tunnel,
        Manner::TunnelFor(_) => Manner::Say(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
        other => other,
    };
    requests.lock().unwrap().push(request);
    match manner {
        Manner::Say(words) => client.write_all(words),
        Manner::Repeat(words) => loop {
            client.write_all(words)?;
        },
        Manner::Hold(words) => {
            client.write_all(words)?;
            client.read_to_end(&mut Vec::new()).map(drop)
        }
        Manner::Tunnel | Manner::TunnelFor(_) => {
            client.write_all(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")?;
            relay(client, TcpStream::connect((HERE, 443))?)
        }
    }
}

/// Up to the blank line.
pub fn head(client: &mut TcpStream) -> std::io::Result<String> {
    let (mut request, mut byte) = (Vec::new(), [0]);
    while !request.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    Ok(String::from_utf8(request).unwrap())
}

/// Both ways until either closes.
pub fn relay(client: TcpStream, server: TcpStream) -> std::io::Result<()> {
    let (mut up, mut down) = (client.try_clone()?, server.try_clone()?);
    let (mut client, mut server) = (client, server);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut up, &mut server);
        let _ = server.shutdown(std::net::Shutdown::Write);
    });
    std::io::copy(&mut down, &mut client).map(drop)
}

const PORT: u16 = 3128;

/// No resolver, no way but to the proxy, in rules as they are shipped.
fn cabinet(network: &Network, kept: u64) -> Site {
    network.no_names();
    network.site.nft(&shipped_rules(PORT));
    watch(&network.site, PORT);
    let mut site = site_with(kept);
    site.host = CLOUD;
    site.more = format!("proxy = \"http://{HERE}:{PORT}\"\n");
    site
}

const UNHELPFUL: [(Manner, &str); 8] = [
    (
        Manner::Say(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
        "it wants a user and password; write user:password into a file and name it in `cloud.proxy_credentials`",
    ),
    (
        Manner::Say(b"HTTP/1.1 403 Forbidden\r\n\r\n"),
        "it does not let this gateway pass; have it allow CONNECT to the cloud's name and port",
    ),
    (Manner::Say(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"), "it does not reach the cloud itself (502)"),
    (Manner::Say(b"\x1b[2J\x00\xff\xfe no proxy\r\n"), "its answer is cut off, it begins with \" [2J "),
    (
        Manner::Say(b"220 mail.example ESMTP\r\n\r\n"),
        "what answers there is no HTTP proxy, it begins with \"220 mail",
    ),
    (Manner::Say(b""), "the other side closed the connection"),
    // A code that says yes, in an answer that never ends.
    (Manner::Repeat(b"HTTP/1.1 200 OK\r\nX: y\r\n"), "its answer is longer than 8 KiB"),
    (
        Manner::Say(b"HTTP/1.1 200 OK\r\n\r\n<html>Please sign in</html>\r\n"),
        "does not speak TLS; a sign-in page",
    ),
];

#[test]
fn where_only_a_proxy_is_reachable_it_delivers_through_it_and_says_what_a_bad_one_does() {
    const KEPT: u64 = 300;
    let Some(network) = Network::new() else { return };
    let mut site = cabinet(&network, KEPT);
    let cloud = Cloud::on(network.world.listen(443), &site.pki, "server");
    let mut gateway = network.gateway(&site, 443);
    let said = told(&gateway, KEPT, 20);
    assert!(
        said.contains("the proxy 10.77.0.1:3128 does not help: it cannot be reached, connection refused"),
        "{said}"
    );
    assert_eq!(gateway.stop(), Some(0));
    let proxy = Proxy::start(&network.world, PORT);
    for (manner, expect) in UNHELPFUL {
        proxy.set(manner);
        let mut gateway = network.gateway(&site, 443);
        let said = told(&gateway, KEPT, 20);
        println!("{said}");
        assert!(said.contains(expect), "not {expect:?}: {said}");
        assert_eq!(gateway.stop(), Some(0));
    }
    assert_eq!(cloud.received().len(), 0);
    // base64 of gate:way
    proxy.set(Manner::TunnelFor("Z2F0ZTp3YXk="));
    let credentials = site.folder.path().join("proxy.txt");
    std::fs::write(&credentials, "gate:wrong\n").unwrap();
    site.more += "proxy_credentials = \"proxy.txt\"\n";
    let mut gateway = network.gateway(&site, 443);
    let said = told(&gateway, KEPT, 20);
    assert!(said.contains("it does not take the user and password of `cloud.proxy_credentials`"), "{said}");
    assert!(!said.contains("wrong"), "a secret: {said}");
    assert_eq!(gateway.stop(), Some(0));
    std::fs::write(&credentials, "gate:way\n").unwrap();
    let mut gateway = network.gateway(&site, 443);
    gateway.wait_for("Connected to device.example:443", 1, 20);
    all_of(&cloud, KEPT, 20);
    assert_eq!(gateway.stop(), Some(0));
    let requests = proxy.requests.lock().unwrap().clone();
    let wanted = "CONNECT device.example:443 HTTP/1.1\r\nHost: device.example:443\r\n";
    assert!(requests.iter().all(|request| request.starts_with(wanted)), "{requests:?}");
    let [asked, through, other] = ["names", "wanted", "other"].map(|name| network.site.packets(name));
    println!("packets of the gateway: {through} to the proxy, {asked} for names, {other} of any other kind");
    assert!(through > 50 && asked == 0 && other == 0, "{through}, {asked}, {other}");
}

#[test]
fn a_proxy_that_never_answers_is_left_after_thirty_seconds_and_is_told_of() {
    const KEPT: u64 = 20;
    let Some(network) = Network::new() else { return };
    let site = cabinet(&network, KEPT);
    let proxy = Proxy::start(&network.world, PORT);
    let clock = site.folder.path().join("clock");
    Driver::create(&clock, now()).unwrap().set_rate(20.0).unwrap();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_inverter-gateway-simulated"));
    for (manner, expect) in [
        (Manner::Hold(b""), "does not help: it takes the connection and answers nothing"),
        (Manner::Hold(b"HTTP/1.1 200 OK\r\n"), "its answer does not end, it begins with \"HTTP/1.1 200 OK\""),
        (Manner::Hold(b"HTTP/1.1 200 OK\r\n\r\n"), "device.example:443: it does not answer"),
    ] {
        proxy.set(manner);
        let begin = std::time::Instant::now();
        let mut gateway = network.gateway_with(&site, 443, binary, &["--clock", clock.to_str().unwrap()]);
        let said = told(&gateway, KEPT, 20);
        println!("after {:?}, twenty times as fast: {said}", begin.elapsed());
        assert!(said.contains(expect), "not {expect:?}: {said}");
        assert!(begin.elapsed() > Duration::from_millis(1450), "it waits 30 s");
        assert_eq!(gateway.stop(), Some(0));
    }
}

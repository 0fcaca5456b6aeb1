//! A network that lets names and port 443 out, and nothing in.

use std::io::ErrorKind;
use std::net::{TcpStream, UdpSocket};

use super::{LIVE, all_of, live_inverter, loads, site_with};
use crate::cloud::Cloud;
use crate::netns::{CLOUD, HERE, Namespace, Network, THERE, USER};

/// `deploy/inverter-gateway.nft` as it is shipped, for the user and the port of here.
pub fn shipped_rules(port: u16) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/inverter-gateway.nft");
    let text = std::fs::read_to_string(path).unwrap();
    let replaced = |text: &str, from: &str, to: &str| {
        assert_eq!(text.matches(from).count(), 1, "{from} in {path}");
        text.replace(from, to)
    };
    let text = replaced(&text, "skuid \"inverter-gateway\"", &format!("skuid {USER}"));
    replaced(&text, "define cloud_port = 443", &format!("define cloud_port = {port}"))
}

/// Counts what the gateway's user sends, before any rule refuses it.
pub fn watch(namespace: &Namespace, port: u16) {
    namespace.nft(&format!(
        "table inet watch {{
            counter names {{}}
            counter wanted {{}}
            counter other {{}}
            chain out {{
                type filter hook output priority -10; policy accept;
                meta skuid {USER} jump gateway
            }}
            chain gateway {{
                meta l4proto {{ tcp, udp }} th dport 53 counter name names accept
                ip daddr {HERE} tcp dport {port} counter name wanted accept
                counter name other
            }}
        }}"
    ));
}

#[test]
fn with_names_and_443_alone_it_delivers_tries_nothing_else_and_nothing_of_it_is_open() {
    const KEPT: u64 = 500;
    let Some(network) = Network::new() else { return };
    let names = network.names();
    let mut site = site_with(KEPT);
    site.host = CLOUD;
    let cloud = Cloud::on(network.world.listen(443), &site.pki, "server");
    network.site.nft(&shipped_rules(443));
    watch(&network.site, 443);
    let mut gateway = network.gateway(&site, 443);
    gateway.wait_for("is raw", 1, 10);
    let connected = gateway.wait_for("Connected to device.example:443 (WebSocket in TLS 1.3)", 1, 20);
    assert!(connected.contains("500 readings are kept, and sent now"), "{connected}");
    all_of(&cloud, KEPT, 20);
    // A new process asks for the name again.
    gateway.kill_child("uplink");
    gateway.wait_for("Connected", 2, 20);
    let mut inverter = live_inverter();
    site.line.write_all(&inverter.frame());
    cloud.wait_until("a live reading", 10, |received| loads(received).contains(&(LIVE + 1)));

    let scanned = std::time::Instant::now();
    let open = open_ports(&network);
    println!("65,535 TCP ports tried from the other side in {:?}: {} open", scanned.elapsed(), open.len());
    assert_eq!(open, [0_u16; 0]);
    assert_eq!(listening(&network.site), [""; 0]);
    let [asked, wanted, other] = ["names", "wanted", "other"].map(|name| network.site.packets(name));
    println!("packets of the gateway: {asked} for names, {wanted} to the cloud, {other} of any other kind");
    assert!(asked >= 2 && wanted > 10, "nothing is counted: {asked}, {wanted}");
    assert_eq!(other, 0);
    let asked = names.asked();
    assert!(asked.len() >= 2 && asked.iter().all(|name| name == CLOUD), "{asked:?}");
    assert_eq!(gateway.stop(), Some(0));
    both_would_be_seen(&network, &site);
}

/// Ports that take a connection from the other side; every other one must say no.
fn open_ports(network: &Network) -> Vec<u16> {
    network.world.within(|| {
        let is_open = |port: &u16| match TcpStream::connect((THERE, *port)) {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => false,
            Err(error) => panic!("port {port}: {error}"),
        };
        (1..=u16::MAX).filter(is_open).collect()
    })
}

/// Sockets there that wait for somebody: TCP that listens, and UDP, raw or packet sockets at all.
fn listening(namespace: &Namespace) -> Vec<String> {
    let mut found = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp", "packet"] {
        for line in namespace.proc_net(table).lines().skip(1) {
            // 0A is LISTEN.
            if !table.starts_with("tcp") || line.split_whitespace().nth(3) == Some("0A") {
                found.push(format!("{table}: {line}"));
            }
        }
    }
    found
}

/// What is asserted above goes wrong when there is something to see.
fn both_would_be_seen(network: &Network, site: &crate::site::Site) {
    let tcp = network.site.listen(40_001);
    let udp = network.site.within(|| UdpSocket::bind("0.0.0.0:40002").unwrap());
    assert_eq!(open_ports(network), [40_001]);
    assert_eq!(listening(&network.site).len(), 2);
    drop((tcp, udp));
    let _elsewhere = network.world.listen(8443);
    let hostile = std::path::Path::new(env!("CARGO_BIN_EXE_inverter-gateway-hostile"));
    let config = site.config(443);
    let attempt = ["--unsandboxed", "--process", "uplink", "--attempt", "elsewhere"];
    let elsewhere = format!("{HERE}:8443");
    let arguments =
        [&attempt[..], &["--config", config.to_str().unwrap(), "--elsewhere", &elsewhere]].concat();
    let code = network.site.try_as_gateway(site, hostile, &arguments);
    assert_ne!(code, Some(0), "the shipped rules let it connect elsewhere");
    assert!(network.site.packets("other") > 0, "a packet elsewhere is not counted");
}

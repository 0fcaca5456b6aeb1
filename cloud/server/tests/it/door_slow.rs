//! The device door under peers that are slow at every stage, and one that goes on after it was refused.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use server::config::Limits;
use server::device::{House as Rule, limits};
use wire::mqtt::{self, Connect, Filter, PacketId, Refusal, Subscribe, Version};

use crate::door_setup::{Client, Device, House, Knock, eventually};

const SECOND: Duration = Duration::from_secs(1);

/// A ClientHello for the device door, as it is on the wire.
fn client_hello(house: &House) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(house.server_roots.clone())
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut tls = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    tls.write_tls(&mut bytes).unwrap();
    bytes
}

/// Sends what there is, a piece each `pause`, until it is all sent or the server closes.
fn dribble(stream: &mut impl Write, bytes: &[u8], pause: Duration) {
    for byte in bytes {
        if stream.write_all(&[*byte]).and_then(|()| stream.flush()).is_err() {
            return;
        }
        std::thread::sleep(pause);
    }
}

/// Reads until the server closes.
fn until_closed(stream: &mut impl Read) -> usize {
    let (mut chunk, mut count) = ([0; 4096], 0);
    while let Ok(read @ 1..) = stream.read(&mut chunk) {
        count += read;
    }
    count
}

fn about(what: &str, passed: Duration, from: Duration) {
    assert!(passed + SECOND / 2 > from && passed < from + 4 * SECOND, "{what}: {passed:?}, not {from:?}");
}

fn tcp(house: &House) -> TcpStream {
    let tcp = TcpStream::connect(house.address).unwrap();
    tcp.set_read_timeout(Some(60 * SECOND)).unwrap();
    tcp
}

#[test]
fn every_stage_has_a_deadline() {
    let house = House::open();
    let devices = house.devices((0..2).map(|n| format!("SLOW-{n:04}")));
    std::thread::scope(|scope| {
        scope.spawn(|| silent(&house));
        scope.spawn(|| hello_byte_by_byte(&house));
        scope.spawn(|| half_a_handshake(&house));
        scope.spawn(|| upgrade_byte_by_byte(&house, &devices[0]));
        scope.spawn(|| publish_byte_by_byte(&house, &devices[1]));
    });
    assert_eq!(house.counters.refused(Rule::CONNECT_TIME), 4);
    assert_eq!(house.counters.refused(Refusal::KEEP_ALIVE), 1);
    eventually("every place is given back", || house.counters.totals().contains(&("connections", 0)));
}

fn silent(house: &House) {
    let start = Instant::now();
    let mut tcp = tcp(house);
    until_closed(&mut tcp);
    about("silence", start.elapsed(), limits::CONNECT_TIME);
}

fn hello_byte_by_byte(house: &House) {
    let start = Instant::now();
    let mut tcp = tcp(house);
    let hello = client_hello(house);
    dribble(&mut tcp, &hello[..60], SECOND / 4);
    until_closed(&mut tcp);
    about("ClientHello", start.elapsed(), limits::CONNECT_TIME);
}

fn half_a_handshake(house: &House) {
    let start = Instant::now();
    let mut tcp = tcp(house);
    tcp.write_all(&client_hello(house)).unwrap();
    assert!(until_closed(&mut tcp) > 500, "the server's half came");
    about("half a handshake", start.elapsed(), limits::CONNECT_TIME);
}

fn upgrade_byte_by_byte(house: &House, device: &Device) {
    let start = Instant::now();
    let mut client = Client::knock(house, &Knock { alpn: &[b"http/1.1"], ..Knock::mqtt(device) }).unwrap();
    client.stream().sock.set_read_timeout(Some(60 * SECOND)).unwrap();
    dribble(client.stream(), b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: web", SECOND / 4);
    until_closed(client.stream());
    about("WebSocket", start.elapsed(), limits::CONNECT_TIME);
}

/// Bytes are no packets: what keeps a session is a whole one.
fn publish_byte_by_byte(house: &House, device: &Device) {
    let mut client = Client::knock(house, &Knock::mqtt(device)).unwrap();
    client.connect(&Connect { keep_alive_s: 2, ..Connect::new(Version::V311, "slow") });
    let start = Instant::now();
    let topic = format!("inverters/{}/reports", device.serial);
    let packet_id = PacketId::new(1).unwrap();
    let delivery = mqtt::Delivery::AtLeastOnce { packet_id, dup: false };
    let mut packet = Vec::new();
    mqtt::Publish::new(&topic, delivery, &[b'x'; 200]).encode(Version::V311, &mut packet).unwrap();
    dribble(client.stream(), &packet[..40], SECOND / 4);
    let sent = start.elapsed();
    until_closed(client.stream());
    assert!(start.elapsed() < 12 * SECOND, "{sent:?} {:?} {:?}", start.elapsed(), house.counters.totals());
    assert!(house.stored(device).is_empty());
}

/// Asks for large answers and reads none of them: it is not read either, and cut.
#[test]
fn who_takes_no_answers_is_not_read_and_cut() {
    let rate = 1_000_000;
    let house =
        House::with_limits(Limits { reports_per_second: rate, report_burst: rate, ..Limits::default() });
    let device = house.device("A1B2-0001");
    let mut client = Client::enter(&house, &device, Version::V311);
    let filters = [Filter { filter: "a", options: 1 }; 10_000];
    let mut packet = Vec::new();
    Subscribe::encode(Version::V311, PacketId::new(9).unwrap(), &filters, &mut packet).unwrap();
    client.stream().sock.set_write_timeout(Some(3 * SECOND)).unwrap();
    let (start, mut sent) = (Instant::now(), 0);
    while client.stream().write_all(&packet).and_then(|()| client.stream().flush()).is_ok() {
        sent += packet.len();
        assert!(sent < 256 << 20, "the server reads on though nobody takes its answers");
    }
    let full = start.elapsed();
    while house.counters.refused(Rule::WRITE_STALL) == 0 {
        assert!(start.elapsed() < full + limits::WRITE_STALL + 10 * SECOND, "it is not cut");
        std::thread::sleep(SECOND / 10);
    }
    assert!(start.elapsed() > limits::WRITE_STALL, "{full:?} {:?}", start.elapsed());
}

#[test]
fn who_goes_on_after_a_refusal_is_cut() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    let mut client = Client::knock(&house, &Knock::mqtt(&device)).unwrap();
    client.stream().sock.set_write_timeout(Some(10 * SECOND)).unwrap();
    let start = Instant::now();
    let mut sent = 0;
    // The first byte is refused; a megabyte each second follows for ever.
    while client.stream().write_all(&[0x30; 16 * 1024]).and_then(|()| client.stream().flush()).is_ok() {
        sent += 16 * 1024;
        assert!(start.elapsed() < 10 * SECOND, "{sent} bytes were taken of who was refused");
        std::thread::sleep(SECOND / 64);
    }
    assert_eq!(house.counters.refused(Refusal::FIRST_NOT_CONNECT), 1);
    eventually("the place is given back", || house.counters.totals().contains(&("connections", 0)));
}

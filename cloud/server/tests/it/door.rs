//! The door by its promises: who gets in, what is acknowledged, what ends a session. Each limit at n and n + 1.

use std::time::{Duration, Instant};

use rustls::version::{TLS12, TLS13};
use server::config::Limits;
use server::device::{House as Rule, limits};
use wire::mqtt::{
    self, Connect, Filter, FromServer, PacketId, Place, Property, PropertyList, Refusal, Subscribe, Version,
    Will,
};

use crate::door_setup::{Client, House, Knock, eventually};

static ONLY_1_2: [&rustls::SupportedProtocolVersion; 1] = [&TLS12];
static ONLY_1_3: [&rustls::SupportedProtocolVersion; 1] = [&TLS13];
const BOTH: [Version; 2] = [Version::V311, Version::V5];
const PAYLOAD: &[u8] = br#"{"version":1,"readings":[]}"#;

fn puback(packet_id: u8) -> Option<Vec<u8>> {
    Some(vec![0x40, 2, 0, packet_id])
}

#[test]
fn a_report_is_acknowledged_once_it_is_stored() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    for version in BOTH {
        let mut client = Client::enter(&house, &device, version);
        let before = house.stored(&device).len();
        client.publish(&device, 7, PAYLOAD);
        assert_eq!(client.packet(), puback(7));
        assert_eq!(house.stored(&device).len(), before + 1);
        client.publish(&device, 0, PAYLOAD);
        eventually("QoS 0 is stored", || house.stored(&device).len() == before + 2);
        client.send(&[0xe0, 0]);
        assert_eq!(client.rest().as_deref(), Some(&[][..]));
    }
    assert_eq!(house.counters.refused_in_all(), 0);
}

#[test]
fn a_payload_that_is_no_report_is_acknowledged_in_its_place() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    let mut client = Client::enter(&house, &device, Version::V5);
    for (packet_id, payload) in [(1, PAYLOAD), (2, b"not a report".as_slice()), (3, PAYLOAD)] {
        client.publish(&device, packet_id, payload);
    }
    assert_eq!([client.packet(), client.packet(), client.packet()], [puback(1), puback(2), puback(3)]);
    assert_eq!(house.stored(&device).len(), 3);
}

#[test]
fn connack_of_5_0_says_what_this_server_does() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    let mut client = Client::knock(&house, &Knock::mqtt(&device)).unwrap();
    let ack = client.connect(&Connect::new(Version::V5, ""));
    let Ok(FromServer::ConnAck(ack)) = mqtt::from_server(Version::V5, &ack) else { panic!("{ack:02x?}") };
    assert!(ack.is_accepted() && !ack.session_present);
    let numbers = [
        (Property::SESSION_EXPIRY_INTERVAL, 0),
        (Property::RECEIVE_MAXIMUM, 32),
        (Property::MAXIMUM_QOS, 1),
        (Property::RETAIN_AVAILABLE, 0),
        (Property::MAXIMUM_PACKET_SIZE, 64_000),
        (Property::WILDCARD_SUBSCRIPTION_AVAILABLE, 0),
        (Property::SUBSCRIPTION_IDENTIFIERS_AVAILABLE, 0),
        (Property::SHARED_SUBSCRIPTION_AVAILABLE, 0),
        (Property::SERVER_KEEP_ALIVE, 60),
    ];
    for (property, value) in numbers {
        assert_eq!(ack.properties.number(property), Some(value), "{property:?}");
    }
    assert_eq!(ack.properties.text(Property::ASSIGNED_CLIENT_IDENTIFIER), Some("A1B2-0001"));
    let time = wire::UtcMs::parse_rfc3339(ack.server_time().unwrap()).unwrap();
    assert!(server::clock::now().since(time).abs() < 5_000);
}

#[test]
fn a_client_that_takes_only_tiny_packets_is_not_sent_a_larger_one() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    let check = |maximum: u32, accepted: bool| {
        let list = PropertyList::new().number(Property::MAXIMUM_PACKET_SIZE, maximum);
        let connect = Connect {
            properties: list.properties(Place::Connect).unwrap(),
            ..Connect::new(Version::V5, "a")
        };
        let mut client = Client::knock(&house, &Knock::mqtt(&device)).unwrap();
        let answer = client.connect(&connect);
        assert!(answer.len() <= maximum as usize, "{answer:02x?}");
        assert_eq!(answer[3] == 0, accepted, "{answer:02x?}");
        answer.len() as u32
    };
    let length = check(1_000, true);
    check(length, true);
    check(length - 1, false);
    assert_eq!(house.counters.refused(Rule::CLIENT_PACKET_LIMIT), 1);
}

/// ASVS 5.0: 3.5.4.
#[test]
fn name_and_alpn_choose_the_door() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    // Raw MQTT: by name, by IP (no name), by the people's name with ALPN mqtt, and without ALPN.
    let raw: [(&str, &[&[u8]]); 5] = [
        ("localhost", &[b"mqtt"]),
        ("127.0.0.1", &[b"x-amzn-mqtt-ca"]),
        ("people.example", &[b"mqtt"]),
        ("localhost", &[]),
        ("127.0.0.1", &[]),
    ];
    for (name, alpn) in raw {
        let knock = Knock { alpn, ..Knock::mqtt(&device) }.named(name);
        let mut client = Client::knock(&house, &knock).unwrap();
        assert_eq!(client.connect(&Connect::new(Version::V311, "a")), [0x20, 2, 0, 0], "{name}");
    }
    // The people's door answers HTTP without a certificate.
    for alpn in [&[b"http/1.1".as_slice()][..], &[]] {
        let knock = Knock { alpn, device: None, ..Knock::mqtt(&device) }.named("people.example");
        let mut client = Client::knock(&house, &knock).unwrap();
        client.send(b"GET / HTTP/1.1\r\nHost: people.example\r\nConnection: close\r\n\r\n");
        let answer = String::from_utf8(client.rest().unwrap()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("hello"), "{answer}");
    }
    // Nobody's name: an alert, and counted.
    let other = Knock { name: "other.example".try_into().unwrap(), ..Knock::mqtt(&device) };
    let error = Client::knock(&house, &other).err().unwrap();
    assert!(error.to_string().contains("UnrecognisedName"), "{error}");
    eventually("counted", || house.counters.refused(Rule::TLS_SERVER_NAME) == 1);
}

/// ASVS 5.0: 12.1.1, 12.1.2.
#[test]
fn tls_versions_and_suites_of_each_door() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    for versions in [&ONLY_1_2, &ONLY_1_3] {
        let knock = Knock { versions, ..Knock::mqtt(&device) };
        let mut client = Client::knock(&house, &knock).unwrap();
        let suite = client.stream().conn.negotiated_cipher_suite().unwrap();
        assert!(format!("{:?}", suite.suite()).contains("AES_256_GCM"), "{suite:?}");
        assert_eq!(client.connect(&Connect::new(Version::V311, "a")), [0x20, 2, 0, 0]);
    }
    let knock = Knock { versions: &ONLY_1_2, alpn: &[b"http/1.1"], device: None, ..Knock::mqtt(&device) };
    assert!(Client::knock(&house, &knock.named("people.example")).is_err());
}

/// ASVS 5.0: 4.4.1, 12.1.3, 12.3.4, 13.2.1.
#[test]
fn without_a_certificate_of_ours_nobody_gets_in() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    let other = House::open().device("A1B2-0001");
    for (versions, device) in
        [(&ONLY_1_2, None), (&ONLY_1_3, None), (&ONLY_1_2, Some(&other)), (&ONLY_1_3, Some(&other))]
    {
        let knock = Knock { versions, device, ..Knock::mqtt(&other) };
        let alert = match Client::knock(&house, &knock) {
            Err(error) => error.to_string(),
            // In TLS 1.3 a client is done before the server has looked at its certificate.
            Ok(mut client) => {
                client.send(&[0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 0]);
                assert_eq!(client.rest().as_deref(), Some(&[][..]));
                continue;
            }
        };
        assert!(alert.contains("alert"), "{alert}");
    }
    eventually("counted", || house.counters.refused(Rule::TLS_CERTIFICATE) == 4);
    Client::enter(&house, &device, Version::V5);
}

/// ASVS 5.0: 12.1.3.
#[test]
fn strangers_and_revoked_devices_are_told_so() {
    let house = House::open();
    let stranger = house.stranger("A1B2-0009");
    let revoked = house.device("A1B2-0002");
    house.revoke(&revoked);
    for device in [&stranger, &revoked] {
        for (version, code) in [(Version::V311, 5), (Version::V5, 0x87)] {
            let mut client = Client::knock(&house, &Knock::mqtt(device)).unwrap();
            let ack = client.connect(&Connect::new(version, "a"));
            assert_eq!((ack[0], ack[2], ack[3]), (0x20, 0, code), "{ack:02x?}");
            assert_eq!(client.packet(), None);
        }
    }
    assert_eq!(house.counters.refused(Rule::CERTIFICATE_UNKNOWN), 2);
    assert_eq!(house.counters.refused(Rule::CERTIFICATE_REVOKED), 2);
}

/// ASVS 5.0: 12.1.3.
#[test]
fn a_revocation_ends_the_live_session_within_a_second() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    let mut client = Client::enter(&house, &device, Version::V5);
    let start = Instant::now();
    house.revoke(&device);
    let bye = client.packet().unwrap();
    assert_eq!((bye[0], bye[2]), (0xe0, 0x87), "{bye:02x?}");
    assert_eq!(client.packet(), None);
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[test]
fn the_newer_session_wins_and_what_the_older_one_sent_is_stored() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    let mut older = Client::enter(&house, &device, Version::V5);
    older.publish(&device, 1, PAYLOAD);
    assert_eq!(older.packet(), puback(1));
    let mut newer = Client::enter(&house, &device, Version::V5);
    let bye = older.packet().unwrap();
    assert_eq!((bye[0], bye[2]), (0xe0, 0x8e), "{bye:02x?}");
    assert_eq!(older.packet(), None);
    newer.publish(&device, 1, PAYLOAD);
    assert_eq!(newer.packet(), puback(1));
    assert_eq!(house.stored(&device).len(), 2);
    let totals = house.counters.totals();
    assert!(totals.contains(&("takeovers", 1)), "{totals:?}");
    assert!(totals.contains(&("sessions", 1)), "{totals:?}");
}

#[test]
fn a_device_that_connects_too_often_waits_its_turn() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    let start = Instant::now();
    for _ in 0..limits::CONNECT_BURST {
        Client::enter(&house, &device, Version::V311);
    }
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
    Client::enter(&house, &device, Version::V311);
    assert!(start.elapsed() > Duration::from_millis(900), "{:?}", start.elapsed());
    assert!(house.counters.totals().contains(&("connects_delayed", 1)));
}

/// ASVS 5.0: 13.2.1.
#[test]
fn another_devices_topic_is_refused() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    house.device("A1B2-0002");
    let topics = [
        "inverters/A1B2-0002/reports",
        "inverters/a1b2-0001/reports",
        "inverters/A1B2-0001/reports/",
        "inverters/A1B2-0001/report",
        "inverters//reports",
        "/inverters/A1B2-0001/reports",
        "$SYS/broker/uptime",
        "t",
    ];
    for (index, topic) in topics.iter().enumerate() {
        let version = BOTH[index % 2];
        let mut client = Client::enter(&house, &device, version);
        client.publish_to(topic, 1, PAYLOAD);
        let bye = client.rest().unwrap();
        match version {
            Version::V311 => assert!(bye.is_empty(), "{bye:02x?}"),
            Version::V5 => assert_eq!((bye[0], bye[2]), (0xe0, 0x87), "{bye:02x?}"),
        }
    }
    assert_eq!(house.counters.refused(Rule::TOPIC), 8);
    assert!(house.stored(&device).is_empty());
}

#[test]
fn what_is_well_formed_and_not_served_is_refused_by_its_code() {
    let house = House::open();
    let topic = "inverters/A1B2-0001/reports";
    let will = Will { qos: 0, retain: false, properties: mqtt::Properties::EMPTY, topic, payload: b"x" };
    let device = house.device("A1B2-0001");
    for (version, code) in [(Version::V311, 5), (Version::V5, 0x83)] {
        let mut client = Client::knock(&house, &Knock::mqtt(&device)).unwrap();
        let ack = client.connect(&Connect { will: Some(will), ..Connect::new(version, "a") });
        assert_eq!((ack[0], ack[3]), (0x20, code), "{ack:02x?}");
        assert_eq!(client.packet(), None);
    }
    let check = |first: u8, rest: &[u8], code: u8, refusal: Refusal| {
        let device = house.device(&format!("B-{first:02X}{code:02X}"));
        let topic = format!("inverters/{}/reports", device.serial);
        let mut body = vec![0, topic.len() as u8];
        body.extend_from_slice(topic.as_bytes());
        body.extend_from_slice(rest);
        let mut packet = vec![first, body.len() as u8];
        packet.extend_from_slice(&body);
        let before = house.counters.refused(refusal);
        let mut client = Client::enter(&house, &device, Version::V5);
        client.send(&packet);
        let bye = client.rest().unwrap();
        assert_eq!((bye[0], bye[2]), (0xe0, code), "{bye:02x?}");
        assert_eq!(house.counters.refused(refusal), before + 1);
        assert!(house.stored(&device).is_empty());
    };
    check(0x34, &[0, 1, 0], 0x9b, Refusal::QOS_NOT_SUPPORTED);
    check(0x33, &[0, 1, 0], 0x9a, Refusal::RETAIN_NOT_SUPPORTED);
    check(0x32, &[0, 1, 3, 0x23, 0, 1], 0x94, Refusal::TOPIC_ALIAS_TOO_LARGE);
}

#[test]
fn subscribe_is_refused_filter_by_filter_and_the_session_goes_on() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    for (version, code) in [(Version::V311, 0x80), (Version::V5, 0x87)] {
        let mut client = Client::enter(&house, &device, version);
        let filters =
            ["#", "inverters/A1B2-0001/reports", "$SYS/#"].map(|filter| Filter { filter, options: 1 });
        let mut packet = Vec::new();
        Subscribe::encode(version, PacketId::new(9).unwrap(), &filters, &mut packet).unwrap();
        client.send(&packet);
        let answer = client.packet().unwrap();
        let Ok(FromServer::SubAck(ack)) = mqtt::from_server(version, &answer) else {
            panic!("{answer:02x?}")
        };
        assert_eq!((ack.packet_id.get(), ack.codes), (9, &[code; 3][..]));
        client.publish(&device, 1, PAYLOAD);
        assert_eq!(client.packet(), puback(1));
    }
    assert!(house.counters.totals().contains(&("filters_refused", 6)));
}

const UPGRADE: &str = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n\r\n";

/// One client's frame, masked with zeros.
fn web_socket_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[first, 0x80 | 126], &length[..], &[0; 4], payload].concat()
}

/// ASVS 5.0: 4.4.1.
#[test]
fn mqtt_in_a_web_socket() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    let open = |alpn: &'static [&'static [u8]]| {
        let mut client = Client::knock(&house, &Knock { alpn, ..Knock::mqtt(&device) }).unwrap();
        client.send(UPGRADE.as_bytes());
        let answer = client.header();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        client
    };
    let mut connect = Vec::new();
    Connect::new(Version::V311, "a").encode(&mut connect).unwrap();
    const HTTP: &[&[u8]] = &[b"http/1.1"];
    for alpn in [HTTP, &[]] {
        let mut client = open(alpn);
        // Packets need not be aligned with frames [MQTT-6.0.0-2].
        let (head, tail) = connect.split_at(5);
        client.send(&web_socket_frame(0x82, head));
        client.send(&[web_socket_frame(0x82, tail), web_socket_frame(0x82, &[0xc0, 0])].concat());
        assert_eq!(client.web_socket_bytes(6), [0x20, 2, 0, 0, 0xd0, 0]);
        client.send(&web_socket_frame(0x82, &[0xe0, 0]));
        client.rest().unwrap();
    }
    assert_eq!(house.counters.refused_in_all(), 0);
    // A text frame, a frame beyond 64 KiB, an unmasked one.
    let long = [&[0x82, 0x80 | 127][..], &65_537_u64.to_be_bytes(), &[0; 4]].concat();
    for bad in [web_socket_frame(0x81, &connect), long, vec![0x82, 1, 0x10]] {
        let mut client = open(&[b"http/1.1"]);
        client.send(&bad);
        let rest = client.rest().unwrap();
        assert!(!rest.contains(&0x20), "no CONNACK: {rest:02x?}");
    }
    assert_eq!(house.counters.refused(Rule::WEB_SOCKET), 3);
    // Not a WebSocket at all.
    let mut client = Client::knock(&house, &Knock { alpn: &[b"http/1.1"], ..Knock::mqtt(&device) }).unwrap();
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let answer = String::from_utf8(client.rest().unwrap()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert_eq!(house.counters.refused(Rule::HTTP_REQUEST), 1);
}

#[test]
fn a_second_connect_unsubscribe_and_auth_close() {
    let house = House::open();
    for (index, (version, packet, refusal)) in [
        (
            Version::V311,
            &[0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 0][..],
            Refusal::SECOND_CONNECT,
        ),
        (Version::V5, &[0x10, 0], Refusal::SECOND_CONNECT),
        (Version::V311, &[0xa2, 5, 0, 1, 0, 1, b'a'], Refusal::UNSUBSCRIBE),
        (Version::V5, &[0xa2, 6, 0, 1, 0, 0, 1, b'a'], Refusal::UNSUBSCRIBE),
        (Version::V5, &[0xf0, 0], Refusal::AUTH),
        (Version::V311, &[0xf0, 0], Refusal::PACKET_TYPE_RESERVED),
    ]
    .into_iter()
    .enumerate()
    {
        let device = house.device(&format!("A1B2-{index:04}"));
        let before = house.counters.refused(refusal);
        let mut client = Client::enter(&house, &device, version);
        client.send(packet);
        let bye = client.rest().unwrap();
        assert_eq!(bye.first().copied(), (version == Version::V5).then_some(0xe0), "{refusal:?} {bye:02x?}");
        assert_eq!(house.counters.refused(refusal), before + 1, "{refusal:?}");
    }
}

/// ASVS 5.0: 5.2.1.
#[test]
fn packet_size_at_n_and_n_plus_1() {
    let house = House::open();
    for version in BOTH {
        let device = house.device(if version == Version::V5 { "A1B2-0005" } else { "A1B2-0004" });
        let mut client = Client::enter(&house, &device, version);
        let properties = usize::from(version == Version::V5);
        let overhead = 1 + 3 + 2 + "inverters/A1B2-0005/reports".len() + 2 + properties;
        client.publish(&device, 1, &vec![b'x'; limits::PACKET_BYTES - overhead]);
        assert_eq!(client.packet(), puback(1));
        // Written by hand: our encoder refuses to.
        let length = limits::PACKET_BYTES + 1 - 4;
        let header = [0x32, length as u8 | 0x80, (length >> 7) as u8 | 0x80, (length >> 14) as u8];
        client.send(&header);
        let bye = client.rest().unwrap();
        assert_eq!(bye.get(2).copied(), (version == Version::V5).then_some(0x95), "{bye:02x?}");
        assert_eq!(house.stored(&device).len(), 1);
    }
    assert_eq!(house.counters.refused(Refusal::PACKET_TOO_LARGE), 2);
}

#[test]
fn connect_size_at_n_and_n_plus_1() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    let check = |length: usize| {
        let mut client = Client::knock(&house, &Knock::mqtt(&device)).unwrap();
        let name = "n".repeat(length - 1 - 2 - 10 - 2);
        let mut packet = Vec::new();
        Connect::new(Version::V311, &name).encode(&mut packet).unwrap();
        assert_eq!(packet.len(), length);
        client.send(&packet);
        client.packet()
    };
    assert_eq!(check(limits::CONNECT_BYTES), Some(vec![0x20, 2, 0, 0]));
    assert_eq!(check(limits::CONNECT_BYTES + 1), None);
    assert_eq!(house.counters.refused(Refusal::PACKET_TOO_LARGE), 1);
}

#[test]
fn user_properties_at_n_and_n_plus_1() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    let check = |properties: &[(&str, usize)], accepted: bool| {
        let list = properties.iter().fold(PropertyList::new(), |list, (name, length)| {
            list.user(name, &"v".repeat(length - name.len()))
        });
        let connect = Connect {
            properties: list.properties(Place::Connect).unwrap(),
            ..Connect::new(Version::V5, "a")
        };
        let mut client = Client::knock(&house, &Knock::mqtt(&device)).unwrap();
        let code = client.connect(&connect)[3];
        assert_eq!(code, if accepted { 0 } else { 0x97 });
    };
    check(&[("a", 2); limits::USER_PROPERTIES], true);
    check(&[("a", 2); limits::USER_PROPERTIES + 1], false);
    check(&[("a", 500), ("b", 524)], true);
    check(&[("a", 500), ("b", 525)], false);
    assert_eq!(house.counters.refused(Rule::USER_PROPERTIES), 2);
}

#[test]
fn slow_to_connect_at_n() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    let start = Instant::now();
    let mut client = Client::knock(&house, &Knock::mqtt(&device)).unwrap();
    let mut silent = std::net::TcpStream::connect(house.address).unwrap();
    // A byte each second keeps nobody's place.
    for byte in [0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4] {
        client.send(&[byte]);
        std::thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(client.packet(), None);
    let passed = start.elapsed();
    assert!(passed > limits::CONNECT_TIME - Duration::from_millis(500), "{passed:?}");
    assert!(passed < limits::CONNECT_TIME + Duration::from_secs(2), "{passed:?}");
    // The same without TLS.
    let mut byte = [0];
    assert!(matches!(std::io::Read::read(&mut silent, &mut byte), Ok(0) | Err(_)));
    eventually("both counted", || house.counters.refused(Rule::CONNECT_TIME) == 2);
}

#[test]
fn a_3_1_1_client_is_held_to_a_shorter_keep_alive() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    let mut client = Client::knock(&house, &Knock::mqtt(&device)).unwrap();
    let start = Instant::now();
    client.connect(&Connect { keep_alive_s: 2, ..Connect::new(Version::V311, "a") });
    std::thread::sleep(Duration::from_secs(2));
    client.send(&[0xc0, 0]);
    assert_eq!(client.packet(), Some(vec![0xd0, 0]));
    assert_eq!(client.packet(), None);
    let passed = start.elapsed();
    assert!(passed > Duration::from_millis(4_900) && passed < Duration::from_millis(5_800), "{passed:?}");
    assert_eq!(house.counters.refused(Refusal::KEEP_ALIVE), 1);
}

#[test]
fn reports_beyond_the_burst_wait_and_none_is_lost() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    let mut client = Client::enter(&house, &device, Version::V311);
    let start = Instant::now();
    for packet_id in 1..=limits::REPORT_BURST as u16 {
        client.publish(&device, packet_id, PAYLOAD);
        client.packet().unwrap();
    }
    let burst = start.elapsed();
    for packet_id in 1..=limits::REPORTS_PER_S as u16 {
        client.publish(&device, packet_id, PAYLOAD);
        client.packet().unwrap();
    }
    let passed = start.elapsed() - burst;
    assert!(passed > Duration::from_millis(950).saturating_sub(burst), "{burst:?} then {passed:?}");
    assert!(passed < Duration::from_millis(1_500), "{burst:?} then {passed:?}");
    assert_eq!(house.stored(&device).len(), 220);
}

#[test]
fn many_sessions_at_once_all_get_their_acknowledgements_in_order() {
    let house = House::open();
    let devices = house.devices((0..20).map(|n| format!("MANY-{n:04}")));
    std::thread::scope(|scope| {
        for device in &devices {
            scope.spawn(|| {
                let mut client = Client::enter(&house, device, Version::V5);
                for round in 0..5_u16 {
                    for n in 0..32 {
                        client.publish(device, 1 + round * 32 + n, PAYLOAD);
                    }
                    for n in 0..32 {
                        let [high, low] = (1 + round * 32 + n).to_be_bytes();
                        assert_eq!(client.packet(), Some(vec![0x40, 2, high, low]));
                    }
                }
            });
        }
    });
    for device in &devices {
        assert_eq!(house.stored(device).len(), 160);
    }
}

/// ASVS 5.0: 15.3.4.
#[test]
fn connections_in_all_and_from_one_address_are_capped() {
    let house =
        House::with_limits(Limits { connections: 99, connections_per_address: 2, ..Limits::default() });
    let device = house.device("A1B2-0001");
    let first = Client::enter(&house, &device, Version::V5);
    let second = Client::knock(&house, &Knock::mqtt(&device)).unwrap();
    assert!(Client::knock(&house, &Knock::mqtt(&device)).is_err());
    assert_eq!(house.counters.refused(Rule::CONNECTIONS_PER_ADDRESS), 1);
    drop((first, second));
    eventually("places come back", || house.counters.totals().contains(&("connections", 0)));
    Client::enter(&house, &device, Version::V5);
}

#[test]
fn a_stop_tells_every_session_and_ends_in_time() {
    let house = House::open();
    let device = house.device("A1B2-0001");
    let mut client = Client::enter(&house, &device, Version::V5);
    client.publish(&device, 1, PAYLOAD);
    let idle = Client::knock(&house, &Knock::mqtt(&device)).unwrap();
    let took = house.stop();
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert_eq!(client.packet(), puback(1));
    let bye = client.packet().unwrap();
    assert_eq!((bye[0], bye[2]), (0xe0, 0x8b), "{bye:02x?}");
    assert_eq!(client.packet(), None);
    drop(idle);
}

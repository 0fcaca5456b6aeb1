//! The MQTT codec against the rules of both specifications, against itself, and against any bytes at all.

use proptest::collection::vec;
use proptest::prelude::*;
use wire::mqtt::{
    self, ConnAck, Connect, Delivery, Disconnect, Filter, Framing, FromClient, FromServer, MAX_PACKET_BYTES,
    PacketId, Place, Properties, Property, PropertyList, PubAck, Publish, Reason, Refusal, Sender, SubAck,
    Subscribe, Version, Will,
};

use crate::mqtt_cases::cases;

/// Everything the codec says of one packet of a client.
fn decode(version: Version, bytes: &[u8]) -> Result<FromClient<'_>, Refusal> {
    match mqtt::frame(bytes, Sender::Client, MAX_PACKET_BYTES)? {
        Framing::Complete { length } if length == bytes.len() => mqtt::from_client(version, bytes),
        other => unreachable!("not one whole packet: {other:?}"),
    }
}

#[test]
fn every_forbidden_sequence_is_refused_by_the_rule_it_breaks() {
    let cases = cases("inverters/A1B2-0001/reports");
    assert!(cases.len() > 2_000, "{}", cases.len());
    assert!(cases.iter().any(|case| case.first) && cases.iter().any(|case| !case.first));
    for case in cases.iter().filter(|case| !case.session) {
        let answer = decode(case.version, &case.bytes);
        match case.refusal {
            Some(refusal) => assert_eq!(answer.err(), Some(refusal), "{}: {:02x?}", case.name, case.bytes),
            None => assert!(answer.is_err(), "{}: {:02x?} gives {answer:?}", case.name, case.bytes),
        }
    }
}

#[test]
fn every_refusal_of_a_clients_bytes_has_a_case() {
    let cases = cases("inverters/A1B2-0001/reports");
    // Not of a client's bytes: what a client refuses, what takes time, what takes several packets.
    let elsewhere = [
        Refusal::CLIENT_PACKET,
        Refusal::CONNACK_FLAGS,
        Refusal::SESSION_PRESENT_REFUSED,
        Refusal::KEEP_ALIVE,
        Refusal::PACKET_ID_IN_USE,
        Refusal::RECEIVE_MAXIMUM_EXCEEDED,
    ];
    for (index, rule) in Refusal::TABLE.iter().enumerate() {
        let covered = cases.iter().filter_map(|case| case.refusal).any(|refusal| refusal.index() == index);
        let is_elsewhere = elsewhere.iter().any(|refusal| refusal.index() == index);
        // Cut packets break this one; they name no rule.
        let is_cut = index == Refusal::TRUNCATED.index();
        assert!(covered || is_elsewhere || is_cut, "no case breaks {}", rule.name);
    }
}

#[test]
fn what_a_client_refuses_of_a_server() {
    let check = |version, bytes: &[u8], expect: Refusal| {
        let answer = mqtt::frame(bytes, Sender::Server, MAX_PACKET_BYTES)
            .and_then(|_| mqtt::from_server(version, bytes));
        assert_eq!(answer.err(), Some(expect), "{bytes:02x?}");
    };
    for version in [Version::V311, Version::V5] {
        // [MQTT-3.2.2-1], [MQTT-3.2.2-4], [MQTT-3.2.2-6]
        check(
            version,
            if version == Version::V5 { &[0x20, 3, 2, 0, 0] } else { &[0x20, 2, 2, 0] },
            Refusal::CONNACK_FLAGS,
        );
        let present: &[u8] = if version == Version::V5 { &[0x20, 3, 1, 0x87, 0] } else { &[0x20, 2, 1, 5] };
        check(version, present, Refusal::SESSION_PRESENT_REFUSED);
        check(
            version,
            if version == Version::V5 { &[0x20, 3, 0, 7, 0] } else { &[0x20, 2, 0, 6] },
            Refusal::REASON_CODE,
        );
        check(version, &[0x40, 2, 0, 0], Refusal::PACKET_ID_ZERO);
        check(version, &[0xd0, 1, 0], Refusal::PING_BODY);
        check(version, &[0x42, 2, 0, 1], Refusal::FIXED_HEADER_FLAGS);
        // Nothing that carries something to the client: the way is one way.
        for first in [0x30, 0x32, 0x34, 0x50, 0x62, 0x70, 0x82, 0xa2, 0xb0, 0xc0, 0xf0, 0x10] {
            check(version, &[first, 3, 0, 1, b'a'], Refusal::CLIENT_PACKET);
        }
    }
    check(Version::V311, &[0xe0, 0], Refusal::CLIENT_PACKET);
    check(Version::V311, &[0x90, 3, 0, 1, 3], Refusal::REASON_CODE);
    check(Version::V5, &[0x90, 4, 0, 1, 0, 3], Refusal::REASON_CODE);
    check(Version::V5, &[0x40, 3, 0, 1, 0x01], Refusal::REASON_CODE);
    check(Version::V5, &[0xe0, 1, 0x04], Refusal::REASON_CODE);
    check(Version::V5, &[0xe0, 7, 0, 5, 0x11, 0, 0, 0, 0], Refusal::PROPERTY_NOT_ALLOWED);
}

#[test]
fn what_cannot_be_received_cannot_be_sent() {
    let mut out = vec![1, 2, 3];
    let big = vec![0; MAX_PACKET_BYTES];
    let refused = [
        Publish::new("a/#", Delivery::AtMostOnce, b"").encode(Version::V5, &mut out),
        Publish::new("", Delivery::AtMostOnce, b"").encode(Version::V311, &mut out),
        Publish::new("a\u{1}", Delivery::AtMostOnce, b"").encode(Version::V311, &mut out),
        Publish::new("a", Delivery::AtMostOnce, &big).encode(Version::V5, &mut out),
        Connect { clean_start: false, ..Connect::new(Version::V311, "") }.encode(&mut out),
        Connect { password: Some(b"x"), ..Connect::new(Version::V311, "a") }.encode(&mut out),
        Subscribe::encode(Version::V5, PacketId::MIN, &[], &mut out),
        Disconnect { reason: Reason::SESSION_TAKEN_OVER, properties: Properties::EMPTY }.encode(
            Version::V5,
            Sender::Client,
            &mut out,
        ),
        ConnAck::refuse(6).encode(Version::V311, &mut out),
    ];
    let expected = [
        Refusal::TOPIC_WILDCARD,
        Refusal::TOPIC_EMPTY,
        Refusal::UTF8_CONTROL,
        Refusal::PACKET_TOO_LARGE,
        Refusal::CLIENT_ID_EMPTY,
        Refusal::PASSWORD_WITHOUT_USER_NAME,
        Refusal::SUBSCRIBE_EMPTY,
        Refusal::REASON_CODE,
        Refusal::REASON_CODE,
    ];
    assert_eq!(refused.map(Result::unwrap_err), expected);
    assert_eq!(out, [1, 2, 3], "a refused packet leaves nothing behind");
}

#[test]
fn the_largest_packet_is_64_000_bytes_in_both_directions() {
    let mut out = Vec::new();
    let overhead = 1 + 3 + 2 + 1;
    Publish::new("a", Delivery::AtMostOnce, &vec![0; MAX_PACKET_BYTES - overhead])
        .encode(Version::V311, &mut out)
        .unwrap();
    assert_eq!(out.len(), MAX_PACKET_BYTES);
    assert!(decode(Version::V311, &out).is_ok());
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V311), Just(Version::V5)]
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9äß語𪛔 ./$-]{1,20}"
}

fn delivery() -> impl Strategy<Value = Delivery> {
    (0..3_u8, 1..=u16::MAX, any::<bool>()).prop_map(|(qos, id, dup)| {
        let packet_id = PacketId::new(id).unwrap();
        match qos {
            0 => Delivery::AtMostOnce,
            1 => Delivery::AtLeastOnce { packet_id, dup },
            _ => Delivery::ExactlyOnce { packet_id, dup },
        }
    })
}

fn publish_properties() -> impl Strategy<Value = PropertyList> {
    (proptest::option::of(any::<u32>()), proptest::option::of(name()), vec((name(), name()), 0..4)).prop_map(
        |(expiry, content_type, user)| {
            let mut list = PropertyList::new();
            if let Some(expiry) = expiry {
                list = list.number(Property::MESSAGE_EXPIRY_INTERVAL, expiry);
            }
            if let Some(content_type) = &content_type {
                list = list.text(Property::CONTENT_TYPE, content_type);
            }
            user.iter().fold(list, |list, (name, value)| list.user(name, value))
        },
    )
}

fn connect_properties() -> impl Strategy<Value = PropertyList> {
    (1..=u16::MAX, 1..=u32::MAX, any::<u32>(), vec((name(), name()), 0..4)).prop_map(
        |(receive_maximum, packet, expiry, user)| {
            let list = PropertyList::new()
                .number(Property::RECEIVE_MAXIMUM, u32::from(receive_maximum))
                .number(Property::MAXIMUM_PACKET_SIZE, packet)
                .number(Property::SESSION_EXPIRY_INTERVAL, expiry);
            user.iter().fold(list, |list, (name, value)| list.user(name, value))
        },
    )
}

/// Packets of a client as bytes, all well-formed.
fn client_packets() -> impl Strategy<Value = Vec<u8>> {
    let publish =
        (version(), delivery(), any::<bool>(), name(), publish_properties(), vec(any::<u8>(), 0..300));
    publish.prop_map(|(version, delivery, retain, topic, list, payload)| {
        let mut out = Vec::new();
        let properties =
            if version == Version::V5 { list.properties(Place::Publish).unwrap() } else { Properties::EMPTY };
        Publish { retain, properties, ..Publish::new(&topic, delivery, &payload) }
            .encode(version, &mut out)
            .unwrap();
        out
    })
}

proptest! {
    #[test]
    fn publish_comes_back_as_it_went(
        version in version(), delivery in delivery(), retain: bool, topic in name(), list in publish_properties(),
        payload in vec(any::<u8>(), 0..300),
    ) {
        let properties = if version == Version::V5 { list.properties(Place::Publish).unwrap() } else { Properties::EMPTY };
        let publish = Publish { retain, properties, ..Publish::new(&topic, delivery, &payload) };
        let mut out = Vec::new();
        publish.encode(version, &mut out).unwrap();
        prop_assert_eq!(decode(version, &out), Ok(FromClient::Publish(publish)));
    }

    #[test]
    fn connect_comes_back_as_it_went(
        version in version(), clean_start: bool, keep_alive_s: u16, client_id in name(), list in connect_properties(),
        will in proptest::option::of((0..3_u8, any::<bool>(), name(), vec(any::<u8>(), 0..50))),
        user_name in proptest::option::of(name()), password in proptest::option::of(vec(any::<u8>(), 0..50)),
    ) {
        let v5 = version == Version::V5;
        let properties = if v5 { list.properties(Place::Connect).unwrap() } else { Properties::EMPTY };
        let will = will.as_ref().map(|(qos, retain, topic, payload)| Will {
            qos: *qos, retain: *retain, properties: Properties::EMPTY, topic, payload,
        });
        let password = password.as_deref().filter(|_| v5 || user_name.is_some());
        let connect = Connect {
            version, clean_start, keep_alive_s, properties, client_id: &client_id, will,
            user_name: user_name.as_deref(), password,
        };
        let mut out = Vec::new();
        connect.encode(&mut out).unwrap();
        prop_assert_eq!(decode(Version::V311, &out), Ok(FromClient::Connect(connect)));
        prop_assert_eq!(mqtt::connect_version(&out), Some(version));
    }

    #[test]
    fn subscribe_and_its_refusal_come_back_as_they_went(
        version in version(), id in 1..=u16::MAX, filters in vec(("[a-z]{1,8}(/[a-z+]){0,3}(/#)?", 0..3_u8), 1..6),
    ) {
        let filters: Vec<_> = filters.iter().map(|(filter, options)| Filter { filter, options: *options }).collect();
        let packet_id = PacketId::new(id).unwrap();
        let mut out = Vec::new();
        Subscribe::encode(version, packet_id, &filters, &mut out).unwrap();
        let Ok(FromClient::Subscribe(subscribe)) = decode(version, &out) else { panic!("{out:02x?}") };
        prop_assert_eq!(subscribe.packet_id, packet_id);
        prop_assert_eq!(subscribe.filters().collect::<Vec<_>>(), filters.clone());
        let mut answer = Vec::new();
        SubAck::refuse(&subscribe, version, &mut answer).unwrap();
        let Ok(FromServer::SubAck(ack)) = mqtt::from_server(version, &answer) else { panic!("{answer:02x?}") };
        prop_assert_eq!(ack.packet_id, packet_id);
        prop_assert_eq!(ack.codes.len(), filters.len());
        prop_assert!(ack.codes.iter().all(|code| *code >= 0x80));
    }

    #[test]
    fn a_servers_packets_come_back_as_they_went(version in version(), id in 1..=u16::MAX, user in vec((name(), name()), 0..4)) {
        let list = user.iter().fold(PropertyList::new(), |list, (name, value)| list.user(name, value));
        let v5 = version == Version::V5;
        let place = |place| if v5 { list.properties(place).unwrap() } else { Properties::EMPTY };
        let ack = ConnAck { session_present: false, code: 0, properties: place(Place::ConnAck) };
        let mut out = Vec::new();
        ack.encode(version, &mut out).unwrap();
        prop_assert_eq!(mqtt::from_server(version, &out), Ok(FromServer::ConnAck(ack)));
        let reason = if v5 { Reason::NOT_AUTHORISED } else { Reason::SUCCESS };
        let ack = PubAck { packet_id: PacketId::new(id).unwrap(), reason, properties: place(Place::PubAck) };
        out.clear();
        ack.encode(version, &mut out).unwrap();
        prop_assert_eq!(mqtt::from_server(version, &out), Ok(FromServer::PubAck(ack)));
        if v5 {
            let bye = Disconnect { reason: Reason::SESSION_TAKEN_OVER, properties: place(Place::DisconnectByServer) };
            out.clear();
            bye.encode(version, Sender::Server, &mut out).unwrap();
            prop_assert_eq!(mqtt::from_server(version, &out), Ok(FromServer::Disconnect(bye)));
        }
    }

    /// A reader that gets the bytes in pieces asks for more until the packet is whole, never too much, never differently.
    #[test]
    fn any_split_gives_the_same_packets(packets in vec(client_packets(), 1..5), cut in any::<proptest::sample::Index>()) {
        let stream = packets.concat();
        let cut = cut.index(stream.len() + 1);
        let mut found = Vec::new();
        let mut held: Vec<u8> = Vec::new();
        for piece in [&stream[..cut], &stream[cut..]] {
            held.extend_from_slice(piece);
            loop {
                match mqtt::frame(&held, Sender::Client, MAX_PACKET_BYTES).unwrap() {
                    Framing::Complete { length } => found.push(held.drain(..length).collect::<Vec<_>>()),
                    Framing::Incomplete { wanted } => {
                        prop_assert!(wanted > held.len());
                        break;
                    }
                }
            }
        }
        prop_assert_eq!(found, packets);
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..200), version in version(), sender: bool) {
        let sender = if sender { Sender::Client } else { Sender::Server };
        let _ = mqtt::frame(&bytes, sender, MAX_PACKET_BYTES);
        let _ = mqtt::from_client(version, &bytes);
        let _ = mqtt::from_server(version, &bytes);
        let _ = mqtt::connect_version(&bytes);
    }

    /// Bytes near a packet find the corners that any bytes do not.
    #[test]
    fn broken_packets_are_survived_and_what_is_accepted_is_sent_the_same(
        mut packet in client_packets(), version in version(), at in any::<proptest::sample::Index>(), byte: u8,
    ) {
        let at = at.index(packet.len());
        packet[at] = byte;
        if let Ok(FromClient::Publish(publish)) = mqtt::from_client(version, &packet) {
            let mut out = Vec::new();
            publish.encode(version, &mut out).unwrap();
            prop_assert_eq!(out, packet);
        }
    }
}

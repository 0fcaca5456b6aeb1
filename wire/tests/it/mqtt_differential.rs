//! Our codec and an independent one: what we accept it accepts, with the same fields, and writes back byte for byte.
//!
//! The other way round does not hold: `mqtt-protocol-core` accepts wrong header flags, wills of QoS 3 and control
//! characters. What it refuses and we accept is listed in [`is_known`] with the reason.

use mqtt_protocol_core::mqtt::packet::{v3_1_1, v5_0};
use proptest::prelude::*;
use wire::mqtt::{
    self, Connect, Delivery, Disconnect, Filter, FromClient, PacketId, Place, Properties, Property,
    PropertyList, Publish, Reason, Sender, Subscribe, Version, Will,
};

/// The packet as the other codec reads and writes it again.
fn other(version: Version, packet: &[u8]) -> Result<Vec<u8>, String> {
    let header = 2 + packet[1..].iter().take_while(|byte| **byte & 0x80 != 0).count();
    let (kind, flags, body) = (packet[0] >> 4, packet[0] & 15, &packet[header..]);
    macro_rules! again {
        ($parsed:expr) => {
            $parsed.map(|(packet, _)| packet.to_continuous_buffer()).map_err(|error| format!("{error:?}"))
        };
    }
    // A CONNECT says its own version.
    let version = mqtt::connect_version(packet).unwrap_or(version);
    match (version, kind) {
        (Version::V311, 1) => again!(v3_1_1::Connect::parse(body)),
        (Version::V5, 1) => again!(v5_0::Connect::parse(body)),
        (Version::V311, 3) => again!(v3_1_1::Publish::parse(flags, body.into())),
        (Version::V5, 3) => again!(v5_0::Publish::parse(flags, body.into())),
        (Version::V311, 8) => again!(v3_1_1::Subscribe::parse(body)),
        (Version::V5, 8) => again!(v5_0::Subscribe::parse(body)),
        (Version::V311, 12) => again!(v3_1_1::Pingreq::parse(body)),
        (Version::V5, 12) => again!(v5_0::Pingreq::parse(body)),
        (Version::V311, 14) => again!(v3_1_1::Disconnect::parse(body)),
        (Version::V5, 14) => again!(v5_0::Disconnect::parse(body)),
        _ => Err(format!("packet type {kind}")),
    }
}

/// Packets that we accept and the other codec does not, or does not write back alike.
fn is_known(packet: &FromClient<'_>) -> bool {
    match packet {
        // It refuses a 5.0 password without a user name, which 5.0 allows (v5.0 §3.1.2.9, a change from 3.1.1).
        FromClient::Connect(connect) => connect.password.is_some() && connect.user_name.is_none(),
        _ => false,
    }
}

/// Compares, if we accept. Says whether we did.
fn compare(version: Version, packet: &[u8]) -> bool {
    let Ok(ours) = mqtt::from_client(version, packet) else { return false };
    match other(version, packet) {
        Ok(again) if again == packet => compare_fields(version, &ours, packet),
        answer => assert!(is_known(&ours), "{version:?} {packet:02x?}\nours  {ours:?}\nother {answer:02x?}"),
    }
    true
}

/// The fields of the two packets that carry anything, one by one.
fn compare_fields(version: Version, ours: &FromClient<'_>, packet: &[u8]) {
    let header = 2 + packet[1..].iter().take_while(|byte| **byte & 0x80 != 0).count();
    let (flags, body) = (packet[0] & 15, &packet[header..]);
    macro_rules! publish {
        ($module:ident, $ours:expr) => {{
            let (theirs, _) = $module::Publish::parse(flags, body.into()).unwrap();
            assert_eq!($ours.topic, theirs.topic_name());
            assert_eq!($ours.delivery.packet_id().map(PacketId::get), theirs.packet_id());
            assert_eq!($ours.retain, theirs.retain());
            assert_eq!($ours.payload, theirs.payload().as_slice());
        }};
    }
    macro_rules! connect {
        ($module:ident, $ours:expr) => {{
            let (theirs, _) = $module::Connect::parse(body).unwrap();
            assert_eq!($ours.client_id, theirs.client_id());
            assert_eq!($ours.keep_alive_s, theirs.keep_alive());
            assert_eq!($ours.clean_start, theirs.clean_start());
            assert_eq!($ours.user_name, theirs.user_name());
            assert_eq!($ours.password, theirs.password());
            assert_eq!($ours.will.map(|will| will.topic), theirs.will_topic());
            assert_eq!($ours.will.map(|will| will.payload), theirs.will_payload());
            assert_eq!($ours.will.map_or(0, |will| will.qos), theirs.will_qos() as u8);
        }};
    }
    match (ours, version) {
        (FromClient::Publish(ours), Version::V311) => publish!(v3_1_1, ours),
        (FromClient::Publish(ours), Version::V5) => publish!(v5_0, ours),
        (FromClient::Connect(ours), _) if ours.version == Version::V311 => connect!(v3_1_1, ours),
        (FromClient::Connect(ours), _) => connect!(v5_0, ours),
        _ => {}
    }
}

/// One of each, with everything in it.
fn samples() -> Vec<(Version, Vec<u8>)> {
    let mut samples = Vec::new();
    for version in [Version::V311, Version::V5] {
        let v5 = version == Version::V5;
        let mut add = |encode: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            encode(&mut out);
            samples.push((version, out));
        };
        let connect = PropertyList::new()
            .number(Property::SESSION_EXPIRY_INTERVAL, 3)
            .number(Property::RECEIVE_MAXIMUM, 10)
            .number(Property::MAXIMUM_PACKET_SIZE, 1_000)
            .number(Property::REQUEST_PROBLEM_INFORMATION, 1)
            .user("name", "value");
        let will =
            PropertyList::new().number(Property::WILL_DELAY_INTERVAL, 5).text(Property::CONTENT_TYPE, "t");
        let publish = PropertyList::new()
            .number(Property::PAYLOAD_FORMAT_INDICATOR, 1)
            .number(Property::MESSAGE_EXPIRY_INTERVAL, 60)
            .text(Property::CONTENT_TYPE, "application/json")
            .text(Property::RESPONSE_TOPIC, "answers")
            .binary(Property::CORRELATION_DATA, &[1, 2, 3])
            .number(Property::TOPIC_ALIAS, 7)
            .user("name", "value");
        let bye = PropertyList::new().text(Property::REASON_STRING, "bye").user("a", "b");
        let pick = |list| if v5 { list } else { &EMPTY };
        let full = Connect {
            properties: pick(&connect).properties(Place::Connect).unwrap(),
            will: Some(Will {
                qos: 2,
                retain: true,
                properties: pick(&will).properties(Place::Will).unwrap(),
                topic: "will/topic",
                payload: b"gone",
            }),
            user_name: Some("user"),
            password: Some(b"secret"),
            ..Connect::new(version, "client")
        };
        add(&|out| full.encode(out).unwrap());
        add(&|out| Connect::new(version, "").encode(out).unwrap());
        for delivery in [
            Delivery::AtMostOnce,
            Delivery::AtLeastOnce { packet_id: PacketId::MIN, dup: false },
            Delivery::ExactlyOnce { packet_id: PacketId::MAX, dup: true },
        ] {
            let properties = pick(&publish).properties(Place::Publish).unwrap();
            let message = Publish { properties, retain: true, ..Publish::new("a/b", delivery, b"payload") };
            add(&|out| message.encode(version, out).unwrap());
            add(&|out| Publish::new("t", delivery, b"").encode(version, out).unwrap());
        }
        let filters = [Filter { filter: "a/+/#", options: 1 }, Filter { filter: "b", options: 2 }];
        add(&|out| Subscribe::encode(version, PacketId::MIN, &filters, out).unwrap());
        add(&mqtt::ping_request);
        add(&|out| Disconnect::NORMAL.encode(version, Sender::Client, out).unwrap());
        if v5 {
            add(&|out| {
                Connect { password: Some(b"alone"), ..Connect::new(version, "a") }.encode(out).unwrap()
            });
            let properties = bye.properties(Place::DisconnectByClient).unwrap();
            let packet = Disconnect { reason: Reason::DISCONNECT_WITH_WILL, properties };
            add(&|out| packet.encode(version, Sender::Client, out).unwrap());
        }
    }
    samples
}

static EMPTY: PropertyList = PropertyList::new();

#[test]
fn what_we_write_the_other_codec_reads() {
    for (version, packet) in samples() {
        assert!(compare(version, &packet), "{packet:02x?}");
    }
}

#[test]
fn every_change_of_one_byte_is_refused_by_us_or_accepted_by_both() {
    let mut accepted = 0;
    for (version, packet) in samples() {
        for at in 0..packet.len() {
            for byte in 0..=255 {
                let mut changed = packet.clone();
                changed[at] = byte;
                accepted += usize::from(compare(version, &changed));
            }
        }
    }
    assert!(accepted > 10_000, "{accepted}");
}

proptest! {
    #[test]
    fn several_changes_are_refused_by_us_or_accepted_by_both(
        which in any::<proptest::sample::Index>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let samples = samples();
        let (version, mut packet) = which.get(&samples).clone();
        for (at, byte) in changes {
            let at = at.index(packet.len());
            packet[at] = byte;
        }
        compare(version, &packet);
    }
}

#[test]
fn properties_are_empty_without_properties() {
    assert!(Properties::EMPTY.is_empty() && EMPTY.properties(Place::Publish).unwrap().is_empty());
}

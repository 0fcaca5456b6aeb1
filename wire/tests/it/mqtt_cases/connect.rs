//! The first packet: what may not come before a CONNECT, and what a CONNECT may not be.

use wire::mqtt::Refusal;
use wire::mqtt::Version::{self, V5, V311};

use super::bytes::{packet_of, subscribe, text, variable};
use super::fields::{bad_properties, bad_property_lengths, bad_texts};
use super::{BOTH, Table};

impl Table<'_> {
    pub(super) fn first_packets(&mut self) {
        for version in BOTH {
            let publish = self.publish_packet(version, 0x30, None, &[], b"x");
            let others = [
                ("PUBLISH", publish),
                ("SUBSCRIBE", subscribe(version, 1, &[], &[("a", 0)])),
                ("UNSUBSCRIBE", packet_of(0xa2, &[0, 1, 0, 1, b'a'])),
                ("PINGREQ", vec![0xc0, 0]),
                ("DISCONNECT", vec![0xe0, 0]),
                ("AUTH", vec![0xf0, 0]),
                ("CONNACK", vec![0x20, 2, 0, 0]),
                ("PUBACK", vec![0x40, 2, 0, 1]),
                ("PUBREC", vec![0x50, 2, 0, 1]),
                ("PUBREL", vec![0x62, 2, 0, 1]),
                ("PUBCOMP", vec![0x70, 2, 0, 1]),
                ("SUBACK", vec![0x90, 3, 0, 1, 0]),
                ("UNSUBACK", vec![0xb0, 2, 0, 1]),
                ("PINGRESP", vec![0xd0, 0]),
                ("a reserved packet", vec![0, 0]),
            ];
            for (name, bytes) in others {
                let name = format!("{name} before CONNECT");
                self.first(version, "MQTT-3.1.0-1", &name, Refusal::FIRST_NOT_CONNECT, bytes);
                self.session();
            }
        }
    }

    pub(super) fn connect_headers(&mut self) {
        for version in BOTH {
            let flags_id = if version == V311 { "MQTT-2.2.2-2" } else { "MQTT-2.1.3-1" };
            for flags in 1..16 {
                let mut bytes = Connect::new(version).packet();
                bytes[0] |= flags;
                let name = format!("CONNECT with header flags {flags:04b}");
                self.first(version, flags_id, &name, Refusal::FIXED_HEADER_FLAGS, bytes);
            }
            let long = if version == V311 { "v3.1.1 §2.2.3" } else { "v5.0 §2.1.4" };
            let bytes = vec![0x10, 0x80, 0x80, 0x80, 0x80, 0x01];
            self.first(
                version,
                long,
                "CONNECT, length of 5 bytes",
                Refusal::REMAINING_LENGTH_TOO_LONG,
                bytes,
            );
            let minimal = if version == V311 { "v3.1.1 §2.2.3" } else { "MQTT-1.5.5-1" };
            for extra in 1..=3 {
                let packet = Connect::new(version).packet();
                let mut bytes = vec![0x10, packet[1] | 0x80];
                bytes.extend(core::iter::repeat_n(0x80, extra - 1));
                bytes.push(0);
                bytes.extend_from_slice(&packet[2..]);
                let name = format!("CONNECT, length of {} bytes for one", extra + 1);
                self.first(version, minimal, &name, Refusal::REMAINING_LENGTH_NOT_MINIMAL, bytes);
            }
        }
        for name in ["", "M", "MQT", "MQTTT", "mqtt", "MQtt", "MQIsdp", "HTTP", "MQTT ", "\u{feff}MQTT"] {
            for version in BOTH {
                let bytes = Connect { protocol: name.into(), ..Connect::new(version) }.packet();
                let what = format!("protocol name {name:?}");
                self.first(version, "MQTT-3.1.2-1", &what, Refusal::PROTOCOL_NAME, bytes);
            }
        }
        for level in (0..=3).chain(6..=8).chain([0x10, 0x7f, 0x80, 0x83, 0x84, 0x85, 0xff]) {
            for version in BOTH {
                let bytes = Connect { level, ..Connect::new(version) }.packet();
                let what = format!("protocol level {level}");
                self.first(version, "MQTT-3.1.2-2", &what, Refusal::PROTOCOL_LEVEL, bytes);
            }
        }
    }

    /// All 256 values of the connect flags, each with the fields it announces.
    pub(super) fn connect_flags(&mut self) {
        for version in BOTH {
            for flags in 0..=255_u8 {
                let Some((ids, refusal)) = forbidden_flags(version, flags) else { continue };
                let bytes = Connect { flags, ..Connect::new(version) }.packet();
                let name = format!("connect flags {flags:08b}");
                self.first(version, ids, &name, refusal, bytes);
            }
        }
        let nobody = Connect { flags: 0, client_id: vec![], ..Connect::new(V311) };
        for id in ["MQTT-3.1.3-7", "MQTT-3.1.3-8"] {
            let name = "no client identifier, clean session 0";
            self.first(V311, id, name, Refusal::CLIENT_ID_EMPTY, nobody.packet());
        }
    }

    pub(super) fn connect_fields(&mut self) {
        for version in BOTH {
            for (text, refusal, v311, v5) in bad_texts() {
                let ids = if version == V311 { v311 } else { v5 };
                let name = |field: &str| format!("{field} {text:02x?}");
                let new = Connect::new(version);
                let bytes = Connect { client_id: text.to_vec(), ..new.clone() }.packet();
                self.first(version, ids, &name("client identifier"), refusal, bytes);
                let bytes = Connect { user_name: text.to_vec(), flags: 0x82, ..new.clone() }.packet();
                self.first(version, ids, &name("user name"), refusal, bytes);
                let bytes = Connect { will_topic: text.to_vec(), flags: 0x06, ..new.clone() }.packet();
                self.first(version, ids, &name("will topic"), refusal, bytes);
                let bytes = Connect { protocol: text.to_vec(), ..new }.packet();
                self.first(version, ids, &name("protocol name"), refusal, bytes);
            }
            for extra in [1, 2, 100] {
                let mut body = Connect::new(version).body();
                body.extend(vec![0; extra]);
                let ids = if version == V311 { "MQTT-4.8.0-1" } else { "v5.0 §4.13.1" };
                let name = format!("CONNECT with {extra} bytes to spare");
                self.first(version, ids, &name, Refusal::TRAILING_BYTES, packet_of(0x10, &body));
            }
            let full = Connect { flags: 0xce, ..Connect::new(version) }.with_properties().packet();
            self.cuts(true, version, "a full CONNECT", &full, &[]);
            let plain = Connect::new(version).packet();
            self.cuts(true, version, "a plain CONNECT", &plain, &[]);
        }
    }

    pub(super) fn connect_properties(&mut self) {
        const PLACE: &[u8] = &[0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27];
        for (what, ids, refusal, field) in bad_properties(PLACE) {
            let bytes = Connect { properties: field, ..Connect::new(V5) }.packet();
            self.first(V5, ids, &format!("CONNECT property: {what}"), refusal, bytes);
        }
        for (what, ids, refusal, length) in bad_property_lengths() {
            let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 60];
            body.extend(length);
            body.extend([0, 1, b'a']);
            self.first(V5, ids, &format!("CONNECT property length: {what}"), refusal, packet_of(0x10, &body));
        }
        let data = Connect { properties: vec![0x16, 0, 1, 1], ..Connect::new(V5) }.packet();
        let name = "authentication data alone";
        self.first(V5, "v5.0 §3.1.2.11.10", name, Refusal::AUTH_DATA_WITHOUT_METHOD, data);
        let method = Connect { properties: vec![0x15, 0, 1, b'm'], ..Connect::new(V5) }.packet();
        self.first(V5, "MQTT-4.12.0-1", "an authentication method", Refusal::AUTH_METHOD, method);
        self.session();
    }

    pub(super) fn will(&mut self) {
        const PLACE: &[u8] = &[0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26];
        for (what, ids, refusal, field) in bad_properties(PLACE) {
            let bytes = Connect { will_properties: field, flags: 0x06, ..Connect::new(V5) }.packet();
            self.first(V5, ids, &format!("will property: {what}"), refusal, bytes);
        }
        for version in BOTH {
            for topic in ["#", "+", "a/#", "a/+/b", "a+", "#a"] {
                let bytes =
                    Connect { will_topic: topic.into(), flags: 0x06, ..Connect::new(version) }.packet();
                let name = format!("will topic {topic}");
                self.first(version, "MQTT-3.3.2-2", &name, Refusal::TOPIC_WILDCARD, bytes);
            }
            let bytes = Connect { will_topic: vec![], flags: 0x06, ..Connect::new(version) }.packet();
            self.first(version, "MQTT-4.7.3-1", "an empty will topic", Refusal::TOPIC_EMPTY, bytes);
            let ids = if version == V311 { "v3.1.1 §3.1.2.5" } else { "v5.0 §3.1.2.5" };
            for flags in [0x06, 0x0e, 0x16, 0x26, 0x2e, 0x36] {
                let bytes = Connect { flags, ..Connect::new(version) }.packet();
                let name = format!("a will, connect flags {flags:08b}");
                self.first(version, ids, &name, Refusal::WILL_NOT_SUPPORTED, bytes);
                self.session();
            }
        }
        let bytes = Connect {
            will_properties: vec![0x01, 1],
            will_payload: vec![0xff],
            flags: 0x06,
            ..Connect::new(V5)
        };
        self.first(
            V5,
            "v5.0 §3.3.2.3.2",
            "a will that is not UTF-8",
            Refusal::PAYLOAD_NOT_UTF8,
            bytes.packet(),
        );
    }
}

/// A CONNECT whose every field may be wrong.
#[derive(Clone)]
pub(super) struct Connect {
    protocol: Vec<u8>,
    level: u8,
    flags: u8,
    version: Version,
    properties: Vec<u8>,
    client_id: Vec<u8>,
    will_properties: Vec<u8>,
    will_topic: Vec<u8>,
    will_payload: Vec<u8>,
    user_name: Vec<u8>,
    password: Vec<u8>,
}

impl Connect {
    pub(super) fn new(version: Version) -> Self {
        Self {
            protocol: b"MQTT".to_vec(),
            level: version.level(),
            flags: 2,
            version,
            properties: Vec::new(),
            client_id: b"client".to_vec(),
            will_properties: Vec::new(),
            will_topic: b"will/topic".to_vec(),
            will_payload: b"gone".to_vec(),
            user_name: b"user".to_vec(),
            password: b"secret".to_vec(),
        }
    }

    fn with_properties(self) -> Self {
        Self {
            properties: vec![0x11, 0, 0, 0, 0, 0x21, 0, 9, 0x26, 0, 1, b'a', 0, 1, b'b'],
            will_properties: vec![0x18, 0, 0, 0, 0, 0x03, 0, 1, b't'],
            ..self
        }
    }

    /// The fields that the flags announce.
    fn body(&self) -> Vec<u8> {
        let mut body = text(&self.protocol);
        body.extend([self.level, self.flags, 0, 60]);
        if self.version == V5 {
            body.extend(variable(self.properties.len()));
            body.extend(&self.properties);
        }
        body.extend(text(&self.client_id));
        if self.flags & 0x04 != 0 {
            if self.version == V5 {
                body.extend(variable(self.will_properties.len()));
                body.extend(&self.will_properties);
            }
            body.extend(text(&self.will_topic));
            body.extend(text(&self.will_payload));
        }
        if self.flags & 0x80 != 0 {
            body.extend(text(&self.user_name));
        }
        if self.flags & 0x40 != 0 {
            body.extend(text(&self.password));
        }
        body
    }

    pub(super) fn packet(&self) -> Vec<u8> {
        packet_of(0x10, &self.body())
    }
}

/// The rule that connect flags break, read off the specifications' text; none if they are allowed.
fn forbidden_flags(version: Version, flags: u8) -> Option<(&'static str, Refusal)> {
    let will = flags & 4 != 0;
    let qos = (flags >> 3) & 3;
    if flags & 1 != 0 {
        return Some(("MQTT-3.1.2-3", Refusal::CONNECT_RESERVED_FLAG));
    }
    if !will && qos != 0 {
        return Some((
            if version == V311 { "MQTT-3.1.2-13" } else { "MQTT-3.1.2-11" },
            Refusal::WILL_QOS_WITHOUT_WILL,
        ));
    }
    if !will && flags & 0x20 != 0 {
        let id = if version == V311 { "MQTT-3.1.2-15" } else { "MQTT-3.1.2-13" };
        return Some((id, Refusal::WILL_RETAIN_WITHOUT_WILL));
    }
    if qos == 3 {
        return Some((if version == V311 { "MQTT-3.1.2-14" } else { "MQTT-3.1.2-12" }, Refusal::WILL_QOS_3));
    }
    let password_alone = flags & 0xc0 == 0x40;
    (version == V311 && password_alone).then_some(("MQTT-3.1.2-22", Refusal::PASSWORD_WITHOUT_USER_NAME))
}

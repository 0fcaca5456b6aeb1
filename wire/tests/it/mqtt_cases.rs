//! What the two specifications forbid a client to send, as one table of byte sequences.
//!
//! In: the topic that the device may publish to, so that nothing but the named rule stands against a case. Out: cases
//! for the codec's own test and, over TLS, for the server's: every one must end with the connection closed, without a
//! CONNACK of success for a bad first packet, without a PUBACK for an offending one.

use wire::mqtt::Refusal;
use wire::mqtt::Version::{self, V5, V311};

/// One forbidden sequence.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is wrong, with the rule's id.
    pub name: String,
    /// What the connection speaks.
    pub version: Version,
    /// The bytes are the first of the connection; else they follow an accepted CONNECT.
    pub first: bool,
    /// What is sent.
    pub bytes: Vec<u8>,
    /// The rule by name; none: a cut packet, which may break several.
    pub refusal: Option<Refusal>,
    /// The session's affair, not the codec's.
    pub session: bool,
}

const BOTH: [Version; 2] = [V311, V5];

/// Every case.
pub fn cases(topic: &str) -> Vec<Case> {
    let mut table = Table { cases: Vec::new(), topic };
    table.first_packets();
    table.connect_headers();
    table.connect_flags();
    table.connect_fields();
    table.connect_properties();
    table.will();
    table.publish();
    table.publish_properties();
    table.subscribe();
    table.other_packets();
    table.disconnect();
    table.cases
}

struct Table<'a> {
    cases: Vec<Case>,
    topic: &'a str,
}

impl Table<'_> {
    fn add(
        &mut self,
        first: bool,
        version: Version,
        ids: &str,
        name: &str,
        refusal: Refusal,
        bytes: Vec<u8>,
    ) {
        let rule = refusal.rule();
        let known = if version == V311 { rule.v311_ids } else { rule.v5_ids };
        assert!(
            known.contains(&ids),
            "{name}: {refusal:?} does not cite {ids} for {version:?}, but {known:?}"
        );
        let name = format!("{version:?} [{ids}] {name}");
        self.cases.push(Case { name, version, first, bytes, refusal: Some(refusal), session: false });
    }

    /// Before or instead of CONNECT.
    fn first(&mut self, version: Version, ids: &str, name: &str, refusal: Refusal, bytes: Vec<u8>) {
        self.add(true, version, ids, name, refusal, bytes);
    }

    /// After an accepted CONNECT.
    fn after(&mut self, version: Version, ids: &str, name: &str, refusal: Refusal, bytes: Vec<u8>) {
        self.add(false, version, ids, name, refusal, bytes);
    }

    fn session(&mut self) {
        if let Some(case) = self.cases.last_mut() {
            case.session = true;
        }
    }

    /// The packet cut off within each of its fields, its remaining length true.
    fn cuts(&mut self, first: bool, version: Version, name: &str, packet: &[u8], valid: &[usize]) {
        let body = &packet[header_length(packet)..];
        for length in (0..body.len()).filter(|length| !valid.contains(length)) {
            let bytes = packet_of(packet[0], &body[..length]);
            let name = format!("{version:?} {name} cut after {length} bytes of its body");
            self.cases.push(Case { name, version, first, bytes, refusal: None, session: false });
        }
    }

    fn first_packets(&mut self) {
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

    fn connect_headers(&mut self) {
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
    fn connect_flags(&mut self) {
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

    fn connect_fields(&mut self) {
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

    fn connect_properties(&mut self) {
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

    fn will(&mut self) {
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

    fn publish(&mut self) {
        for version in BOTH {
            for first in [0x36, 0x37, 0x3e, 0x3f] {
                let bytes = self.publish_packet(version, first, Some(1), &[], b"x");
                let name = format!("PUBLISH of QoS 3, first byte {first:02x}");
                self.after(version, "MQTT-3.3.1-4", &name, Refusal::QOS_3, bytes);
            }
            for first in [0x38, 0x39] {
                let bytes = self.publish_packet(version, first, None, &[], b"x");
                let name = format!("DUP at QoS 0, first byte {first:02x}");
                self.after(version, "MQTT-3.3.1-2", &name, Refusal::DUP_WITH_QOS_0, bytes);
            }
            let zero = if version == V311 { "MQTT-2.3.1-1" } else { "MQTT-2.2.1-3" };
            for first in [0x32, 0x34, 0x3a, 0x3c] {
                let bytes = self.publish_packet(version, first, Some(0), &[], b"x");
                let name = format!("packet identifier 0, first byte {first:02x}");
                self.after(version, zero, &name, Refusal::PACKET_ID_ZERO, bytes);
            }
            let qos2 = if version == V311 { "v3.1.1 §4.3.3" } else { "MQTT-3.2.2-11" };
            for first in [0x34, 0x3c] {
                let bytes = self.publish_packet(version, first, Some(1), &[], b"x");
                self.after(version, qos2, "QoS 2", Refusal::QOS_NOT_SUPPORTED, bytes);
                self.session();
            }
            let retain = if version == V311 { "v3.1.1 §3.3.1.3" } else { "MQTT-3.2.2-14" };
            for (first, id) in [(0x31, None), (0x33, Some(1))] {
                let bytes = self.publish_packet(version, first, id, &[], b"x");
                self.after(version, retain, "RETAIN", Refusal::RETAIN_NOT_SUPPORTED, bytes);
                self.session();
            }
            self.publish_topics(version);
            self.publish_lengths(version);
            let full = self.publish_packet(version, 0x32, Some(1), &[], b"");
            self.cuts(false, version, "a PUBLISH of QoS 1", &full, &[]);
            let full = self.publish_packet(version, 0x30, None, &[], b"");
            let length = full.len() - 2;
            self.cuts(false, version, "a PUBLISH of QoS 0", &full, &[length]);
        }
    }

    fn publish_topics(&mut self, version: Version) {
        let with = |topic: &[u8], first: u8| {
            let mut body = text(topic);
            if first != 0x30 {
                body.extend([0, 1]);
            }
            if version == V5 {
                body.push(0);
            }
            body.push(b'x');
            packet_of(first, &body)
        };
        for first in [0x30, 0x32] {
            for topic in ["#", "+", "+opic", "#opic", "top+c", "a/#", "a/+/b", "inverters/+/reports"] {
                let name = format!("topic {topic}, first byte {first:02x}");
                self.after(
                    version,
                    "MQTT-3.3.2-2",
                    &name,
                    Refusal::TOPIC_WILDCARD,
                    with(topic.as_bytes(), first),
                );
            }
            self.after(version, "MQTT-4.7.3-1", "an empty topic", Refusal::TOPIC_EMPTY, with(b"", first));
            for (bad, refusal, v311, v5) in bad_texts() {
                let ids = if version == V311 { v311 } else { v5 };
                self.after(version, ids, &format!("topic {bad:02x?}"), refusal, with(bad, first));
            }
        }
    }

    fn publish_lengths(&mut self, version: Version) {
        let long = if version == V311 { "v3.1.1 §2.2.3" } else { "v5.0 §2.1.4" };
        let bytes = vec![0x30, 0x80, 0x80, 0x80, 0x80, 0x01];
        self.after(version, long, "PUBLISH, length of 5 bytes", Refusal::REMAINING_LENGTH_TOO_LONG, bytes);
        let bytes = vec![0x30, 0xff, 0xff, 0xff, 0xff];
        self.after(version, long, "PUBLISH, length of 5 bytes", Refusal::REMAINING_LENGTH_TOO_LONG, bytes);
        let large = if version == V311 { "v3.1.1 §4.8" } else { "v5.0 §3.2.2.3.6" };
        for length in [[0xfd, 0xf3, 0x03], [0xff, 0xff, 0x7f]] {
            let bytes = [&[0x32][..], &length].concat();
            self.after(version, large, "PUBLISH, too large", Refusal::PACKET_TOO_LARGE, bytes);
            self.session();
        }
        let minimal = if version == V311 { "v3.1.1 §2.2.3" } else { "MQTT-1.5.5-1" };
        let bytes = vec![0x30, 0x85, 0x80, 0x00, 0, 1, b'a', 0, b'x'];
        self.after(version, minimal, "PUBLISH, padded length", Refusal::REMAINING_LENGTH_NOT_MINIMAL, bytes);
    }

    fn publish_properties(&mut self) {
        const PLACE: &[u8] = &[0x01, 0x02, 0x03, 0x08, 0x09, 0x0b, 0x23, 0x26];
        for (first, id) in [(0x30, None), (0x32, Some(1))] {
            for (what, ids, refusal, field) in bad_properties(PLACE) {
                let bytes = self.publish_packet(V5, first, id, &field, b"x");
                self.after(V5, ids, &format!("PUBLISH property: {what}"), refusal, bytes);
            }
            for (what, ids, refusal, length) in bad_property_lengths() {
                let mut body = text(self.topic.as_bytes());
                body.extend(id.map(u16::to_be_bytes).into_iter().flatten());
                body.extend(length);
                // What follows may be few bytes: the length must reach beyond them.
                self.after(
                    V5,
                    ids,
                    &format!("PUBLISH property length: {what}"),
                    refusal,
                    packet_of(first, &body),
                );
            }
            let bytes = self.publish_packet(V5, first, id, &[0x01, 1], b"\xff\xfe");
            self.after(
                V5,
                "v5.0 §3.3.2.3.2",
                "a payload that is not UTF-8",
                Refusal::PAYLOAD_NOT_UTF8,
                bytes,
            );
            let bytes = self.publish_packet(V5, first, id, &[0x23, 0, 0], b"x");
            self.after(V5, "MQTT-3.3.2-8", "topic alias 0", Refusal::TOPIC_ALIAS_ZERO, bytes);
            for alias in [1_u16, 10, u16::MAX] {
                let field = [&[0x23][..], &alias.to_be_bytes()].concat();
                let bytes = self.publish_packet(V5, first, id, &field, b"x");
                let name = format!("topic alias {alias}");
                self.after(V5, "MQTT-3.3.2-9", &name, Refusal::TOPIC_ALIAS_TOO_LARGE, bytes);
                self.session();
            }
            for identifier in [&[1][..], &[0xff, 0x7f]] {
                let field = [&[0x0b], identifier].concat();
                let bytes = self.publish_packet(V5, first, id, &field, b"x");
                let name = format!("subscription identifier {identifier:02x?}");
                self.after(V5, "MQTT-3.3.4-6", &name, Refusal::SUBSCRIPTION_ID_FROM_CLIENT, bytes);
            }
            for response in ["#", "+", "a/+", "a/#", ""] {
                let mut field = vec![0x08];
                field.extend(text(response.as_bytes()));
                let bytes = self.publish_packet(V5, first, id, &field, b"x");
                let name = format!("response topic {response:?}");
                let ids = if response.is_empty() { "MQTT-4.7.3-1" } else { "MQTT-3.3.2-14" };
                self.after(V5, ids, &name, Refusal::RESPONSE_TOPIC, bytes);
            }
        }
        let mut body = vec![0, 0, 0, 1, 3, 0x23, 0, 1];
        body.push(b'x');
        let name = "a topic alias without a topic";
        self.after(V5, "MQTT-3.3.2-9", name, Refusal::TOPIC_ALIAS_TOO_LARGE, packet_of(0x32, &body));
        self.session();
    }

    fn subscribe(&mut self) {
        for version in BOTH {
            let flags_id = "MQTT-3.8.1-1";
            for flags in (0..16).filter(|flags| *flags != 2) {
                let mut bytes = subscribe(version, 1, &[], &[("a", 0)]);
                bytes[0] = 0x80 | flags;
                let name = format!("SUBSCRIBE with header flags {flags:04b}");
                self.after(version, flags_id, &name, Refusal::FIXED_HEADER_FLAGS, bytes);
            }
            let zero = if version == V311 { "MQTT-2.3.1-1" } else { "MQTT-2.2.1-3" };
            let bytes = subscribe(version, 0, &[], &[("a", 0)]);
            self.after(version, zero, "SUBSCRIBE, packet identifier 0", Refusal::PACKET_ID_ZERO, bytes);
            let empty = if version == V311 { "MQTT-3.8.3-3" } else { "MQTT-3.8.3-2" };
            let bytes = subscribe(version, 1, &[], &[]);
            self.after(version, empty, "SUBSCRIBE without filters", Refusal::SUBSCRIBE_EMPTY, bytes);
            self.subscribe_options(version);
            let filter = if version == V311 { "MQTT-4.7.1-2" } else { "MQTT-4.7.1-1" };
            for bad in ["a#", "#/a", "a/#/b", "a+", "+a", "a/b+", "##", "++", "/a#", "a/+b/c"] {
                let bytes = subscribe(version, 1, &[], &[("good", 0), (bad, 0)]);
                self.after(version, filter, &format!("filter {bad}"), Refusal::TOPIC_FILTER, bytes);
            }
            let bytes = subscribe(version, 1, &[], &[("", 0)]);
            self.after(version, "MQTT-4.7.3-1", "an empty filter", Refusal::TOPIC_FILTER, bytes);
            for (bad, refusal, v311, v5) in bad_texts() {
                let ids = if version == V311 { v311 } else { v5 };
                let mut body = vec![0, 1];
                body.extend(if version == V5 { &[0][..] } else { &[] });
                body.extend(text(bad));
                body.push(0);
                self.after(version, ids, &format!("filter {bad:02x?}"), refusal, packet_of(0x82, &body));
            }
            let full = subscribe(version, 1, &[], &[("abc", 1), ("d/e", 0)]);
            let one = subscribe(version, 1, &[], &[("abc", 1)]).len() - 2;
            self.cuts(false, version, "a SUBSCRIBE", &full, &[one]);
        }
        for bad in ["$share", "$share/", "$share/name", "$share/name/", "$share//a", "$share/+/a", "$share/#"]
        {
            let bytes = subscribe(V5, 1, &[], &[(bad, 0)]);
            let id = "MQTT-4.8.2-1";
            self.after(V5, id, &format!("filter {bad}"), Refusal::SHARE_NAME, bytes);
        }
        let bytes = subscribe(V5, 1, &[], &[("$share/name/a", 4)]);
        self.after(V5, "MQTT-3.8.3-4", "no local, shared", Refusal::NO_LOCAL_ON_SHARED, bytes);
        for (what, ids, refusal, field) in bad_properties(&[0x0b, 0x26]) {
            let bytes = subscribe(V5, 1, &field, &[("a", 0)]);
            self.after(V5, ids, &format!("SUBSCRIBE property: {what}"), refusal, bytes);
        }
    }

    fn subscribe_options(&mut self, version: Version) {
        for options in 0..=255_u8 {
            let reserved = match version {
                V311 => options > 2,
                V5 => options & 0xc0 != 0 || options & 3 == 3 || options & 0x30 == 0x30,
            };
            if reserved {
                let bytes = subscribe(version, 1, &[], &[("a", options)]);
                let ids = if version == V311 { "MQTT-3-8.3-4" } else { "MQTT-3.8.3-5" };
                let name = format!("subscription options {options:08b}");
                self.after(version, ids, &name, Refusal::SUBSCRIBE_OPTIONS, bytes);
            }
        }
    }

    fn other_packets(&mut self) {
        for version in BOTH {
            let second = Connect::new(version).packet();
            self.after(version, "MQTT-3.1.0-2", "a second CONNECT", Refusal::SECOND_CONNECT, second);
            self.session();
            let server = if version == V311 { "MQTT-4.8.0-1" } else { "v5.0 §2.1.2" };
            for (name, kind, body) in [
                ("CONNACK", 0x20, &[0, 0][..]),
                ("PUBACK", 0x40, &[0, 1]),
                ("PUBREC", 0x50, &[0, 1]),
                ("PUBREL", 0x60, &[0, 1]),
                ("PUBCOMP", 0x70, &[0, 1]),
                ("SUBACK", 0x90, &[0, 1, 0]),
                ("UNSUBACK", 0xb0, &[0, 1]),
                ("PINGRESP", 0xd0, &[]),
            ] {
                for flags in 0..16 {
                    for cut in [body.len(), 0] {
                        let bytes = packet_of(kind | flags, &body[..cut]);
                        let name = format!("{name}, flags {flags:04b}, {cut} bytes");
                        self.after(version, server, &name, Refusal::SERVER_PACKET, bytes);
                    }
                }
            }
            let reserved = if version == V311 { "v3.1.1 §2.2.1" } else { "v5.0 §2.1.2" };
            for flags in 0..16 {
                let name = format!("packet type 0, flags {flags:04b}");
                self.after(version, reserved, &name, Refusal::PACKET_TYPE_RESERVED, vec![flags, 0]);
            }
            let unsubscribe = if version == V311 { "v3.1.1 §3.10" } else { "v5.0 §3.10" };
            let body = if version == V311 { &[0, 1, 0, 1, b'a'][..] } else { &[0, 1, 0, 0, 1, b'a'] };
            let name = "UNSUBSCRIBE";
            self.after(version, unsubscribe, name, Refusal::UNSUBSCRIBE, packet_of(0xa2, body));
            for flags in (0..16).filter(|flags| *flags != 2) {
                let name = format!("UNSUBSCRIBE with header flags {flags:04b}");
                let bytes = packet_of(0xa0 | flags, body);
                self.after(version, "MQTT-3.10.1-1", &name, Refusal::FIXED_HEADER_FLAGS, bytes);
            }
            let flags_id = if version == V311 { "MQTT-2.2.2-2" } else { "MQTT-2.1.3-1" };
            for flags in 1..16 {
                let name = format!("PINGREQ with header flags {flags:04b}");
                self.after(version, flags_id, &name, Refusal::FIXED_HEADER_FLAGS, vec![0xc0 | flags, 0]);
            }
            let ping = if version == V311 { "v3.1.1 §3.12.1" } else { "v5.0 §3.12.1" };
            for length in [1, 2, 127] {
                let bytes = packet_of(0xc0, &vec![0; length]);
                let name = format!("PINGREQ with {length} bytes");
                self.after(version, ping, &name, Refusal::PING_BODY, bytes);
            }
        }
        for body in [&[][..], &[0], &[0x18], &[0x18, 0], &[0x19, 5, 0x15, 0, 2, b'm', b'e'], &[0x80]] {
            let bytes = packet_of(0xf0, body);
            self.after(V5, "MQTT-4.12.0-6", &format!("AUTH {body:02x?}"), Refusal::AUTH, bytes.clone());
            let name = format!("packet type 15 {body:02x?}");
            self.after(V311, "v3.1.1 §2.2.1", &name, Refusal::PACKET_TYPE_RESERVED, bytes);
        }
        for flags in 1..16 {
            let name = format!("AUTH with header flags {flags:04b}");
            self.after(V5, "MQTT-3.15.1-1", &name, Refusal::FIXED_HEADER_FLAGS, vec![0xf0 | flags, 0]);
        }
    }

    fn disconnect(&mut self) {
        for version in BOTH {
            for flags in 1..16 {
                let name = format!("DISCONNECT with header flags {flags:04b}");
                self.after(
                    version,
                    "MQTT-3.14.1-1",
                    &name,
                    Refusal::FIXED_HEADER_FLAGS,
                    vec![0xe0 | flags, 0],
                );
            }
        }
        for length in [1, 2, 100] {
            let bytes = packet_of(0xe0, &vec![0; length]);
            let name = format!("DISCONNECT with {length} bytes");
            self.after(V311, "v3.1.1 §3.14.1", &name, Refusal::DISCONNECT_BODY, bytes);
        }
        // Table 3-10: what a client may say.
        let allowed = [0, 4, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99];
        for reason in (0..=255_u8).filter(|reason| !allowed.contains(reason)) {
            let name = format!("DISCONNECT with reason {reason:02x}");
            self.after(V5, "MQTT-3.14.2-1", &name, Refusal::REASON_CODE, vec![0xe0, 1, reason]);
        }
        for (what, ids, refusal, field) in bad_properties(&[0x11, 0x1f, 0x26]) {
            let mut body = vec![0];
            body.extend(variable(field.len()));
            body.extend(field);
            self.after(V5, ids, &format!("DISCONNECT property: {what}"), refusal, packet_of(0xe0, &body));
        }
        let bytes = vec![0xe0, 3, 0, 0, 0];
        self.after(V5, "v5.0 §4.13.1", "DISCONNECT with a byte to spare", Refusal::TRAILING_BYTES, bytes);
        let bytes = packet_of(0xe0, &[0, 5, 0x11, 0, 0, 0, 1]);
        let name = "DISCONNECT sets a session expiry that CONNECT did not";
        self.after(V5, "v5.0 §3.14.2.2.2", name, Refusal::DISCONNECT_SESSION_EXPIRY, bytes);
        self.session();
    }

    fn publish_packet(
        &self,
        version: Version,
        first: u8,
        id: Option<u16>,
        properties: &[u8],
        payload: &[u8],
    ) -> Vec<u8> {
        let mut body = text(self.topic.as_bytes());
        body.extend(id.map(u16::to_be_bytes).into_iter().flatten());
        if version == V5 {
            body.extend(variable(properties.len()));
            body.extend(properties);
        }
        body.extend(payload);
        packet_of(first, &body)
    }
}

/// A CONNECT whose every field may be wrong.
#[derive(Clone)]
struct Connect {
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
    fn new(version: Version) -> Self {
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

    fn packet(&self) -> Vec<u8> {
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

type BadText = (&'static [u8], Refusal, &'static str, &'static str);

/// Strings that may not stand anywhere, with their rules in both specifications.
fn bad_texts() -> Vec<BadText> {
    const MALFORMED: [&[u8]; 10] = [
        b"\x80",
        b"a\xff",
        b"a\xc3",
        b"\xc0\x80",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"to\xed\xa0\x80p",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
    ];
    const NULLS: [&[u8]; 3] = [b"\0", b"top\0", b"\0\0\0"];
    const CONTROLS: [&[u8]; 6] = [b"\x01", b"top\x1f", b"a\nb", b"\x7f", b"\xc2\x80", b"to\xc2\x9fp"];
    const NON_CHARACTERS: [&[u8]; 5] =
        [b"\xef\xbf\xbf", b"a\xef\xbf\xbe", b"\xef\xb7\x90", b"\xf0\x9f\xbf\xbf", b"\xf4\x8f\xbf\xbf"];
    let rows = |texts: &'static [&'static [u8]], refusal, v311, v5| {
        texts.iter().map(move |text| (*text, refusal, v311, v5))
    };
    rows(&MALFORMED, Refusal::UTF8_MALFORMED, "MQTT-1.5.3-1", "MQTT-1.5.4-1")
        .chain(rows(&NULLS, Refusal::UTF8_NULL, "MQTT-1.5.3-2", "MQTT-1.5.4-2"))
        .chain(rows(&CONTROLS, Refusal::UTF8_CONTROL, "v3.1.1 §1.5.3", "v5.0 §1.5.4"))
        .chain(rows(&NON_CHARACTERS, Refusal::UTF8_NON_CHARACTER, "v3.1.1 §1.5.3", "v5.0 §1.5.4"))
        .collect()
}

type BadProperty = (String, &'static str, Refusal, Vec<u8>);

/// Property identifiers of section 2.2.2.2 with a value of each one's type.
const PROPERTIES: &[(u8, &[u8])] = &[
    (0x01, &[1]),
    (0x02, &[0, 0, 0, 9]),
    (0x03, &[0, 1, b'a']),
    (0x08, &[0, 1, b'a']),
    (0x09, &[0, 1, b'a']),
    (0x0b, &[1]),
    (0x11, &[0, 0, 0, 0]),
    (0x12, &[0, 1, b'a']),
    (0x13, &[0, 9]),
    (0x15, &[0, 1, b'a']),
    (0x16, &[0, 1, b'a']),
    (0x17, &[1]),
    (0x18, &[0, 0, 0, 9]),
    (0x19, &[1]),
    (0x1a, &[0, 1, b'a']),
    (0x1c, &[0, 1, b'a']),
    (0x1f, &[0, 1, b'a']),
    (0x21, &[0, 9]),
    (0x22, &[0, 9]),
    (0x23, &[0, 1]),
    (0x24, &[1]),
    (0x25, &[1]),
    (0x26, &[0, 1, b'a', 0, 1, b'b']),
    (0x27, &[0, 0, 1, 0]),
    (0x28, &[1]),
    (0x29, &[1]),
    (0x2a, &[1]),
];

/// Values that a property may not have.
const BAD_VALUES: &[(u8, &[u8], &str)] = &[
    (0x01, &[2], "v5.0 §3.3.2.3.2"),
    (0x01, &[255], "v5.0 §3.3.2.3.2"),
    (0x0b, &[0], "v5.0 §3.8.2.1.2"),
    (0x17, &[2], "v5.0 §3.1.2.11"),
    (0x17, &[255], "v5.0 §3.1.2.11"),
    (0x19, &[2], "v5.0 §3.1.2.11"),
    (0x19, &[255], "v5.0 §3.1.2.11"),
    (0x21, &[0, 0], "v5.0 §3.1.2.11"),
    (0x27, &[0, 0, 0, 0], "v5.0 §3.1.2.11"),
];

/// Property fields that a packet may not carry, which may carry those of `place`.
fn bad_properties(place: &[u8]) -> Vec<BadProperty> {
    let mut bad: Vec<BadProperty> = Vec::new();
    let field = |id: u8, value: &[u8]| [&[id], value].concat();
    for (id, value) in PROPERTIES {
        let name = format!("{id:02x}");
        if !place.contains(id) {
            let refusal = Refusal::PROPERTY_NOT_ALLOWED;
            bad.push((format!("{name} elsewhere"), "v5.0 §2.2.2.2", refusal, field(*id, value)));
            continue;
        }
        if *id != 0x26 {
            let twice = [field(*id, value), field(*id, value)].concat();
            bad.push((format!("{name} twice"), "v5.0 §2.2.2.2", Refusal::PROPERTY_DUPLICATE, twice));
        }
        for cut in 0..value.len() {
            let cut_off = field(*id, &value[..cut]);
            let name = format!("{name} cut after {cut}");
            bad.push((name, "v5.0 §2.2.2.1", Refusal::PROPERTY_LENGTH, cut_off));
        }
    }
    for (id, value, ids) in BAD_VALUES.iter().filter(|row| place.contains(&row.0)) {
        bad.push((format!("{id:02x} is {value:?}"), ids, Refusal::PROPERTY_VALUE, field(*id, value)));
    }
    let known: Vec<u8> = PROPERTIES.iter().map(|row| row.0).collect();
    for id in (0..=0x7f).filter(|id| !known.contains(id)) {
        bad.push((
            format!("{id:02x} unknown"),
            "v5.0 §2.2.2.2",
            Refusal::PROPERTY_UNKNOWN,
            field(id, &[0, 0]),
        ));
    }
    let far = vec![0x80, 0x01, 0];
    bad.push(("identifier of two bytes".into(), "v5.0 §2.2.2.2", Refusal::PROPERTY_UNKNOWN, far));
    let padded = vec![0xa6, 0x00, 0, 1, b'a', 0, 1, b'b'];
    bad.push(("padded identifier".into(), "MQTT-1.5.5-1", Refusal::INTEGER_NOT_MINIMAL, padded));
    let endless = vec![0xff, 0xff, 0xff, 0xff, 0x7f];
    bad.push(("identifier of five bytes".into(), "v5.0 §1.5.5", Refusal::INTEGER_TOO_LONG, endless));
    for (text_id, (value, refusal, _, ids)) in [0x26, 0x03, 0x08, 0x15, 0x1f]
        .into_iter()
        .filter(|id| place.contains(id))
        .flat_map(|id| bad_texts().into_iter().map(move |text| (id, text)))
    {
        let mut first = field(text_id, &text(value));
        if text_id == 0x26 {
            first.extend(text(b"v"));
            let mut second = field(0x26, &text(b"n"));
            second.extend(text(value));
            bad.push((format!("user property value {value:02x?}"), ids, refusal, second));
        }
        bad.push((format!("{text_id:02x} {value:02x?}"), ids, refusal, first));
    }
    bad
}

type BadLength = (&'static str, &'static str, Refusal, Vec<u8>);

/// Property lengths that are wrong whatever follows, for a packet that ends within 100 bytes.
fn bad_property_lengths() -> Vec<BadLength> {
    vec![
        ("beyond the packet", "v5.0 §2.2.2.1", Refusal::PROPERTY_LENGTH, vec![100]),
        ("far beyond the packet", "v5.0 §2.2.2.1", Refusal::PROPERTY_LENGTH, vec![0xff, 0xff, 0xff, 0x7f]),
        ("padded", "MQTT-1.5.5-1", Refusal::INTEGER_NOT_MINIMAL, vec![0x80, 0x00]),
        ("padded more", "MQTT-1.5.5-1", Refusal::INTEGER_NOT_MINIMAL, vec![0x80, 0x80, 0x80, 0x00]),
        ("five bytes", "v5.0 §1.5.5", Refusal::INTEGER_TOO_LONG, vec![0x80, 0x80, 0x80, 0x80, 0x01]),
    ]
}

fn subscribe(version: Version, id: u16, properties: &[u8], filters: &[(&str, u8)]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if version == V5 {
        body.extend(variable(properties.len()));
        body.extend(properties);
    }
    for (filter, options) in filters {
        body.extend(text(filter.as_bytes()));
        body.push(*options);
    }
    packet_of(0x82, &body)
}

fn text(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes()[..], bytes].concat()
}

fn variable(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (value % 128) as u8;
        value /= 128;
        if value == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

fn packet_of(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    packet.extend(variable(body.len()));
    packet.extend(body);
    packet
}

fn header_length(packet: &[u8]) -> usize {
    2 + packet[1..].iter().take_while(|byte| **byte & 0x80 != 0).count()
}

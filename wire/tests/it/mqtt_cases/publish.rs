//! What a PUBLISH may not be.

use wire::mqtt::Refusal;
use wire::mqtt::Version::{self, V5, V311};

use super::bytes::{packet_of, text, variable};
use super::fields::{bad_properties, bad_property_lengths, bad_texts};
use super::{BOTH, Table};

impl Table<'_> {
    pub(super) fn publish(&mut self) {
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

    pub(super) fn publish_properties(&mut self) {
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

    pub(super) fn publish_packet(
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

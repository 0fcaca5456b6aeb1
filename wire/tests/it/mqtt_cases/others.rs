//! What PINGREQ, PUBACK, AUTH, DISCONNECT and the server's own packets may not be.

use wire::mqtt::Refusal;
use wire::mqtt::Version::{V5, V311};

use super::bytes::{packet_of, variable};
use super::connect::Connect;
use super::fields::bad_properties;
use super::{BOTH, Table};

impl Table<'_> {
    pub(super) fn other_packets(&mut self) {
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

    pub(super) fn disconnect(&mut self) {
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
}

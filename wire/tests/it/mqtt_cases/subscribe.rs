//! What a SUBSCRIBE may not be, although it is refused even where it is well-formed.

use wire::mqtt::Refusal;
use wire::mqtt::Version::{self, V5, V311};

use super::bytes::{packet_of, subscribe, text};
use super::fields::{bad_properties, bad_texts};
use super::{BOTH, Table};

impl Table<'_> {
    pub(super) fn subscribe(&mut self) {
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
}

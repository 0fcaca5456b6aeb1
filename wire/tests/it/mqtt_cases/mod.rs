//! What the two specifications forbid a client to send, as one table of byte sequences.
//!
//! In: the topic that the device may publish to, so that nothing but the named rule stands against a case. Out: cases
//! for the codec's own test and, over TLS, for the server's: every one must end with the connection closed, without a
//! CONNACK of success for a bad first packet, without a PUBACK for an offending one.

mod bytes;
mod connect;
mod fields;
mod others;
mod publish;
mod subscribe;

use wire::mqtt::Refusal;
use wire::mqtt::Version::{self, V5, V311};

use bytes::{header_length, packet_of};

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
}

//! Devices for operators: connected or not, certificate or not, what they run.
//!
//! In: rows, who is connected, a filter. Out: lines. Nothing that a device reports, nothing that customers call it
//! (decision 29).

use std::collections::HashSet;

use fleet::InverterKey;
use store::state::DeviceRow;
use wire::UtcMs;

use super::words;

/// Devices on a page.
pub const PAGE: usize = 50;

/// What the list can be narrowed to: value in the address, words.
pub const STATES: [(&str, &str); 4] =
    [("", "All states"), ("connected", "Connected"), ("away", "Not connected"), ("barred", "No certificate")];

/// One device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Serial number.
    pub serial: String,
    /// Model as registered; may be empty.
    pub model: String,
    /// Colour of the state.
    pub tone: &'static str,
    /// The state in a word or two.
    pub state: &'static str,
    /// `Paired`, `Not paired`.
    pub paired: &'static str,
    /// What it runs, `–` where it does not say.
    pub software: String,
    /// Its certificates in words.
    pub certificate: String,
    /// When it was last there, in words.
    pub seen: String,
}

/// How many there are of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connected now.
    pub connected: usize,
    /// Not connected.
    pub away: usize,
    /// No certificate counts.
    pub barred: usize,
}

/// What a device's state is called in the address.
#[must_use]
pub fn state(row: &DeviceRow, connected: &HashSet<InverterKey>) -> &'static str {
    if connected.contains(&row.key) {
        "connected"
    } else if accepted(row) == 0 {
        "barred"
    } else {
        "away"
    }
}

/// How many there are of each.
#[must_use]
pub fn counts(rows: &[DeviceRow], connected: &HashSet<InverterKey>) -> Counts {
    let count = |wanted: &str| rows.iter().filter(|row| state(row, connected) == wanted).count();
    Counts { connected: count("connected"), away: count("away"), barred: count("barred") }
}

/// The line of a device.
#[must_use]
pub fn line(row: &DeviceRow, connected: &HashSet<InverterKey>, now: UtcMs) -> Line {
    let (tone, state) = match state(row, connected) {
        "connected" => ("ok", "Connected"),
        "barred" => ("warn", "No certificate"),
        _ => ("off", "Not connected"),
    };
    let contact = row.contact.as_ref();
    Line {
        serial: row.serial.to_string(),
        model: row.model.clone(),
        tone,
        state,
        paired: if row.paired { "Paired" } else { "Not paired" },
        software: contact
            .and_then(|contact| contact.software.clone())
            .unwrap_or_else(|| "\u{2013}".to_owned()),
        certificate: certificate(row),
        seen: match contact {
            _ if tone == "ok" => "now".to_owned(),
            Some(contact) => words::age(now.since(contact.last_contact_at)),
            None => "never".to_owned(),
        },
    }
}

fn certificate(row: &DeviceRow) -> String {
    match (accepted(row), row.certificates.len()) {
        (0, 0) => "Not issued yet".to_owned(),
        (0, _) => "Revoked".to_owned(),
        (1, _) => "Accepted".to_owned(),
        (count, _) => format!("{count} accepted until the newest is used"),
    }
}

/// Certificates that count.
#[must_use]
pub fn accepted(row: &DeviceRow) -> usize {
    row.certificates.iter().filter(|certificate| certificate.revoked_at.is_none()).count()
}

#[cfg(test)]
mod tests {
    use store::state::{Certificate, Contact};
    use wire::Serial;

    use super::*;

    fn row(certificates: &[Option<i64>], seen: Option<i64>) -> DeviceRow {
        let inverter = InverterKey(4);
        let certificate = |(n, revoked): (usize, &Option<i64>)| Certificate {
            sha256: [u8::try_from(n).unwrap(); 32],
            inverter,
            issued_at: UtcMs(0),
            revoked_at: revoked.map(UtcMs),
        };
        let contact = |at| Contact {
            inverter,
            connected_at: UtcMs(0),
            last_contact_at: UtcMs(at),
            protocol: "MQTT 5.0".to_owned(),
            software: None,
        };
        DeviceRow {
            key: inverter,
            serial: Serial::parse("2311-00421").unwrap(),
            model: String::new(),
            registered_at: UtcMs(0),
            certificates: certificates.iter().enumerate().map(certificate).collect(),
            contact: seen.map(contact),
            paired: false,
        }
    }

    fn check(row: &DeviceRow, connected: bool, expect: [&str; 3]) {
        let connected = if connected { HashSet::from([row.key]) } else { HashSet::new() };
        let line = line(row, &connected, UtcMs(7_200_000));
        assert_eq!([line.state, &line.certificate, &line.seen], expect);
    }

    #[test]
    fn a_device_is_connected_away_or_barred() {
        check(&row(&[], None), false, ["No certificate", "Not issued yet", "never"]);
        check(&row(&[None], Some(0)), false, ["Not connected", "Accepted", "2\u{a0}h ago"]);
        check(&row(&[Some(1)], Some(0)), false, ["No certificate", "Revoked", "2\u{a0}h ago"]);
        check(&row(&[None], Some(0)), true, ["Connected", "Accepted", "now"]);
        let two = "2 accepted until the newest is used";
        check(&row(&[Some(1), None, None], None), false, ["Not connected", two, "never"]);
    }
}

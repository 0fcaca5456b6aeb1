//! What a device is told: CONNACK and DISCONNECT.
//!
//! In: a CONNECT or a refusal. Out: bytes. Never larger than the client takes, never a reason string that would make
//! it so ([MQTT-3.2.2-19], [MQTT-3.14.2-3]).

use wire::mqtt::{
    self, ConnAck, Connect, Disconnect, FromClient, Place, Property, PropertyList, Refusal, Sender, Version,
};
use wire::{Serial, UtcMs};

use super::{House, RECEIVE_MAXIMUM, Refused, limits};

/// Appends the CONNACK of success.
///
/// # Errors
/// [`House::CLIENT_PACKET_LIMIT`] if the client takes no packet as large.
pub fn accept(
    connect: &Connect<'_>,
    serial: &Serial,
    wall_clock: UtcMs,
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    let start = out.len();
    let list = match connect.version {
        Version::V311 => PropertyList::new(),
        Version::V5 => announcements(connect, serial, wall_clock),
    };
    let ack = ConnAck { session_present: false, code: 0, properties: list.properties(Place::ConnAck)? };
    ack.encode(connect.version, out)?;
    if u32::try_from(out.len() - start).is_ok_and(|length| length <= maximum_packet_size(connect)) {
        return Ok(());
    }
    out.truncate(start);
    Err(House::CLIENT_PACKET_LIMIT.into())
}

/// What a 5.0 client is told of this server.
fn announcements(connect: &Connect<'_>, serial: &Serial, wall_clock: UtcMs) -> PropertyList {
    let mut list = PropertyList::new()
        .number(Property::SESSION_EXPIRY_INTERVAL, 0)
        .number(Property::RECEIVE_MAXIMUM, u32::from(RECEIVE_MAXIMUM))
        .number(Property::MAXIMUM_QOS, 1)
        .number(Property::RETAIN_AVAILABLE, 0)
        .number(Property::MAXIMUM_PACKET_SIZE, limits::PACKET_BYTES as u32)
        .number(Property::WILDCARD_SUBSCRIPTION_AVAILABLE, 0)
        .number(Property::SUBSCRIPTION_IDENTIFIERS_AVAILABLE, 0)
        .number(Property::SHARED_SUBSCRIPTION_AVAILABLE, 0)
        .number(Property::SERVER_KEEP_ALIVE, u32::from(limits::KEEP_ALIVE_S));
    if connect.client_id.is_empty() {
        // One session per serial: the serial is an identifier of its own.
        list = list.text(Property::ASSIGNED_CLIENT_IDENTIFIER, serial.as_str());
    }
    list.user(mqtt::SERVER_TIME, &wall_clock.to_rfc3339())
}

/// Appends the CONNACK that refuses the CONNECT at the start of `input`, if its sender would understand one.
pub fn refuse_connect(refused: Refused, input: &[u8], out: &mut Vec<u8>) {
    let written = match (mqtt::connect_version(input), refused.return_code()) {
        (Some(Version::V5), _) => {
            let list = words(refused, connect_maximum(input));
            let properties = list.properties(Place::ConnAck).unwrap_or_default();
            let ack = ConnAck { properties, ..ConnAck::refuse(refused.reason().0) };
            ack.encode(Version::V5, out)
        }
        // A level that we do not know gets the answer of the version that named it.
        (Some(Version::V311), Some(code)) => ConnAck::refuse(code).encode(Version::V311, out),
        (None, Some(code)) if refused == Refused::Rule(Refusal::PROTOCOL_LEVEL) => {
            ConnAck::refuse(code).encode(Version::V311, out)
        }
        _ => Ok(()),
    };
    // A code that has no place in CONNACK is not sent: the connection closes all the same.
    let _ = written;
}

/// Appends the DISCONNECT that ends a 5.0 session; a 3.1.1 server has none.
pub fn disconnect(version: Version, maximum: u32, refused: Refused, out: &mut Vec<u8>) {
    if version == Version::V311 {
        return;
    }
    let list = words(refused, maximum);
    let properties = list.properties(Place::DisconnectByServer).unwrap_or_default();
    let _ = Disconnect { reason: refused.reason(), properties }.encode(version, Sender::Server, out);
}

/// The client's maximum packet size; 0 if its CONNECT cannot be read.
pub fn connect_maximum(packet: &[u8]) -> u32 {
    match mqtt::from_client(Version::V5, packet) {
        Ok(FromClient::Connect(connect)) => maximum_packet_size(&connect),
        _ => 0,
    }
}

/// The client's maximum packet size.
pub fn maximum_packet_size(connect: &Connect<'_>) -> u32 {
    connect.properties.number(Property::MAXIMUM_PACKET_SIZE).unwrap_or(u32::MAX)
}

/// The refusal in words, if the client takes a packet that long.
fn words(refused: Refused, maximum: u32) -> PropertyList {
    // Header, flags, code, property length, identifier, string length.
    const AROUND_THE_WORDS: usize = 16;
    let room = usize::try_from(maximum).unwrap_or(usize::MAX);
    if refused.text().len() + AROUND_THE_WORDS > room {
        return PropertyList::new();
    }
    PropertyList::new().text(Property::REASON_STRING, refused.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_fits_where_it_may_be_sent() {
        for maximum in [0, 20, u32::MAX] {
            for rule in House::TABLE
                .iter()
                .map(|rule| rule.reason)
                .chain(Refusal::TABLE.iter().map(|rule| rule.reason))
            {
                assert!(!rule.is_success());
            }
            let mut out = Vec::new();
            disconnect(Version::V5, maximum, House::TOPIC.into(), &mut out);
            assert!(
                out.starts_with(&[0xe0]) && out.len() <= usize::try_from(maximum).unwrap().max(4),
                "{out:02x?}"
            );
            let code = out.get(2).copied();
            assert_eq!(code, Some(0x87));
            out.clear();
            disconnect(Version::V311, maximum, House::TOPIC.into(), &mut out);
            assert!(out.is_empty());
        }
    }
}

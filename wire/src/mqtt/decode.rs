//! One whole packet to its type.
//!
//! In: the bytes that [`super::frame`] delimited. Out: a packet that borrows from them, or the refusal.

use super::frame::{self, Sender};
use super::{ConnAck, Connect, Disconnect, Framing, PubAck, Publish, Refusal, SubAck, Subscribe, Version};

/// A packet that a client may send to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromClient<'a> {
    /// The first packet.
    Connect(Connect<'a>),
    /// A message.
    Publish(Publish<'a>),
    /// A wish that is refused.
    Subscribe(Subscribe<'a>),
    /// A sign of life.
    PingReq,
    /// The end.
    Disconnect(Disconnect<'a>),
}

/// A packet that our server may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromServer<'a> {
    /// The answer to CONNECT.
    ConnAck(ConnAck<'a>),
    /// "It is on disk."
    PubAck(PubAck<'a>),
    /// The refusal of a SUBSCRIBE.
    SubAck(SubAck<'a>),
    /// The answer to a ping.
    PingResp,
    /// The end (5.0 only).
    Disconnect(Disconnect<'a>),
}

/// Decodes one whole packet of a client. A CONNECT brings its own version; `version` is for the others.
///
/// # Errors
/// The rule it breaks.
pub fn from_client(version: Version, packet: &[u8]) -> Result<FromClient<'_>, Refusal> {
    let (first, body) = split(packet, Sender::Client)?;
    match first >> 4 {
        frame::CONNECT => Connect::decode(body).map(FromClient::Connect),
        frame::PUBLISH => Publish::decode(first, body, version).map(FromClient::Publish),
        frame::SUBSCRIBE => Subscribe::decode(body, version).map(FromClient::Subscribe),
        frame::PINGREQ => Ok(FromClient::PingReq),
        frame::DISCONNECT => Disconnect::decode(body, version, Sender::Client).map(FromClient::Disconnect),
        frame::AUTH if version == Version::V5 => Err(Refusal::AUTH),
        _ => Err(Refusal::PACKET_TYPE_RESERVED),
    }
}

/// Decodes one whole packet of a server.
///
/// # Errors
/// The rule it breaks; every packet that would carry something to the client is one ([`Refusal::CLIENT_PACKET`]).
pub fn from_server(version: Version, packet: &[u8]) -> Result<FromServer<'_>, Refusal> {
    let (first, body) = split(packet, Sender::Server)?;
    match first >> 4 {
        frame::CONNACK => ConnAck::decode(body, version).map(FromServer::ConnAck),
        frame::PUBACK => PubAck::decode(body, version).map(FromServer::PubAck),
        frame::SUBACK => SubAck::decode(body, version).map(FromServer::SubAck),
        frame::PINGRESP => Ok(FromServer::PingResp),
        frame::DISCONNECT if version == Version::V5 => {
            Disconnect::decode(body, version, Sender::Server).map(FromServer::Disconnect)
        }
        _ => Err(Refusal::CLIENT_PACKET),
    }
}

/// First byte and body of a packet that fills `packet` exactly.
fn split(packet: &[u8], sender: Sender) -> Result<(u8, &[u8]), Refusal> {
    match frame::frame(packet, sender, usize::MAX)? {
        Framing::Incomplete { .. } => Err(Refusal::TRUNCATED),
        Framing::Complete { length } if length < packet.len() => Err(Refusal::TRAILING_BYTES),
        Framing::Complete { .. } => {
            let header = 2 + packet.iter().skip(1).take_while(|byte| **byte & 0x80 != 0).count();
            let first = packet.first().copied().ok_or(Refusal::TRUNCATED)?;
            Ok((first, packet.get(header..).ok_or(Refusal::TRUNCATED)?))
        }
    }
}

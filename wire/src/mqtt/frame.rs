//! The fixed header: which packet, and where it ends.
//!
//! In: the first bytes of what was received. Out: the packet's length, or how many bytes are wanted, or a refusal as
//! soon as the bytes so far break a rule; so that nobody waits for the rest of a packet that is refused anyway.

use super::Refusal;

/// Whose bytes these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A client's, read by a server.
    Client,
    /// A server's, read by a client.
    Server,
}

/// How far the first packet of the input has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// The packet is the first `length` bytes.
    Complete {
        /// Bytes of the packet, fixed header included.
        length: usize,
    },
    /// More is needed before the packet can be decoded.
    Incomplete {
        /// Bytes in all, from the start of the input, that are needed at least.
        wanted: usize,
    },
}

pub(super) const CONNECT: u8 = 1;
pub(super) const CONNACK: u8 = 2;
pub(super) const PUBLISH: u8 = 3;
pub(super) const PUBACK: u8 = 4;
pub(super) const SUBSCRIBE: u8 = 8;
pub(super) const SUBACK: u8 = 9;
pub(super) const UNSUBSCRIBE: u8 = 10;
pub(super) const PINGREQ: u8 = 12;
pub(super) const PINGRESP: u8 = 13;
pub(super) const DISCONNECT: u8 = 14;
pub(super) const AUTH: u8 = 15;

/// Reads the fixed header of the first packet in `input`, which `sender` sent.
///
/// # Errors
/// The rule its bytes break, [`Refusal::PACKET_TOO_LARGE`] beyond `limit` bytes among them.
pub fn frame(input: &[u8], sender: Sender, limit: usize) -> Result<Framing, Refusal> {
    let Some((&first, rest)) = input.split_first() else {
        return Ok(Framing::Incomplete { wanted: 2 });
    };
    check_first_byte(first, sender)?;
    let mut remaining = 0_usize;
    for (index, shift) in [0, 7, 14, 21].into_iter().enumerate() {
        let Some(&byte) = rest.get(index) else {
            return Ok(Framing::Incomplete { wanted: index + 2 });
        };
        remaining |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            if index > 0 && byte == 0 {
                return Err(Refusal::REMAINING_LENGTH_NOT_MINIMAL);
            }
            let length = index + 2 + remaining;
            if matches!(first >> 4, PINGREQ | PINGRESP) && remaining != 0 {
                return Err(Refusal::PING_BODY);
            }
            return match length {
                _ if length > limit => Err(Refusal::PACKET_TOO_LARGE),
                _ if length > input.len() => Ok(Framing::Incomplete { wanted: length }),
                _ => Ok(Framing::Complete { length }),
            };
        }
    }
    Err(Refusal::REMAINING_LENGTH_TOO_LONG)
}

/// Packet type and flags, the first byte of every packet.
fn check_first_byte(first: u8, sender: Sender) -> Result<(), Refusal> {
    let (kind, flags) = (first >> 4, first & 0x0f);
    match (kind, sender) {
        (0, _) => return Err(Refusal::PACKET_TYPE_RESERVED),
        (CONNECT | PUBLISH | SUBSCRIBE | UNSUBSCRIBE | PINGREQ | DISCONNECT | AUTH, Sender::Client) => {}
        (_, Sender::Client) => return Err(Refusal::SERVER_PACKET),
        (CONNACK | PUBACK | SUBACK | PINGRESP | DISCONNECT, Sender::Server) => {}
        (_, Sender::Server) => return Err(Refusal::CLIENT_PACKET),
    }
    match kind {
        PUBLISH if flags & 0b0110 == 0b0110 => Err(Refusal::QOS_3),
        PUBLISH if flags & 0b1110 == 0b1000 => Err(Refusal::DUP_WITH_QOS_0),
        PUBLISH => Ok(()),
        SUBSCRIBE | UNSUBSCRIBE if flags != 0b0010 => Err(Refusal::FIXED_HEADER_FLAGS),
        UNSUBSCRIBE => Err(Refusal::UNSUBSCRIBE),
        SUBSCRIBE => Ok(()),
        _ if flags != 0 => Err(Refusal::FIXED_HEADER_FLAGS),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expect: Result<Framing, Refusal>) {
        assert_eq!(frame(bytes, Sender::Client, 64_000), expect, "{bytes:02x?}");
    }

    #[test]
    fn lengths() {
        check(&[], Ok(Framing::Incomplete { wanted: 2 }));
        check(&[0x30], Ok(Framing::Incomplete { wanted: 2 }));
        check(&[0x30, 0x80], Ok(Framing::Incomplete { wanted: 3 }));
        check(&[0x30, 0x03, 0], Ok(Framing::Incomplete { wanted: 5 }));
        check(&[0x30, 0x03, 0, 1, b'a', 9], Ok(Framing::Complete { length: 5 }));
        check(&[0xc0, 0], Ok(Framing::Complete { length: 2 }));
        check(&[0x30, 0x83, 0x00], Err(Refusal::REMAINING_LENGTH_NOT_MINIMAL));
        check(&[0x30, 0x80, 0x80, 0x80, 0x80], Err(Refusal::REMAINING_LENGTH_TOO_LONG));
        check(&[0x30, 0xff, 0xff, 0xff, 0x7f], Err(Refusal::PACKET_TOO_LARGE));
    }

    #[test]
    fn the_limit_holds_at_n_and_n_plus_1() {
        // 64,000 = 4 bytes of header + 63,996.
        check(&[0x30, 0xfc, 0xf3, 0x03], Ok(Framing::Incomplete { wanted: 64_000 }));
        check(&[0x30, 0xfd, 0xf3, 0x03], Err(Refusal::PACKET_TOO_LARGE));
    }

    #[test]
    fn first_bytes() {
        for first in 0..=255_u8 {
            let answer = frame(&[first], Sender::Client, 64_000);
            let good =
                [0x10, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x3a, 0x3b, 0x3c, 0x3d, 0x82, 0xc0, 0xe0, 0xf0];
            assert_eq!(answer.is_ok(), good.contains(&first), "{first:02x} {answer:?}");
            let answer = frame(&[first], Sender::Server, 64_000);
            assert_eq!(
                answer.is_ok(),
                [0x20, 0x40, 0x90, 0xd0, 0xe0].contains(&first),
                "{first:02x} {answer:?}"
            );
        }
    }
}

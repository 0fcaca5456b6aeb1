//! Fields of a packet, one after the other.
//!
//! In: the bytes of one packet. Out: integers, strings, binary data, or the refusal. Never reads beyond the packet.

use super::{Refusal, text};

/// What is left of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Refusal> {
        let (field, rest) = self.0.split_at_checked(count).ok_or(Refusal::TRUNCATED)?;
        self.0 = rest;
        Ok(field)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let (field, rest) = self.0.split_first_chunk().ok_or(Refusal::TRUNCATED)?;
        self.0 = rest;
        Ok(*field)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Refusal> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn two_bytes(&mut self) -> Result<u16, Refusal> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn four_bytes(&mut self) -> Result<u32, Refusal> {
        self.array().map(u32::from_be_bytes)
    }

    /// A variable byte integer, 5.0 §1.5.5.
    pub(super) fn variable(&mut self) -> Result<u32, Refusal> {
        let mut value = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let minimal = shift == 0 || byte != 0;
                return if minimal { Ok(value) } else { Err(Refusal::INTEGER_NOT_MINIMAL) };
            }
        }
        Err(Refusal::INTEGER_TOO_LONG)
    }

    pub(super) fn binary(&mut self) -> Result<&'a [u8], Refusal> {
        let length = self.two_bytes()?;
        self.take(usize::from(length))
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Refusal> {
        text::text(self.binary()?)
    }

    pub(super) fn packet_id(&mut self) -> Result<super::PacketId, Refusal> {
        super::PacketId::new(self.two_bytes()?).ok_or(Refusal::PACKET_ID_ZERO)
    }

    pub(super) fn end(self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal::TRAILING_BYTES) }
    }
}

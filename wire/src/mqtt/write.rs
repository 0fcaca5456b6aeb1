//! Packets to bytes.
//!
//! In: fields. Out: bytes appended to the caller's buffer, by the same rules that decoding checks: what may not be
//! received is not sent, and a refused packet leaves the buffer as it was.

use alloc::vec::Vec;

use super::frame::{PINGREQ, PINGRESP};
use super::{MAX_PACKET_BYTES, Refusal, text};

/// Appends one packet: `body` writes what follows the fixed header.
pub(super) fn packet(
    out: &mut Vec<u8>,
    first: u8,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let start = out.len();
    // One byte of type and flags, one of length: most packets need no more, longer ones move up.
    out.extend_from_slice(&[first, 0]);
    let written = body(out).and_then(|()| set_length(out, start));
    if written.is_err() {
        out.truncate(start);
    }
    written
}

fn set_length(out: &mut Vec<u8>, start: usize) -> Result<(), Refusal> {
    let remaining = out.len() - start - 2;
    let (bytes, count) = variable_bytes(u32::try_from(remaining).map_err(|_| Refusal::PACKET_TOO_LARGE)?)?;
    if remaining + 1 + count > MAX_PACKET_BYTES {
        return Err(Refusal::PACKET_TOO_LARGE);
    }
    out.splice(start + 1..start + 2, bytes.into_iter().take(count));
    Ok(())
}

fn variable_bytes(mut value: u32) -> Result<([u8; 4], usize), Refusal> {
    let mut bytes = [0; 4];
    for (index, slot) in bytes.iter_mut().enumerate() {
        *slot = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            return Ok((bytes, index + 1));
        }
        *slot |= 0x80;
    }
    Err(Refusal::INTEGER_TOO_LONG)
}

pub(super) fn variable(out: &mut Vec<u8>, value: u32) -> Result<(), Refusal> {
    let (bytes, count) = variable_bytes(value)?;
    out.extend(bytes.into_iter().take(count));
    Ok(())
}

pub(super) fn two_bytes(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(super) fn binary(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Refusal> {
    two_bytes(out, u16::try_from(bytes.len()).map_err(|_| Refusal::PACKET_TOO_LARGE)?);
    out.extend_from_slice(bytes);
    Ok(())
}

pub(super) fn string(out: &mut Vec<u8>, string: &str) -> Result<(), Refusal> {
    text::text(string.as_bytes())?;
    binary(out, string.as_bytes())
}

/// Appends a PINGREQ.
pub fn ping_request(out: &mut Vec<u8>) {
    out.extend_from_slice(&[PINGREQ << 4, 0]);
}

/// Appends a PINGRESP.
pub fn ping_response(out: &mut Vec<u8>) {
    out.extend_from_slice(&[PINGRESP << 4, 0]);
}

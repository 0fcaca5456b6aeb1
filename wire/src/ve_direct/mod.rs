//! Victron VE.Direct TEXT blocks, HEX frames interleaved ("VE.Direct Protocol", the maker's document).
//!
//! In: bytes of the serial line. Out: one [`Observation`] per good block that says something of now, and blocks for the
//! simulator. A block is `CR LF label TAB value` lines; the last is `Checksum`, whose value is the one byte (any byte,
//! `:` too) that makes all bytes since the last checksum byte sum to 0 modulo 256, HEX frames left out.

mod fields;

use alloc::string::String;
use alloc::vec::Vec;

use crate::stream::{Decoder, StreamCounts};
use crate::{Observation, Sample};

/// Longest block. The maker allows 22 lines of at most 8 + 32 characters and three marks: 946 bytes and the checksum.
pub const MAX_BLOCK_BYTES: usize = 1024;

const CHECKSUM_LABEL: &[u8] = b"\r\nChecksum\t";

/// Appends one block: CR LF, label, TAB, value for each field, then the checksum line.
pub fn encode(fields: &[(&str, &str)], out: &mut Vec<u8>) {
    let start = out.len();
    for (label, value) in fields {
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(label.as_bytes());
        out.push(b'\t');
        out.extend_from_slice(value.as_bytes());
    }
    out.extend_from_slice(CHECKSUM_LABEL);
    let sum = out.iter().skip(start).fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    out.push(sum.wrapping_neg());
}

/// Streaming decoder of VE.Direct TEXT.
#[derive(Debug, Default)]
pub struct VeDirectDecoder {
    counts: StreamCounts,
    state: State,
    /// Bytes since the last checksum byte, HEX frames left out; never more than [`MAX_BLOCK_BYTES`].
    block: Vec<u8>,
    sum: u8,
    /// Something in this block broke the rules, whatever its sum.
    broken: bool,
    /// How much of `\nChecksum\t` has just been seen.
    matched: usize,
    /// Unknown labels of blocks that say nothing else; they ride with the next observation.
    held: Vec<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// The next byte is the checksum, whatever it is.
    Checksum,
    /// Inside `:` … LF.
    Hex,
}

impl VeDirectDecoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn byte(&mut self, byte: u8, out: &mut dyn FnMut(Observation)) {
        match (self.state, byte) {
            (State::Checksum, _) => {
                self.keep(byte);
                self.end_of_block(out);
            }
            (State::Hex, b'\n') => self.state = State::Text,
            (State::Hex, b'0'..=b'9' | b'A'..=b'F' | b'a'..=b'f') => {}
            (State::Text, b':') => self.state = State::Hex,
            (State::Text | State::Hex, _) => {
                // A `:` that begins no HEX frame was noise in the text.
                self.broken |= self.state == State::Hex;
                self.state = State::Text;
                self.keep(byte);
                self.match_label(byte);
            }
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.block.len() >= MAX_BLOCK_BYTES {
            // No checksum in all these bytes: what follows is the rest of a bad block at best.
            self.drop_block();
            self.broken = true;
        }
        self.block.push(byte);
        self.sum = self.sum.wrapping_add(byte);
    }

    fn match_label(&mut self, byte: u8) {
        // Line feed stands only at the front of the label, so a mismatch can only begin anew.
        let label = CHECKSUM_LABEL.get(1..).unwrap_or_default();
        self.matched = match label.get(self.matched) {
            Some(expected) if *expected == byte => self.matched + 1,
            _ => usize::from(byte == b'\n'),
        };
        if self.matched == label.len() {
            self.state = State::Checksum;
        }
    }

    fn end_of_block(&mut self, out: &mut dyn FnMut(Observation)) {
        let good = !self.broken && self.sum == 0;
        let text = self.block.split_last().and_then(|(_, text)| text.strip_suffix(CHECKSUM_LABEL));
        match text.filter(|_| good).and_then(fields::observation) {
            Some(observation) => {
                self.counts.good += 1;
                self.emit(observation, out);
                self.reset();
            }
            None => self.drop_block(),
        }
    }

    fn emit(&mut self, mut observation: Observation, out: &mut dyn FnMut(Observation)) {
        let Sample { quantities, flags, conditions, unknown } = &mut observation.sample;
        if quantities.is_empty() && flags.is_empty() && conditions.is_empty() {
            // A block of history says nothing of now; given out, it would look as if all conditions had vanished.
            self.held = core::mem::take(unknown);
            return;
        }
        self.held.drain(..).for_each(|text| observation.sample.push_unknown(&text));
        out(observation);
    }

    fn drop_block(&mut self) {
        self.counts.bad += 1;
        self.counts.dropped_bytes += self.block.len() as u64;
        self.reset();
    }

    fn reset(&mut self) {
        self.block.clear();
        self.sum = 0;
        self.broken = false;
        self.matched = 0;
        self.state = State::Text;
    }
}

impl Decoder for VeDirectDecoder {
    fn push(&mut self, bytes: &[u8], _arrived_ms: u64, out: &mut dyn FnMut(Observation)) {
        bytes.iter().for_each(|byte| self.byte(*byte, out));
    }

    fn counts(&self) -> StreamCounts {
        self.counts
    }
}

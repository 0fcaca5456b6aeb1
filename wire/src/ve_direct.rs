//! Victron VE.Direct TEXT blocks, HEX frames interleaved.
//!
//! In: bytes of the serial line. Out: [`Observation`]s.

use alloc::vec::Vec;

use crate::Observation;
use crate::stream::{Decoder, StreamCounts};

/// Appends one block: `\r\nLABEL\tVALUE` for each field, then the checksum field.
pub fn encode(fields: &[(&str, &str)], out: &mut Vec<u8>) {
    let _ = (fields, out);
}

/// Streaming decoder of VE.Direct TEXT.
#[derive(Debug, Default)]
pub struct VeDirectDecoder {
    counts: StreamCounts,
}

impl VeDirectDecoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Decoder for VeDirectDecoder {
    fn push(&mut self, _bytes: &[u8], _arrived_ms: u64, _out: &mut dyn FnMut(Observation)) {}
    fn counts(&self) -> StreamCounts {
        self.counts
    }
}

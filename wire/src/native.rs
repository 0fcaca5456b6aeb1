//! The native push link: COBS frames, zero-delimited, CRC-32 last, a CBOR map inside.
//!
//! In: bytes of the serial line. Out: [`Observation`]s.

use alloc::vec::Vec;

use crate::Observation;
use crate::stream::{Decoder, StreamCounts};

/// Most bytes of a frame between its delimiters, COBS included.
pub const MAX_FRAME_BYTES: usize = 1024;

/// Appends one frame, delimiter first and last.
pub fn encode(observation: &Observation, out: &mut Vec<u8>) {
    let _ = (observation, out);
}

/// Streaming decoder of the native link.
#[derive(Debug, Default)]
pub struct NativeDecoder {
    counts: StreamCounts,
}

impl NativeDecoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Decoder for NativeDecoder {
    fn push(&mut self, _bytes: &[u8], _arrived_ms: u64, _out: &mut dyn FnMut(Observation)) {}
    fn counts(&self) -> StreamCounts {
        self.counts
    }
}

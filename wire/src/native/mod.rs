//! The native push link: one COBS frame each second, zero-delimited, CRC-32 last, a CBOR map inside.
//!
//! In: bytes of the serial line. Out: one [`Observation`] per good frame, and frames for the simulator. Starts
//! anywhere, survives any bytes, resynchronises at the next zero, and keeps at most [`MAX_FRAME_BYTES`].

mod body;

use alloc::vec::Vec;

use crc::{CRC_32_ISO_HDLC, Crc, Table};

use crate::Observation;
use crate::stream::{Decoder, StreamCounts};

/// Most bytes between two zeros, COBS included: half a second of the line at 19,200 baud, room for every quantity of
/// the table, 32 unknown codes of usual length and growth.
pub const MAX_FRAME_BYTES: usize = 1024;

/// Polynomial, reflection and final inversion of IEEE 802.3, zlib and PNG.
static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
const CRC_BYTES: usize = 4;

/// Appends one frame: a zero, COBS of (CBOR map, CRC-32 of it, little-endian), a zero.
///
/// Unknown codes that would make the frame longer than a receiver accepts are left out, the last first.
pub fn encode(observation: &Observation, out: &mut Vec<u8>) {
    let mut body = body::encode(observation, usize::MAX);
    let mut codes = observation.sample.unknown.len();
    while cobs::max_encoding_length(body.len() + CRC_BYTES) > MAX_FRAME_BYTES && codes > 0 {
        codes -= 1;
        body = body::encode(observation, codes);
    }
    let crc = CRC.checksum(&body).to_le_bytes();
    body.extend_from_slice(&crc);
    let mut stuffed = alloc::vec![0; cobs::max_encoding_length(body.len())];
    // The destination has the length that the crate asks for, so this cannot fail.
    let length = cobs::try_encode(&body, &mut stuffed).unwrap_or(0);
    out.push(0);
    out.extend(stuffed.iter().take(length));
    out.push(0);
}

/// Streaming decoder of the native link.
#[derive(Debug, Default)]
pub struct NativeDecoder {
    counts: StreamCounts,
    /// Bytes since the last zero, at most [`MAX_FRAME_BYTES`].
    frame: Vec<u8>,
    /// All bytes since the last zero, those past the bound too.
    length: u64,
}

impl NativeDecoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn delimiter(&mut self, out: &mut dyn FnMut(Observation)) {
        // Zeros may repeat: each frame has one in front and one behind.
        if self.length == 0 {
            return;
        }
        let whole = self.length == self.frame.len() as u64;
        match whole.then(|| observation(&self.frame)).flatten() {
            Some(observation) => {
                self.counts.good += 1;
                out(observation);
            }
            None => {
                self.counts.bad += 1;
                self.counts.dropped_bytes += self.length;
            }
        }
        self.frame.clear();
        self.length = 0;
    }
}

/// What stood between two zeros, where COBS, CRC and body are good.
fn observation(stuffed: &[u8]) -> Option<Observation> {
    let mut frame = [0; MAX_FRAME_BYTES];
    let length = cobs::decode(stuffed, &mut frame).ok()?.frame_size();
    let (body, crc) = frame.get(..length)?.split_last_chunk::<CRC_BYTES>()?;
    (CRC.checksum(body) == u32::from_le_bytes(*crc)).then(|| body::decode(body).ok())?
}

impl Decoder for NativeDecoder {
    fn push(&mut self, bytes: &[u8], _arrived_ms: u64, out: &mut dyn FnMut(Observation)) {
        for byte in bytes {
            if *byte == 0 {
                self.delimiter(out);
            } else {
                self.length += 1;
                if self.frame.len() < MAX_FRAME_BYTES {
                    self.frame.push(*byte);
                }
            }
        }
    }

    fn counts(&self) -> StreamCounts {
        self.counts
    }
}

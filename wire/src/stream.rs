//! What every serial decoder is: bytes in any portions in, observations out, counters beside.
//!
//! In: whatever the line carried, split anywhere. Out: one [`Observation`] per good frame, block or merged set of
//! pages. A decoder never fails, never asks what time it is, and keeps a fixed amount of memory.

use crate::Observation;

/// A streaming decoder of one serial protocol. `Box<dyn Decoder + Send>` works.
pub trait Decoder: core::fmt::Debug {
    /// Takes the next bytes of the line and hands each observation that they complete to `out`, in order.
    ///
    /// `arrived_ms` is when the bytes came by any clock that does not go back (the gateway's uptime); only streams
    /// whose pages are merged by time look at it. The result does not depend on how the bytes are split.
    fn push(&mut self, bytes: &[u8], arrived_ms: u64, out: &mut dyn FnMut(Observation));

    /// Hands out what is complete but still waits for company (MATE pages). Call it when the line has been silent
    /// for a second; most decoders have nothing to say.
    fn flush(&mut self, out: &mut dyn FnMut(Observation)) {
        let _ = out;
    }

    /// What was seen so far.
    fn counts(&self) -> StreamCounts;
}

/// Counters of one stream since its decoder was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Frames, blocks or pages with a good checksum.
    pub good: u64,
    /// Frames, blocks or pages that failed: checksum, length or structure.
    pub bad: u64,
    /// Bytes that belonged to no good frame.
    pub dropped_bytes: u64,
}

//! OutBack MATE status pages: LF, 47 characters, CR.
//!
//! In: bytes of the serial line. Out: [`Observation`]s, pages of one second merged.

use alloc::vec::Vec;

use crate::Observation;
use crate::stream::{Decoder, StreamCounts};

/// The port of a device on the MATE's hub, the first character of its page: `0`–`:` inverter (FX), `A`–`K` charge
/// controller (MX, FM), `a`–`k` battery monitor (FLEXnet DC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(u8);

impl Address {
    /// By the character in a page; `None` where no device can have it.
    #[must_use]
    pub fn from_char(character: char) -> Option<Self> {
        matches!(character, '0'..=':' | 'A'..='K' | 'a'..='k')
            .then(|| u8::try_from(character).ok().map(Self))?
    }

    /// The character in a page.
    #[must_use]
    pub fn as_char(self) -> char {
        char::from(self.0)
    }
}

/// Appends one page: LF, address and fields joined by commas, digit sum, CR. The fields are written as given: their
/// widths are the caller's, 43 characters in all without the sum.
pub fn encode_page(address: Address, fields: &[&str], out: &mut Vec<u8>) {
    let _ = (address, fields, out);
}

/// Streaming decoder of MATE pages.
#[derive(Debug, Default)]
pub struct MateDecoder {
    counts: StreamCounts,
}

impl MateDecoder {
    /// A decoder that listens to these devices and ignores others; to every device where `addresses` is empty.
    #[must_use]
    pub fn new(addresses: &[Address]) -> Self {
        let _ = addresses;
        Self::default()
    }
}

impl Decoder for MateDecoder {
    fn push(&mut self, _bytes: &[u8], _arrived_ms: u64, _out: &mut dyn FnMut(Observation)) {}
    fn counts(&self) -> StreamCounts {
        self.counts
    }
}

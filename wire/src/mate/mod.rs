//! OutBack MATE status pages: LF, 47 characters, CR, one page per device and second ("MATE Serial Communications
//! Guide", revision 4.04).
//!
//! In: bytes of the serial line. Out: one [`Observation`] per round of pages, and pages for the simulator. The last
//! field of a page is the sum of its decimal digits; a letter as address counts as its ASCII code less 48.

mod merge;
mod page;

use alloc::vec::Vec;

use crate::Observation;
use crate::stream::{Decoder, StreamCounts};
use page::Page;

/// Characters of a page between LF and CR.
pub const PAGE_BYTES: usize = 47;
/// Pages that come within this time of the first of their round are merged, milliseconds.
pub const ROUND_MS: u64 = 1000;

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

/// Appends one page: LF, address and fields joined by commas, digit sum, CR.
///
/// The fields are written as given, so their widths are the caller's: inverter 2 2 2 3 3 2 2 3 2 3 3 3, charge
/// controller 2 2 2 3 3 2 2 3 2 3 4 2, battery monitor 4 4 4 2 5 3 3 3 2 2.
pub fn encode_page(address: Address, fields: &[&str], out: &mut Vec<u8>) {
    out.push(b'\n');
    let start = out.len();
    out.push(address.0);
    for field in fields {
        out.push(b',');
        out.extend_from_slice(field.as_bytes());
    }
    let sum = page::digit_sum(out.iter().skip(start)) % 1000;
    out.extend_from_slice(alloc::format!(",{sum:03}\r").as_bytes());
}

/// Streaming decoder of MATE pages.
///
/// Pages of one round are merged: a round ends when every configured device has spoken, when a device speaks again,
/// when a page comes more than [`ROUND_MS`] after the round's first, or at [`Decoder::flush`].
#[derive(Debug, Default)]
pub struct MateDecoder {
    addresses: Vec<Address>,
    counts: StreamCounts,
    /// Characters since the last LF; `None` outside a page. At most one more than [`PAGE_BYTES`].
    line: Option<Vec<u8>>,
    /// Pages of the round, at most one per address.
    round: Vec<(Address, Page)>,
    round_began_ms: u64,
}

impl MateDecoder {
    /// A decoder that listens to these devices and passes over others; to every device where `addresses` is empty.
    #[must_use]
    pub fn new(addresses: &[Address]) -> Self {
        Self { addresses: addresses.to_vec(), ..Self::default() }
    }

    fn byte(&mut self, byte: u8, arrived_ms: u64, out: &mut dyn FnMut(Observation)) {
        match (byte, &mut self.line) {
            (b'\n', _) => {
                self.drop_line();
                self.line = Some(Vec::with_capacity(PAGE_BYTES + 1));
            }
            (b'\r', Some(line)) => {
                let line = core::mem::take(line);
                self.line = None;
                self.end_of_line(&line, arrived_ms, out);
            }
            (_, Some(line)) if line.len() < PAGE_BYTES => line.push(byte),
            (_, Some(_)) => {
                self.drop_line();
                self.counts.dropped_bytes += 1;
            }
            (_, None) => self.counts.dropped_bytes += 1,
        }
    }

    fn end_of_line(&mut self, line: &[u8], arrived_ms: u64, out: &mut dyn FnMut(Observation)) {
        let Some((address, page)) = page::parse(line) else {
            self.counts.bad += 1;
            self.counts.dropped_bytes += line.len() as u64 + 2;
            return;
        };
        self.counts.good += 1;
        if !self.addresses.is_empty() && !self.addresses.contains(&address) {
            return;
        }
        let again = self.round.iter().any(|(there, _)| *there == address);
        if again || arrived_ms.saturating_sub(self.round_began_ms) > ROUND_MS {
            self.end_of_round(out);
        }
        if self.round.is_empty() {
            self.round_began_ms = arrived_ms;
        }
        self.round.push((address, page));
        if !self.addresses.is_empty()
            && self.addresses.iter().all(|a| self.round.iter().any(|(there, _)| there == a))
        {
            self.end_of_round(out);
        }
    }

    fn end_of_round(&mut self, out: &mut dyn FnMut(Observation)) {
        if !self.round.is_empty() {
            out(Observation { sample: merge::sample(&self.round), ..Observation::default() });
            self.round.clear();
        }
    }

    /// A page that ended without CR.
    fn drop_line(&mut self) {
        if let Some(line) = self.line.take() {
            self.counts.bad += 1;
            self.counts.dropped_bytes += line.len() as u64 + 1;
        }
    }
}

impl Decoder for MateDecoder {
    fn push(&mut self, bytes: &[u8], arrived_ms: u64, out: &mut dyn FnMut(Observation)) {
        bytes.iter().for_each(|byte| self.byte(*byte, arrived_ms, out));
    }

    fn flush(&mut self, out: &mut dyn FnMut(Observation)) {
        self.end_of_round(out);
    }

    fn counts(&self) -> StreamCounts {
        self.counts
    }
}

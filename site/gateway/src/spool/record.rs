//! One record of the spool as bytes: marker, length, CRC, kind, ordinal, uptime, body.
//!
//! In: a [`Record`] or the bytes of a segment, whole, torn or corrupt. Out: the same the other way. Never trusts a
//! length before its CRC holds; after damage it finds the next good record.

use crc::{CRC_32_ISO_HDLC, Crc, Table};
use wire::{BootId, UtcMs};

/// First bytes of each record: what a search after damage looks for.
const MARKER: [u8; 2] = [0xc5, 0x5c];
/// Marker, length, CRC, kind, ordinal, uptime.
pub const HEAD_BYTES: usize = 2 + 2 + 4 + 1 + 8 + 8;
/// Largest body: a report must hold it.
pub const MAX_BODY_BYTES: usize = 60_000;

static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A report in CBOR with one reading, undated.
    Reading = 1,
    /// Eight bytes of age, then a report in CBOR with one event, undated.
    Event = 2,
    /// The clock of this boot became better known.
    Clock = 3,
    /// Records that the spool had to drop.
    Gap = 4,
}

impl Kind {
    fn from_code(code: u8) -> Option<Self> {
        [Self::Reading, Self::Event, Self::Clock, Self::Gap].into_iter().find(|kind| *kind as u8 == code)
    }
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What the body is.
    pub kind: Kind,
    /// The record's number, never used twice; its `sequence` on the wire.
    pub ordinal: u64,
    /// The machine's uptime of what it tells, milliseconds.
    pub uptime_ms: u64,
    /// The body.
    pub body: Vec<u8>,
}

impl Record {
    /// Appends the record's bytes. A body over [`MAX_BODY_BYTES`] is cut (and then says nothing): callers keep below.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let body = self.body.get(..MAX_BODY_BYTES).unwrap_or(&self.body);
        let length = u16::try_from(body.len()).unwrap_or(0).to_le_bytes();
        let (ordinal, uptime) = (self.ordinal.to_le_bytes(), self.uptime_ms.to_le_bytes());
        let crc = checksum(&[&length, &[self.kind as u8], &ordinal, &uptime, body]);
        for part in [&MARKER[..], &length, &crc.to_le_bytes(), &[self.kind as u8], &ordinal, &uptime, body] {
            out.extend_from_slice(part);
        }
    }

    /// Bytes on disk.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        HEAD_BYTES + self.body.len()
    }
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A good record of this many bytes.
    Record(Record, usize),
    /// More bytes are needed to tell: at least this many in all.
    NeedMore(usize),
    /// No good record starts here.
    Damage,
}

/// Reads the record at the beginning of `bytes`.
#[must_use]
pub fn decode(bytes: &[u8]) -> Found {
    try_decode(bytes).unwrap_or(Found::NeedMore(HEAD_BYTES))
}

/// `None`: too short for a head.
fn try_decode(bytes: &[u8]) -> Option<Found> {
    let (marker, rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first()?;
    let (ordinal, rest) = rest.split_first_chunk::<8>()?;
    let (uptime, rest) = rest.split_first_chunk::<8>()?;
    let body_bytes = usize::from(u16::from_le_bytes(*length));
    let Some(known) = Kind::from_code(*kind).filter(|_| *marker == MARKER && body_bytes <= MAX_BODY_BYTES)
    else {
        return Some(Found::Damage);
    };
    let Some(body) = rest.get(..body_bytes) else {
        return Some(Found::NeedMore(HEAD_BYTES + body_bytes));
    };
    if checksum(&[length, &[*kind], ordinal, uptime, body]) != u32::from_le_bytes(*crc) {
        return Some(Found::Damage);
    }
    let record = Record {
        kind: known,
        ordinal: u64::from_le_bytes(*ordinal),
        uptime_ms: u64::from_le_bytes(*uptime),
        body: body.to_vec(),
    };
    Some(Found::Record(record, HEAD_BYTES + body_bytes))
}

fn checksum(parts: &[&[u8]]) -> u32 {
    let mut digest = CRC.digest();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize()
}

/// How far to go on after damage: to the next byte that could start a record.
#[must_use]
pub fn skip(bytes: &[u8]) -> usize {
    let next = bytes.iter().skip(1).position(|byte| *byte == MARKER[0]);
    next.map_or(bytes.len(), |at| at + 1).max(1)
}

/// One end of a gap: a record's boot and uptime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The start of the gateway that wrote it.
    pub boot: BootId,
    /// Its uptime.
    pub uptime_ms: u64,
    /// Wall time as its start knew it, for when nothing of that start is left to repair it by.
    pub wall: UtcMs,
}

/// What the spool had to drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// First lost ordinal.
    pub first: u64,
    /// Last lost ordinal.
    pub last: u64,
    /// Records between them that are lost.
    pub count: u64,
    /// When the first was taken.
    pub from: Option<Moment>,
    /// When the last was taken.
    pub to: Option<Moment>,
}

impl Loss {
    /// Both losses as one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (earlier, later) = if other.first < self.first { (other, self) } else { (self, other) };
        Self {
            first: earlier.first,
            last: earlier.last.max(later.last),
            count: earlier.count.saturating_add(later.count),
            from: earlier.from.or(later.from),
            to: if later.last >= earlier.last { later.to.or(earlier.to) } else { earlier.to },
        }
    }

    /// The body of a [`Kind::Gap`] record.
    #[must_use]
    pub fn to_body(self) -> Vec<u8> {
        let mut body = Vec::with_capacity(90);
        for number in [self.first, self.last, self.count] {
            body.extend_from_slice(&number.to_le_bytes());
        }
        for moment in [self.from, self.to] {
            body.push(u8::from(moment.is_some()));
            body.extend_from_slice(&moment.map_or([0; 16], |m| m.boot.0));
            body.extend_from_slice(&moment.map_or(0, |m| m.uptime_ms).to_le_bytes());
            body.extend_from_slice(&moment.map_or(0, |m| m.wall.0).to_le_bytes());
        }
        body
    }

    /// The same back.
    #[must_use]
    pub fn from_body(body: &[u8]) -> Option<Self> {
        fn number(bytes: &mut &[u8]) -> Option<u64> {
            let (number, rest) = bytes.split_first_chunk::<8>()?;
            *bytes = rest;
            Some(u64::from_le_bytes(*number))
        }
        fn moment(bytes: &mut &[u8]) -> Option<Option<Moment>> {
            let (known, rest) = bytes.split_first()?;
            let (boot, rest) = rest.split_first_chunk::<16>()?;
            *bytes = rest;
            let (uptime_ms, wall) = (number(bytes)?, UtcMs(number(bytes)?.cast_signed()));
            Some((*known == 1).then_some(Moment { boot: BootId(*boot), uptime_ms, wall }))
        }
        let bytes = &mut &*body;
        let (first, last, count) = (number(bytes)?, number(bytes)?, number(bytes)?);
        Some(Self { first, last, count, from: moment(bytes)?, to: moment(bytes)? })
    }
}

/// The body of a [`Kind::Clock`] record: wall time at uptime 0, and the quality's code.
#[must_use]
pub fn clock_body(wall_at_zero: UtcMs, quality: wire::Quality) -> Vec<u8> {
    let mut body = wall_at_zero.0.to_le_bytes().to_vec();
    body.push(quality.code());
    body
}

/// The same back.
#[must_use]
pub fn clock_from_body(body: &[u8]) -> Option<(UtcMs, wire::Quality)> {
    let (wall, rest) = body.split_first_chunk::<8>()?;
    Some((UtcMs(i64::from_le_bytes(*wall)), wire::Quality::from_code(u64::from(*rest.first()?))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_and_clocks_go_there_and_back() {
        let moment = Moment { boot: BootId([7; 16]), uptime_ms: 5, wall: UtcMs(-8) };
        for loss in [
            Loss { first: 1, last: 9, count: 4, from: Some(moment), to: None },
            Loss { first: 0, last: u64::MAX, count: 1, from: None, to: Some(moment) },
        ] {
            assert_eq!(Loss::from_body(&loss.to_body()), Some(loss));
        }
        let clock = (UtcMs(-5), wire::Quality::Synchronised);
        assert_eq!(clock_from_body(&clock_body(clock.0, clock.1)), Some(clock));
    }

    proptest::proptest! {
        #[test]
        fn records_go_there_and_back_and_any_flipped_bit_is_seen(
            ordinal: u64, uptime_ms: u64, body in proptest::collection::vec(0_u8.., 0..200), bit: proptest::sample::Index
        ) {
            let record = Record { kind: Kind::Reading, ordinal, uptime_ms, body };
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            proptest::prop_assert_eq!(bytes.len(), record.bytes());
            for cut in 0..bytes.len() {
                proptest::prop_assert!(matches!(decode(&bytes[..cut]), Found::NeedMore(_)));
            }
            let length = bytes.len();
            let at = bit.index(length * 8);
            bytes[at / 8] ^= 1 << (at % 8);
            proptest::prop_assert!(!matches!(decode(&bytes), Found::Record(..)));
            bytes[at / 8] ^= 1 << (at % 8);
            proptest::prop_assert_eq!(decode(&bytes), Found::Record(record, length));
        }
    }
}

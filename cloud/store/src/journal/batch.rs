//! One committed batch as bytes.
//!
//! In: entries. Out: one blob with a checksum, and back. Knows nothing of files. Bounded by what is in the blob:
//! a length that points outside is an error, never an allocation.
//!
//! Layout: version (1 byte), entry count, then per entry: kind (1 byte), received-at as the signed difference to the
//! entry before, and for kinds with content inverter, reason (kind 2 only) and payload, each length-prefixed; last,
//! CRC-32 (ISO-HDLC) of everything before it, little-endian. All numbers are LEB128, signed ones zigzag.

use fleet::InverterKey;
use wire::UtcMs;

use crate::bytes::{Reader, write_signed, write_unsigned};

/// One record of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When the cloud received or made it. In replay this is the time, never the wall clock.
    pub received_at: UtcMs,
    /// What it is.
    pub body: Body,
}

/// What a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A report as it arrived, not yet decoded.
    Report {
        /// Whose, by its certificate.
        inverter: InverterKey,
        /// CBOR or JSON, at most 64,000 bytes.
        payload: Vec<u8>,
    },
    /// A payload that could not be decoded: kept and acknowledged so that the device goes on.
    Quarantined {
        /// Whose, by its certificate.
        inverter: InverterKey,
        /// Why it could not be decoded.
        reason: String,
        /// As it arrived.
        payload: Vec<u8>,
    },
    /// A person's act that changes an inverter's state.
    Act {
        /// Which inverter.
        inverter: InverterKey,
        /// The act, encoded by the pipeline.
        payload: Vec<u8>,
    },
    /// Time went on.
    Tick,
    /// The cloud came up.
    CloudUp,
    /// The cloud went down in order.
    CloudDown,
}

const VERSION: u8 = 1;
const REPORT: u8 = 1;
const QUARANTINED: u8 = 2;
const ACT: u8 = 3;
const TICK: u8 = 4;
const CLOUD_UP: u8 = 5;
const CLOUD_DOWN: u8 = 6;
const CHECKSUM_BYTES: usize = 4;
const CRC: crc::Crc<u32, crc::Table<16>> = crc::Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISO_HDLC);

/// Why a blob is not a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The bytes are not those that were written.
    #[error("its checksum does not match")]
    Checksum,
    /// A newer version wrote it.
    #[error("it has format version {0}, this program reads version {VERSION}")]
    Version(u8),
    /// The checksum matches and yet it makes no sense: the writer was wrong.
    #[error("it is malformed at byte {0}")]
    Malformed(usize),
}

/// Replaces the content of `out` by the batch of `entries`.
pub(super) fn encode<'a>(entries: impl ExactSizeIterator<Item = &'a Entry>, out: &mut Vec<u8>) {
    out.clear();
    out.push(VERSION);
    write_unsigned(out, entries.len() as u64);
    let mut before = 0;
    for entry in entries {
        let (kind, inverter, reason, payload) = parts(&entry.body);
        out.push(kind);
        write_signed(out, entry.received_at.0.wrapping_sub(before));
        before = entry.received_at.0;
        let Some(inverter) = inverter else { continue };
        write_unsigned(out, u64::from(inverter.0));
        if let Some(reason) = reason {
            write_unsigned(out, reason.len() as u64);
            out.extend_from_slice(reason.as_bytes());
        }
        write_unsigned(out, payload.len() as u64);
        out.extend_from_slice(payload);
    }
    let checksum = CRC.checksum(out);
    out.extend_from_slice(&checksum.to_le_bytes());
}

fn parts(body: &Body) -> (u8, Option<InverterKey>, Option<&str>, &[u8]) {
    match body {
        Body::Report { inverter, payload } => (REPORT, Some(*inverter), None, payload),
        Body::Quarantined { inverter, reason, payload } => {
            (QUARANTINED, Some(*inverter), Some(reason), payload)
        }
        Body::Act { inverter, payload } => (ACT, Some(*inverter), None, payload),
        Body::Tick => (TICK, None, None, &[]),
        Body::CloudUp => (CLOUD_UP, None, None, &[]),
        Body::CloudDown => (CLOUD_DOWN, None, None, &[]),
    }
}

/// Calls `each` with every entry of a blob and its index.
///
/// # Errors
/// [`BatchError`], before the first call if the checksum is wrong. An error of `each` ends the walk.
pub(super) fn decode<E: From<BatchError>>(
    blob: &[u8],
    mut each: impl FnMut(u32, Entry) -> Result<(), E>,
) -> Result<(), E> {
    let (content, checksum) = blob.split_last_chunk::<CHECKSUM_BYTES>().ok_or(BatchError::Malformed(0))?;
    if CRC.checksum(content) != u32::from_le_bytes(*checksum) {
        return Err(BatchError::Checksum.into());
    }
    let mut reader = Reader::new(content);
    let malformed = |reader: &Reader<'_>| BatchError::Malformed(reader.at());
    let version = reader.byte().ok_or(BatchError::Malformed(0))?;
    if version != VERSION {
        return Err(BatchError::Version(version).into());
    }
    let count = reader.unsigned().ok_or_else(|| malformed(&reader))?;
    let mut before = 0;
    for index in 0..count {
        let entry = decode_entry(&mut reader, before).ok_or_else(|| malformed(&reader))?;
        before = entry.received_at.0;
        each(u32::try_from(index).map_err(|_| malformed(&reader))?, entry)?;
    }
    if reader.is_empty() { Ok(()) } else { Err(malformed(&reader).into()) }
}

fn decode_entry(reader: &mut Reader<'_>, before: i64) -> Option<Entry> {
    let kind = reader.byte()?;
    let received_at = UtcMs(before.wrapping_add(reader.signed()?));
    let inverter = |reader: &mut Reader<'_>| Some(InverterKey(u32::try_from(reader.unsigned()?).ok()?));
    let body = match kind {
        REPORT => Body::Report { inverter: inverter(reader)?, payload: reader.prefixed()?.to_vec() },
        QUARANTINED => Body::Quarantined {
            inverter: inverter(reader)?,
            reason: String::from_utf8(reader.prefixed()?.to_vec()).ok()?,
            payload: reader.prefixed()?.to_vec(),
        },
        ACT => Body::Act { inverter: inverter(reader)?, payload: reader.prefixed()?.to_vec() },
        TICK => Body::Tick,
        CLOUD_UP => Body::CloudUp,
        CLOUD_DOWN => Body::CloudDown,
        _ => return None,
    };
    Some(Entry { received_at, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(blob: &[u8]) -> Result<Vec<Entry>, BatchError> {
        let mut entries = Vec::new();
        decode(blob, |index, entry| {
            assert_eq!(index as usize, entries.len());
            entries.push(entry);
            Ok::<_, BatchError>(())
        })?;
        Ok(entries)
    }

    fn examples() -> Vec<Entry> {
        let inverter = InverterKey(u32::MAX);
        let bodies = [
            Body::Report { inverter, payload: vec![7; 300] },
            Body::Quarantined { inverter, reason: "key 9 at byte 3".into(), payload: vec![0xff] },
            Body::Act { inverter: InverterKey(0), payload: Vec::new() },
            Body::Tick,
            Body::CloudUp,
            Body::CloudDown,
        ];
        let times = [0, i64::MAX, i64::MIN, -1, 1_767_225_600_000, 5];
        bodies.into_iter().zip(times).map(|(body, t)| Entry { received_at: UtcMs(t), body }).collect()
    }

    #[test]
    fn every_kind_comes_back_as_it_went() {
        let mut blob = vec![1, 2, 3];
        encode(examples().iter(), &mut blob);
        assert_eq!(decoded(&blob), Ok(examples()));
    }

    #[test]
    fn any_changed_bit_is_noticed() {
        let mut blob = Vec::new();
        encode(examples().iter(), &mut blob);
        for at in 0..blob.len() {
            blob[at] ^= 0x10;
            assert_eq!(decoded(&blob), Err(BatchError::Checksum), "byte {at}");
            blob[at] ^= 0x10;
        }
        for cut in 0..blob.len() {
            assert!(decoded(&blob[..cut]).is_err(), "cut at {cut}");
        }
    }
}

//! SUBSCRIBE, read so that it can be refused filter by filter, and SUBACK; sections 3.8 and 3.9.

use alloc::vec::Vec;

use super::read::Reader;
use super::reason::ReasonPlace;
use super::{PacketId, Place, Properties, Reason, Refusal, Version, frame, text, write};

/// Bits of the options byte that 5.0 reserves.
const RESERVED_V5: u8 = 0b1100_0000;
const RETAIN_HANDLING: u8 = 0b0011_0000;
const NO_LOCAL: u8 = 0b0000_0100;
const QOS: u8 = 0b0000_0011;

/// A wish to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// SUBACK carries the same.
    pub packet_id: PacketId,
    /// Empty in 3.1.1.
    pub properties: Properties<'a>,
    /// Checked filters and their options.
    filters: &'a [u8],
}

/// One topic filter with its options byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter<'a> {
    /// Topic filter.
    pub filter: &'a str,
    /// QoS in the lowest two bits; in 5.0 no local, retain as published and retain handling above.
    pub options: u8,
}

impl<'a> Subscribe<'a> {
    pub(super) fn decode(body: &'a [u8], version: Version) -> Result<Self, Refusal> {
        let mut reader = Reader(body);
        let packet_id = reader.packet_id()?;
        let properties = match version {
            Version::V311 => Properties::EMPTY,
            Version::V5 => Properties::read(&mut reader, Place::Subscribe)?,
        };
        let filters = reader.0;
        if filters.is_empty() {
            return Err(Refusal::SUBSCRIBE_EMPTY);
        }
        while !reader.0.is_empty() {
            check(Filter { filter: reader.text()?, options: reader.byte()? }, version)?;
        }
        Ok(Self { packet_id, properties, filters })
    }

    /// The filters, at least one.
    pub fn filters(&self) -> impl Iterator<Item = Filter<'a>> {
        let mut reader = Reader(self.filters);
        core::iter::from_fn(move || {
            Some(Filter { filter: reader.text().ok()?, options: reader.byte().ok()? })
        })
    }

    /// Appends a SUBSCRIBE without properties.
    ///
    /// # Errors
    /// The rule its fields break; `out` is then as it was.
    pub fn encode(
        version: Version,
        packet_id: PacketId,
        filters: &[Filter<'_>],
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        write::packet(out, (frame::SUBSCRIBE << 4) | 0b0010, |out| {
            if filters.is_empty() {
                return Err(Refusal::SUBSCRIBE_EMPTY);
            }
            write::two_bytes(out, packet_id.get());
            if version == Version::V5 {
                Properties::EMPTY.write(out, Place::Subscribe)?;
            }
            for filter in filters {
                check(*filter, version)?;
                write::string(out, filter.filter)?;
                out.push(filter.options);
            }
            Ok(())
        })
    }
}

fn check(filter: Filter<'_>, version: Version) -> Result<(), Refusal> {
    let reserved = match version {
        Version::V311 => filter.options & !QOS != 0,
        Version::V5 => {
            filter.options & RESERVED_V5 != 0 || filter.options & RETAIN_HANDLING == RETAIN_HANDLING
        }
    };
    if reserved || filter.options & QOS == QOS {
        return Err(Refusal::SUBSCRIBE_OPTIONS);
    }
    text::topic_filter(filter.filter)?;
    if version == Version::V5 && text::share(filter.filter)? && filter.options & NO_LOCAL != 0 {
        return Err(Refusal::NO_LOCAL_ON_SHARED);
    }
    Ok(())
}

/// The answer to a SUBSCRIBE: one code per filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubAck<'a> {
    /// The SUBSCRIBE's.
    pub packet_id: PacketId,
    /// Empty in 3.1.1.
    pub properties: Properties<'a>,
    /// One per filter, in order; 0x80 and above refuse.
    pub codes: &'a [u8],
}

impl<'a> SubAck<'a> {
    pub(super) fn decode(body: &'a [u8], version: Version) -> Result<Self, Refusal> {
        let mut reader = Reader(body);
        let packet_id = reader.packet_id()?;
        let properties = match version {
            Version::V311 => Properties::EMPTY,
            Version::V5 => Properties::read(&mut reader, Place::SubAck)?,
        };
        let codes = reader.0;
        if codes.is_empty() {
            return Err(Refusal::TRUNCATED);
        }
        if !codes.iter().all(|code| Self::code_fits(*code, version)) {
            return Err(Refusal::REASON_CODE);
        }
        Ok(Self { packet_id, properties, codes })
    }

    /// Appends the refusal of every filter of a SUBSCRIBE: 0x80 in 3.1.1, not authorised in 5.0.
    ///
    /// # Errors
    /// [`Refusal::PACKET_TOO_LARGE`]; `out` is then as it was.
    pub fn refuse(subscribe: &Subscribe<'_>, version: Version, out: &mut Vec<u8>) -> Result<(), Refusal> {
        write::packet(out, frame::SUBACK << 4, |out| {
            write::two_bytes(out, subscribe.packet_id.get());
            let code = match version {
                Version::V311 => Reason::UNSPECIFIED,
                Version::V5 => {
                    Properties::EMPTY.write(out, Place::SubAck)?;
                    Reason::NOT_AUTHORISED
                }
            };
            out.extend(subscribe.filters().map(|_| code.0));
            Ok(())
        })
    }

    fn code_fits(code: u8, version: Version) -> bool {
        match version {
            Version::V311 => matches!(code, 0 | 1 | 2 | 0x80),
            Version::V5 => Reason(code).fits(ReasonPlace::SUBACK),
        }
    }
}

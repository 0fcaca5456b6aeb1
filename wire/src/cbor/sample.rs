//! The sample in CBOR: quantities by code, flags and conditions as masks, unknown labels.
//!
//! In: a reader at the value of one of those keys. Out: the sample filled, and back. What is well-formed but unknown goes
//! raw into `Sample::unknown` and never drops the rest.

use core::fmt;

use minicbor::Decoder;
use minicbor::data::Type;

use super::{Integer, Key, Reader, Writer, Written};
use crate::report::ReportError;
use crate::{Condition, Flag, Quantity, Sample, condition, flag, quantity};

impl Reader<'_> {
    /// Steps over one value and carries it raw as `label=value`.
    pub(crate) fn carry(&mut self, sample: &mut Sample, label: &dyn fmt::Display) -> Result<(), ReportError> {
        let from = self.decoder.position();
        self.ignore()?;
        let raw = self.decoder.input().get(from..self.decoder.position()).unwrap_or_default();
        sample.push_unknown_display(&format_args!("{label}={}", Raw(raw)));
        Ok(())
    }

    /// A map of quantity code → scaled integer. What is no integer, or too large, or no quantity, is carried raw.
    pub(crate) fn quantities(&mut self, sample: &mut Sample) -> Result<(), ReportError> {
        self.key = "quantities";
        let mut left = self.expect("a map", Decoder::map)?;
        let most = quantity::TABLE.len();
        sample.quantities.reserve(left.and_then(|n| usize::try_from(n).ok()).unwrap_or(most).min(most));
        while self.more(&mut left)? {
            let key = self.map_key()?;
            let known = if let Key::Code(code) = key { Quantity::from_code(code) } else { None };
            let Some(quantity) = known else {
                self.carry(sample, &key)?;
                continue;
            };
            let at = self.decoder.position();
            match self.integer().and_then(Integer::scaled) {
                Some(value) if sample.quantities.insert(quantity, value) => {}
                _ => {
                    self.decoder.set_position(at);
                    self.carry(sample, &quantity)?;
                }
            }
        }
        Ok(())
    }

    /// Two masks: reported, and true among the reported.
    fn masks(&mut self, key: &'static str) -> Result<(u64, u64), ReportError> {
        self.key = key;
        let mut masks = [0_u64; 2];
        let mut slots = masks.iter_mut();
        self.array(key, |reader| match slots.next() {
            Some(slot) => {
                *slot = reader.unsigned(key)?;
                Ok(())
            }
            None => Err(reader.error(alloc::string::String::from("expected two masks, reported and true"))),
        })?;
        if slots.next().is_some() {
            return Err(self.error(alloc::string::String::from("expected two masks, reported and true")));
        }
        let [reported, raised] = masks;
        Ok((reported, raised))
    }

    /// Flags as two masks; bits without a flag are carried raw as `flags.7=true`.
    pub(crate) fn flags(&mut self, sample: &mut Sample) -> Result<(), ReportError> {
        let (reported, raised) = self.masks("flags")?;
        each_bit(reported, raised, |bit, value| match Flag::from_code(bit) {
            Some(flag) => sample.flags.set(flag, value),
            None => sample.push_unknown_display(&format_args!("flags.{bit}={value}")),
        });
        Ok(())
    }

    /// Conditions as two masks; bits without a condition are carried raw as `conditions.17=true`.
    pub(crate) fn conditions(&mut self, sample: &mut Sample) -> Result<(), ReportError> {
        let (reported, raised) = self.masks("conditions")?;
        each_bit(reported, raised, |bit, value| match Condition::from_code(bit) {
            Some(condition) => sample.conditions.set(condition, value),
            None => sample.push_unknown_display(&format_args!("conditions.{bit}={value}")),
        });
        Ok(())
    }

    /// Raw labels and codes.
    pub(crate) fn unknown(&mut self, sample: &mut Sample) -> Result<(), ReportError> {
        self.array("unknown", |reader| {
            let text = reader.text("unknown")?;
            sample.push_unknown(text);
            Ok(())
        })
    }
}

fn each_bit(reported: u64, raised: u64, mut each: impl FnMut(u64, bool)) {
    let mut left = reported;
    while left != 0 {
        let bit = left.trailing_zeros();
        each(u64::from(bit), raised & (1 << bit) != 0);
        left &= left - 1;
    }
}

/// How many of quantities, flags, conditions and unknown a sample has: the entries [`put_sample`] writes.
pub(crate) fn sample_entries(sample: &Sample) -> u64 {
    u64::from(!sample.quantities.is_empty())
        + u64::from(!sample.flags.is_empty())
        + u64::from(!sample.conditions.is_empty())
        + u64::from(!sample.unknown.is_empty())
}

/// Writes what the sample has under the keys `first` (quantities), +1 (flags), +2 (conditions), +3 (unknown).
pub(crate) fn put_sample(e: &mut Writer<'_>, first: u8, sample: &Sample) -> Written {
    if !sample.quantities.is_empty() {
        e.u8(first)?.map(sample.quantities.len() as u64)?;
        for (quantity, scaled) in sample.quantities.iter() {
            e.u8(quantity.code())?.i64(scaled)?;
        }
    }
    if !sample.flags.is_empty() {
        e.u8(first + 1)?.array(2)?.u8(sample.flags.reported_bits())?.u8(sample.flags.raised_bits())?;
    }
    if !sample.conditions.is_empty() {
        e.u8(first + 2)?
            .array(2)?
            .u16(sample.conditions.reported_bits())?
            .u16(sample.conditions.raised_bits())?;
    }
    if !sample.unknown.is_empty() {
        e.u8(first + 3)?.array(sample.unknown.len() as u64)?;
        for text in &sample.unknown {
            e.str(text)?;
        }
    }
    Ok(())
}

/// One well-formed value, for people: numbers, text and booleans as in JSON, anything else as `h'…'`.
struct Raw<'b>(&'b [u8]);

impl fmt::Display for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut d = Decoder::new(self.0);
        match d.datatype() {
            Ok(Type::Bool) => d.bool().map_or(Ok(()), |value| write!(f, "{value}")),
            Ok(Type::Null) => f.write_str("null"),
            Ok(Type::F32) => d.f32().map_or(Ok(()), |value| write!(f, "{value}")),
            Ok(Type::F64) => d.f64().map_or(Ok(()), |value| write!(f, "{value}")),
            Ok(Type::String) => d.str().map_or(Ok(()), |value| write!(f, "{value:?}")),
            _ => match d.int() {
                Ok(value) => write!(f, "{value}"),
                Err(_) => {
                    f.write_str("h'")?;
                    self.0
                        .iter()
                        .take(crate::sample::MAX_UNKNOWN_BYTES / 2)
                        .try_for_each(|b| write!(f, "{b:02x}"))?;
                    f.write_str("'")
                }
            },
        }
    }
}

// The masks below must hold every code of the tables.
const _: () = assert!(flag::TABLE.len() <= 8 && condition::TABLE.len() <= 16);

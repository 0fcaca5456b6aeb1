//! One column of integers as few bytes.
//!
//! In: integers. Out: how they are written, and a body; and back. Constant and evenly rising columns have no body.
//! The rest is wrapped `pco` over the narrowest unsigned type that holds `value - min` (narrow types make `pco`'s own
//! bookkeeping smaller: 10 % of an hour chunk), the best of plain, first and second differences.

use pco::data_types::Number;
use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DeltaSpec, ModeSpec};

use crate::bytes::{Reader, write_signed, write_unsigned};

/// How a column of integers is written: what its line in the chunk's directory says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// All the same; no body.
    Constant {
        /// The value.
        value: i64,
    },
    /// Rising or falling by the same step; no body.
    Linear {
        /// The first value.
        first: i64,
        /// The difference of neighbours.
        step: i64,
    },
    /// `(value - min) / unit` as wrapped `pco` of 8, 16, 32 or 64 bits, as `range / unit` needs.
    Packed {
        /// Least value.
        min: i64,
        /// Greatest less least.
        range: u64,
        /// What all of `value - min` are multiples of: 10 where a device tells fewer decimals than we keep.
        unit: u64,
    },
}

/// Levels of `pco`: more bins pay off in a long column only (measured: 4 is smallest at 360 values, 8 at 8,640).
const SHORT_LEVEL: usize = 4;
const LONG_LEVEL: usize = 8;
const LONG: usize = 2_000;
/// What is tried; telemetry never won by higher orders.
const DELTAS: [DeltaSpec; 3] = [DeltaSpec::NoOp, DeltaSpec::TryConsecutive(1), DeltaSpec::TryConsecutive(2)];
/// What `FileCompressor::write_header` writes: `pco`'s format version, kept once here and not in each column.
const PCO_HEADER: [u8; 2] = [4, 1];

/// Codes in the directory, two bits.
const CONSTANT: u8 = 0;
const LINEAR: u8 = 1;
const PACKED: u8 = 2;
const PACKED_BY_UNIT: u8 = 3;

impl Form {
    /// Two bits for the directory.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Constant { .. } => CONSTANT,
            Self::Linear { .. } => LINEAR,
            Self::Packed { unit: 1, .. } => PACKED,
            Self::Packed { .. } => PACKED_BY_UNIT,
        }
    }

    /// Whether there is a body.
    pub(super) const fn has_body(self) -> bool {
        matches!(self, Self::Packed { .. })
    }

    /// Writes the numbers that go with the code.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Constant { value } => write_signed(out, value),
            Self::Linear { first, step } => {
                write_signed(out, first);
                write_signed(out, step);
            }
            Self::Packed { min, range, unit } => {
                write_signed(out, min);
                write_unsigned(out, range);
                if unit != 1 {
                    write_unsigned(out, unit);
                }
            }
        }
    }

    /// Reads what [`Form::write`] wrote.
    pub(super) fn read(code: u8, reader: &mut Reader<'_>) -> Option<Self> {
        let first = reader.signed()?;
        match code {
            CONSTANT => Some(Self::Constant { value: first }),
            LINEAR => Some(Self::Linear { first, step: reader.signed()? }),
            PACKED => Some(Self::Packed { min: first, range: reader.unsigned()?, unit: 1 }),
            PACKED_BY_UNIT => {
                let (range, unit) = (reader.unsigned()?, reader.unsigned()?);
                (unit > 0).then_some(Self::Packed { min: first, range, unit })
            }
            _ => None,
        }
    }
}

/// Chooses the form of a column that has at least one value, and appends its body to `out`.
///
/// # Errors
/// `pco`'s words, where it cannot compress.
pub(super) fn encode(values: &[i64], out: &mut Vec<u8>) -> Result<Form, String> {
    let first = values.first().copied().unwrap_or_default();
    let (min, max) = values.iter().fold((first, first), |(min, max), v| (min.min(*v), max.max(*v)));
    if min == max {
        return Ok(Form::Constant { value: first });
    }
    let step = values.get(1).map_or(0, |second| second.wrapping_sub(first));
    if values.windows(2).all(|pair| matches!(pair, [a, b] if b.wrapping_sub(*a) == step)) {
        return Ok(Form::Linear { first, step });
    }
    let range = max.wrapping_sub(min).cast_unsigned();
    let above = || values.iter().map(|value| value.wrapping_sub(min).cast_unsigned());
    let unit = above().fold(0, greatest_common_divisor).max(1);
    let units = above().map(|above| above / unit);
    let body = match width(range / unit) {
        Width::One => pack(&units.map(|v| v.to_le_bytes()[0]).collect::<Vec<u8>>()),
        Width::Two => pack(&units.filter_map(|v| u16::try_from(v).ok()).collect::<Vec<_>>()),
        Width::Four => pack(&units.filter_map(|v| u32::try_from(v).ok()).collect::<Vec<_>>()),
        Width::Eight => pack(&units.collect::<Vec<u64>>()),
    };
    out.extend_from_slice(&body?);
    Ok(Form::Packed { min, range, unit })
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while a != 1 && b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// `count` values of a form and its body. `None` where the body makes no sense.
pub(super) fn decode(form: Form, count: usize, body: &[u8]) -> Option<Vec<i64>> {
    match form {
        Form::Constant { value } => Some(vec![value; count]),
        Form::Linear { first, step } => {
            Some(std::iter::successors(Some(first), |v| Some(v.wrapping_add(step))).take(count).collect())
        }
        Form::Packed { .. } if count == 0 => Some(Vec::new()),
        Form::Packed { min, range, unit } => {
            let value = |units: u64| min.wrapping_add(units.wrapping_mul(unit).cast_signed());
            Some(match width(range / unit) {
                Width::One => unpack::<u8>(body, count)?.into_iter().map(|v| value(v.into())).collect(),
                Width::Two => unpack::<u16>(body, count)?.into_iter().map(|v| value(v.into())).collect(),
                Width::Four => unpack::<u32>(body, count)?.into_iter().map(|v| value(v.into())).collect(),
                Width::Eight => unpack::<u64>(body, count)?.into_iter().map(value).collect(),
            })
        }
    }
}

enum Width {
    One,
    Two,
    Four,
    Eight,
}

fn width(range: u64) -> Width {
    match range {
        0..=0xff => Width::One,
        0x100..=0xffff => Width::Two,
        0x1_0000..=0xffff_ffff => Width::Four,
        _ => Width::Eight,
    }
}

fn pack<T: Number>(values: &[T]) -> Result<Vec<u8>, String> {
    let level = if values.len() < LONG { SHORT_LEVEL } else { LONG_LEVEL };
    let mut best: Option<Vec<u8>> = None;
    for delta in DELTAS {
        let config = ChunkConfig::default()
            .with_compression_level(level)
            .with_mode_spec(ModeSpec::Classic)
            .with_delta_spec(delta)
            .with_paging_spec(pco::PagingSpec::Exact(vec![values.len()]))
            .with_enable_8_bit(true);
        let packed = pack_with(values, &config).map_err(|error| error.to_string())?;
        if best.as_ref().is_none_or(|best| packed.len() < best.len()) {
            best = Some(packed);
        }
    }
    best.ok_or_else(|| "nothing to pack".into())
}

fn pack_with<T: Number>(values: &[T], config: &ChunkConfig) -> pco::errors::PcoResult<Vec<u8>> {
    let mut compressor = FileCompressor::default().chunk_compressor(values, config)?;
    let bytes = compressor.write_meta(Vec::new())?;
    compressor.write_page(0, bytes)
}

fn unpack<T: Number + Default>(body: &[u8], count: usize) -> Option<Vec<T>> {
    let (file, _) = FileDecompressor::new(PCO_HEADER.as_slice()).ok()?;
    let (mut chunk, page) = file.chunk_decompressor::<T, _>(body).ok()?;
    let mut values = vec![T::default(); count];
    let progress = chunk.page_decompressor(page, count).ok()?.read(&mut values).ok()?;
    (progress.finished && progress.n_processed == count).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn there_and_back(values: &[i64]) -> usize {
        let mut body = Vec::new();
        let form = encode(values, &mut body).unwrap();
        let mut line = Vec::new();
        form.write(&mut line);
        assert_eq!(Form::read(form.code(), &mut Reader::new(&line)), Some(form));
        assert_eq!(form.has_body(), !body.is_empty());
        assert_eq!(decode(form, values.len(), &body).unwrap(), values);
        body.len()
    }

    #[test]
    fn the_header_kept_here_is_the_one_that_pco_writes() {
        assert_eq!(FileCompressor::default().write_header(Vec::new()).unwrap(), PCO_HEADER);
    }

    #[test]
    fn constant_and_even_columns_are_free() {
        assert_eq!(there_and_back(&[5; 360]), 0);
        assert_eq!(there_and_back(&[i64::MIN]), 0);
        assert_eq!(there_and_back(&(0..360).map(|n| n * -7).collect::<Vec<_>>()), 0);
    }

    #[test]
    fn extremes_come_back() {
        there_and_back(&[i64::MIN, i64::MAX, 0, -1]);
        there_and_back(&[i64::MIN, i64::MAX]);
        there_and_back(&[-20, 0, 2_550]);
        there_and_back(&[i64::MIN, 0, i64::MIN]);
        there_and_back(&[0, 255, 3]);
        there_and_back(&[-1, 255, 3]);
        there_and_back(&[0, 65_535, 3]);
        there_and_back(&[0, 65_536, 3]);
        there_and_back(&[0, 1 << 32, 3]);
    }

    #[test]
    fn a_device_with_fewer_decimals_costs_nothing_more() {
        let fine: Vec<i64> = (0..360).map(|n| n * n % 97).collect();
        let coarse: Vec<i64> = fine.iter().map(|value| 7 + value * 10).collect();
        assert_eq!(there_and_back(&fine), there_and_back(&coarse));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn any_column_comes_back(values in prop::collection::vec(any::<i64>(), 1..50), shift in 0_u32..64) {
            there_and_back(&values.iter().map(|value| value >> shift).collect::<Vec<_>>());
        }
    }
}

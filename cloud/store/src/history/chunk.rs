//! A chunk as bytes; `FORMAT.md` beside this crate describes them.
//!
//! In: columns. Out: one blob whose directory tells where each column is and its least and greatest value; any column
//! can be read without the others. Never allocates more than [`MOST_ROWS`] rows for what a blob claims.

use wire::{BootId, Conditions, Flags, Quality, Quantity};

use super::columns::{Columns, Runs, Sparse};
use super::number::{self, Form};
use crate::bytes::{Reader, write_prefixed, write_signed, write_unsigned};

const VERSION: u8 = 1;
/// Key id of a chunk that is not encrypted.
const CLEAR: u64 = 0;
/// More rows than twenty readings a second make in a day.
const MOST_ROWS: usize = 2_000_000;
const CHECKSUM_BYTES: usize = 4;
const CRC: crc::Crc<u32, crc::Table<16>> = crc::Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISO_HDLC);
/// Times are kept as steps of whole seconds and what remains: gateways report each so many seconds, with jitter.
const GRID_MS: i64 = 1_000;

/// Column ids. Quantities follow at [`FIRST_QUANTITY`] plus their code.
mod id {
    pub(super) const TIME_STEP: u64 = 0;
    pub(super) const TIME_REST: u64 = 1;
    pub(super) const SEQUENCE: u64 = 2;
    pub(super) const CORRECTION: u64 = 3;
    pub(super) const QUALITY: u64 = 4;
    pub(super) const FLAGS: u64 = 5;
    pub(super) const CONDITIONS: u64 = 6;
    pub(super) const BOOT: u64 = 7;
    pub(super) const UNKNOWN: u64 = 8;
    pub(super) const FIRST_QUANTITY: u64 = 16;
}

/// Kinds of a column in the directory; the code of its [`Form`] stands above these two bits.
const EVERY_ROW: u8 = 0;
const SOME_ROWS: u8 = 1;
const RUNS: u8 = 2;
const KIND_BITS: u8 = 2;

/// Writes a chunk that has at least one row.
///
/// # Errors
/// The compressor's words.
pub(super) fn encode(columns: &Columns) -> Result<Vec<u8>, String> {
    let mut writer = Writer { rows: columns.len(), directory: Vec::new(), bodies: Vec::new(), columns: 0 };
    let first = columns.times.first().copied().unwrap_or_default();
    let last = columns.times.last().copied().unwrap_or_default();
    let (steps, rests) = split_times(&columns.times);
    // The first step is 0 in every chunk; the others are mostly all the same.
    writer.numbers(id::TIME_STEP, steps.get(1..).unwrap_or_default())?;
    writer.numbers(id::TIME_REST, &rests)?;
    writer.sparse(id::SEQUENCE, &columns.sequences)?;
    writer.sparse(id::CORRECTION, &columns.corrections)?;
    writer
        .runs(id::QUALITY, &columns.qualities, &Quality::default(), |quality, out| out.push(quality.code()));
    writer.runs(id::FLAGS, &columns.flags, &Flags::default(), |flags, out| {
        out.extend_from_slice(&[flags.reported_bits(), flags.raised_bits()]);
    });
    writer.runs(id::CONDITIONS, &columns.conditions, &Conditions::default(), |conditions, out| {
        write_unsigned(out, conditions.reported_bits().into());
        write_unsigned(out, conditions.raised_bits().into());
    });
    writer.runs(id::BOOT, &columns.boots, &None, |boot, out| match boot {
        Some(boot) => write_prefixed(out, &boot.0),
        None => write_prefixed(out, &[]),
    });
    writer.runs(id::UNKNOWN, &columns.unknown, &Vec::new(), |texts, out| {
        write_unsigned(out, texts.len() as u64);
        texts.iter().for_each(|text| write_prefixed(out, text.as_bytes()));
    });
    for (quantity, values) in &columns.quantities {
        writer.sparse(id::FIRST_QUANTITY + u64::from(quantity.code()), values)?;
    }
    let mut directory = Vec::new();
    write_unsigned(&mut directory, columns.len() as u64);
    write_signed(&mut directory, first);
    write_unsigned(&mut directory, last.wrapping_sub(first).cast_unsigned());
    write_unsigned(&mut directory, writer.columns);
    directory.append(&mut writer.directory);
    let mut out = vec![VERSION];
    write_unsigned(&mut out, CLEAR);
    write_prefixed(&mut out, &directory);
    out.extend_from_slice(&CRC.checksum(&directory).to_le_bytes());
    out.extend_from_slice(&CRC.checksum(&writer.bodies).to_le_bytes());
    out.append(&mut writer.bodies);
    Ok(out)
}

struct Writer {
    rows: usize,
    directory: Vec<u8>,
    bodies: Vec<u8>,
    columns: u64,
}

impl Writer {
    fn numbers(&mut self, id: u64, values: &[i64]) -> Result<(), String> {
        let begin = self.bodies.len();
        let form = number::encode(values, &mut self.bodies)?;
        self.columns += 1;
        write_unsigned(&mut self.directory, id);
        self.directory.push(EVERY_ROW | form.code() << KIND_BITS);
        form.write(&mut self.directory);
        if form.has_body() {
            write_unsigned(&mut self.directory, (self.bodies.len() - begin) as u64);
        }
        Ok(())
    }

    fn sparse(&mut self, id: u64, column: &Sparse) -> Result<(), String> {
        if column.values.is_empty() {
            return Ok(());
        }
        if column.is_full(self.rows) {
            return self.numbers(id, &column.values);
        }
        let begin = self.bodies.len();
        write_unsigned(&mut self.bodies, column.rows.len() as u64);
        let mut end = 0;
        for (first, count) in &column.rows {
            write_unsigned(&mut self.bodies, u64::from(first - end));
            write_unsigned(&mut self.bodies, u64::from(*count));
            end = first + count;
        }
        let form = number::encode(&column.values, &mut self.bodies)?;
        self.columns += 1;
        write_unsigned(&mut self.directory, id);
        self.directory.push(SOME_ROWS | form.code() << KIND_BITS);
        form.write(&mut self.directory);
        write_unsigned(&mut self.directory, column.values.len() as u64);
        write_unsigned(&mut self.directory, (self.bodies.len() - begin) as u64);
        Ok(())
    }

    /// A column that has its default in every row is left out.
    fn runs<T: PartialEq>(&mut self, id: u64, runs: &Runs<T>, default: &T, write: impl Fn(&T, &mut Vec<u8>)) {
        if runs.iter().all(|(_, value)| value == default) {
            return;
        }
        self.columns += 1;
        write_unsigned(&mut self.directory, id);
        self.directory.push(RUNS);
        let begin = self.bodies.len();
        for (count, value) in runs {
            write_unsigned(&mut self.bodies, u64::from(*count));
            write(value, &mut self.bodies);
        }
        write_unsigned(&mut self.directory, (self.bodies.len() - begin) as u64);
    }
}

fn split_times(times: &[i64]) -> (Vec<i64>, Vec<i64>) {
    let first = times.first().copied().unwrap_or_default();
    let mut before = 0;
    times
        .iter()
        .map(|time| {
            let since = time.wrapping_sub(first);
            let second = since.wrapping_add(GRID_MS / 2).div_euclid(GRID_MS);
            let step = second.wrapping_sub(before);
            before = second;
            (step, since.wrapping_sub(second.wrapping_mul(GRID_MS)))
        })
        .unzip()
}

/// Why a blob is not a chunk this program reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotAChunk(pub(super) String);

fn bad(what: impl Into<String>) -> NotAChunk {
    NotAChunk(what.into())
}

/// A chunk whose directory has been read.
pub(super) struct Chunk<'a> {
    rows: usize,
    /// Time of the first row.
    pub(super) first: i64,
    /// Time of the last row.
    pub(super) last: i64,
    columns: Vec<Column<'a>>,
    bodies: &'a [u8],
    bodies_checksum: u32,
}

struct Column<'a> {
    id: u64,
    kind: Kind,
    body: &'a [u8],
}

#[derive(Clone, Copy)]
enum Kind {
    EveryRow(Form),
    SomeRows(Form, usize),
    Runs,
}

impl<'a> Chunk<'a> {
    /// Reads and checks the directory, no column.
    pub(super) fn read(blob: &'a [u8]) -> Result<Self, NotAChunk> {
        let mut reader = Reader::new(blob);
        let short = || bad("it ends early");
        match reader.byte() {
            Some(VERSION) => {}
            other => return Err(bad(format!("format version {other:?}, this program reads {VERSION}"))),
        }
        match reader.unsigned().ok_or_else(short)? {
            CLEAR => {}
            key => {
                return Err(bad(format!("it is encrypted with key {key}, which this program does not have")));
            }
        }
        let directory = reader.prefixed().ok_or_else(short)?;
        let checksum = |reader: &mut Reader<'_>| {
            let bytes = reader.take(CHECKSUM_BYTES)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?))
        };
        let directory_checksum = checksum(&mut reader).ok_or_else(short)?;
        let bodies_checksum = checksum(&mut reader).ok_or_else(short)?;
        if CRC.checksum(directory) != directory_checksum {
            return Err(bad("the directory's checksum does not match"));
        }
        let bodies = reader.take(blob.len() - reader.at()).ok_or_else(short)?;
        Self::from_directory(directory, bodies, bodies_checksum)
            .ok_or_else(|| bad("its directory makes no sense"))
    }

    fn from_directory(directory: &[u8], bodies: &'a [u8], bodies_checksum: u32) -> Option<Self> {
        let mut reader = Reader::new(directory);
        let rows = reader.size().filter(|rows| (1..=MOST_ROWS).contains(rows))?;
        let first = reader.signed()?;
        let last = first.wrapping_add(reader.unsigned()?.cast_signed());
        let count = reader.size()?;
        let mut rest = Reader::new(bodies);
        let mut columns = Vec::new();
        for _ in 0..count {
            let id = reader.unsigned()?;
            let byte = reader.byte()?;
            let code = byte >> KIND_BITS;
            let kind = match byte & ((1 << KIND_BITS) - 1) {
                EVERY_ROW => Kind::EveryRow(Form::read(code, &mut reader)?),
                SOME_ROWS => {
                    let form = Form::read(code, &mut reader)?;
                    Kind::SomeRows(form, reader.size().filter(|some| *some <= rows)?)
                }
                RUNS => Kind::Runs,
                _ => return None,
            };
            let bodiless = matches!(kind, Kind::EveryRow(form) if !form.has_body());
            let length = if bodiless { 0 } else { reader.size()? };
            columns.push(Column { id, kind, body: rest.take(length)? });
        }
        Some(Self { rows, first, last, columns, bodies, bodies_checksum })
    }

    /// The time of each row, milliseconds since 1970.
    pub(super) fn times(&self) -> Result<Vec<i64>, NotAChunk> {
        let steps = self.every_row(id::TIME_STEP, self.rows - 1)?;
        let rests = self.every_row(id::TIME_REST, self.rows)?;
        let mut second = 0_i64;
        let time = |(step, rest): (i64, i64)| {
            second = second.wrapping_add(step);
            self.first.wrapping_add(second.wrapping_mul(GRID_MS)).wrapping_add(rest)
        };
        Ok(std::iter::once(0).chain(steps).zip(rests).map(time).collect())
    }

    /// A column that must be there.
    fn every_row(&self, id: u64, count: usize) -> Result<Vec<i64>, NotAChunk> {
        let found = self.columns.iter().find(|column| column.id == id);
        let values = found.and_then(|column| match column.kind {
            Kind::EveryRow(form) => number::decode(form, count, column.body),
            _ => None,
        });
        values.ok_or_else(|| bad(format!("column {id} makes no sense")))
    }

    /// The values of a quantity; no rows where it was never reported.
    pub(super) fn quantity(&self, quantity: Quantity) -> Result<Sparse, NotAChunk> {
        self.sparse(id::FIRST_QUANTITY + u64::from(quantity.code()))
    }

    fn sparse(&self, id: u64) -> Result<Sparse, NotAChunk> {
        let Some(column) = self.columns.iter().find(|column| column.id == id) else {
            return Ok(Sparse::default());
        };
        let wrong = || bad(format!("column {id} makes no sense"));
        let whole = u32::try_from(self.rows).map_err(|_| wrong())?;
        let (rows, form, count, body) = match column.kind {
            Kind::EveryRow(form) => (vec![(0, whole)], form, self.rows, column.body),
            Kind::SomeRows(form, count) => {
                let mut reader = Reader::new(column.body);
                let rows = read_rows(&mut reader, whole).ok_or_else(wrong)?;
                let body = reader.take(column.body.len() - reader.at()).ok_or_else(wrong)?;
                (rows, form, count, body)
            }
            Kind::Runs => return Err(wrong()),
        };
        if rows.iter().map(|(_, count)| *count as usize).sum::<usize>() != count {
            return Err(wrong());
        }
        let values = number::decode(form, count, body).ok_or_else(wrong)?;
        Ok(Sparse { rows, values })
    }

    /// Flags by run.
    pub(super) fn flags(&self) -> Result<Runs<Flags>, NotAChunk> {
        self.runs(id::FLAGS, |reader| Some(Flags::from_bits(reader.byte()?, reader.byte()?)))
    }

    /// Conditions by run.
    pub(super) fn conditions(&self) -> Result<Runs<Conditions>, NotAChunk> {
        self.runs(id::CONDITIONS, |reader| {
            let mut bits = || u16::try_from(reader.unsigned()?).ok();
            Some(Conditions::from_bits(bits()?, bits()?))
        })
    }

    fn runs<T: Default>(
        &self,
        id: u64,
        read: impl Fn(&mut Reader<'a>) -> Option<T>,
    ) -> Result<Runs<T>, NotAChunk> {
        let wrong = || bad(format!("column {id} makes no sense"));
        let whole = u32::try_from(self.rows).map_err(|_| wrong())?;
        let Some(column) = self.columns.iter().find(|column| column.id == id) else {
            return Ok(vec![(whole, T::default())]);
        };
        let mut reader = Reader::new(column.body);
        let mut runs = Vec::new();
        let mut left = whole;
        while !reader.is_empty() {
            let count = reader.unsigned().and_then(|n| u32::try_from(n).ok()).ok_or_else(wrong)?;
            left = left.checked_sub(count).ok_or_else(wrong)?;
            runs.push((count, read(&mut reader).ok_or_else(wrong)?));
        }
        if left == 0 { Ok(runs) } else { Err(wrong()) }
    }

    /// Everything, with the checksum of all columns checked.
    pub(super) fn columns(&self) -> Result<Columns, NotAChunk> {
        if CRC.checksum(self.bodies) != self.bodies_checksum {
            return Err(bad("the columns' checksum does not match"));
        }
        let mut quantities = Vec::new();
        for column in &self.columns {
            let code = column.id.checked_sub(id::FIRST_QUANTITY);
            if let Some(quantity) = code.and_then(Quantity::from_code) {
                quantities.push((quantity, self.quantity(quantity)?));
            }
        }
        Ok(Columns {
            times: self.times()?,
            quantities,
            sequences: self.sparse(id::SEQUENCE)?,
            corrections: self.sparse(id::CORRECTION)?,
            qualities: self.runs(id::QUALITY, |reader| Some(Quality::from_code(reader.byte()?.into())))?,
            flags: self.flags()?,
            conditions: self.conditions()?,
            boots: self.runs(id::BOOT, |reader| match reader.prefixed()? {
                [] => Some(None),
                bytes => Some(Some(BootId(bytes.try_into().ok()?))),
            })?,
            unknown: self.runs(id::UNKNOWN, |reader| {
                let count = reader.size()?;
                let text = |reader: &mut Reader<'_>| String::from_utf8(reader.prefixed()?.to_vec()).ok();
                (0..count).map(|_| text(reader)).collect()
            })?,
        })
    }
}

fn read_rows(reader: &mut Reader<'_>, whole: u32) -> Option<Vec<(u32, u32)>> {
    let count = reader.size()?;
    let mut rows = Vec::new();
    let mut end = 0_u32;
    for _ in 0..count {
        let first = end.checked_add(u32::try_from(reader.unsigned()?).ok()?)?;
        let length = u32::try_from(reader.unsigned()?).ok()?;
        end = first.checked_add(length).filter(|end| *end <= whole)?;
        rows.push((first, length));
    }
    Some(rows)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::columns::in_order;
    use super::*;
    use fleet::StoredReading;
    use proptest::prelude::*;
    use wire::{Sample, UtcMs};

    /// Any reading of one hour.
    pub(in crate::history) fn any_reading() -> impl Strategy<Value = StoredReading> {
        let code = 1..=40_u64;
        let value = prop_oneof![-3_000_i64..3_000, Just(0), any::<i64>()];
        let sample = (
            prop::collection::vec((code, value), 0..6),
            (any::<u8>(), any::<u8>()),
            (any::<u16>(), any::<u16>()),
            prop::collection::vec("[a-z=é]{0,8}", 0..2),
        );
        let sample = sample.prop_map(|(values, flags, conditions, unknown)| Sample {
            quantities: values.into_iter().map(|(c, v)| (Quantity::from_code(c).unwrap(), v)).collect(),
            flags: Flags::from_bits(flags.0, flags.1),
            conditions: Conditions::from_bits(conditions.0, conditions.1),
            unknown,
        });
        let time = prop_oneof![0..3_600_000_i64, (0..360_i64).prop_map(|n| n * 10_000)];
        let numbered = (prop::option::of(0..3_u8), prop::option::of(any::<u64>()));
        (time, 0..3_u64, prop::option::of(any::<i32>()), numbered, sample).prop_map(
            |(time, quality, reported, (boot, sequence), sample)| StoredReading {
                time: UtcMs(1_800_000_000_000 + time),
                quality: Quality::from_code(quality),
                reported_time: reported.map(|ms| UtcMs(1_800_000_000_000 + i64::from(ms))),
                boot: boot.map(|byte| BootId([byte; 16])),
                sequence,
                sample,
            },
        )
    }

    fn columns_of(readings: &[StoredReading]) -> Columns {
        let mut columns = Columns::default();
        readings.iter().for_each(|reading| columns.push(reading));
        columns
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn any_readings_come_back(readings in prop::collection::vec(any_reading(), 1..60)) {
            let readings = in_order(readings);
            let columns = columns_of(&readings);
            let blob = encode(&columns).unwrap();
            let chunk = Chunk::read(&blob).unwrap();
            prop_assert_eq!((chunk.first, chunk.last, chunk.rows),
                (readings[0].time.0, readings[readings.len() - 1].time.0, readings.len()));
            prop_assert_eq!(chunk.columns().unwrap(), columns.clone());
            prop_assert_eq!(columns.into_readings().collect::<Vec<_>>(), readings);
        }

        #[test]
        fn a_damaged_chunk_is_survived(readings in prop::collection::vec(any_reading(), 1..20),
            at: prop::sample::Index, bit in 0..8_u8, cut: prop::sample::Index) {
            let mut blob = encode(&columns_of(&in_order(readings))).unwrap();
            let cut = cut.index(blob.len());
            prop_assert!(Chunk::read(&blob[..cut]).and_then(|chunk| chunk.columns()).is_err());
            let at = at.index(blob.len());
            blob[at] ^= 1 << bit;
            prop_assert!(Chunk::read(&blob).and_then(|chunk| chunk.columns()).is_err());
        }
    }
}

//! A chunk as bytes; `FORMAT.md` beside this crate describes them.
//!
//! In: a blob, sealed piece by piece. Out: columns. Its directory tells where each column is and its least and greatest
//! value; any column can be opened without the others. Never allocates more than [`MOST_ROWS`] rows for what a blob claims.

use wire::{BootId, Conditions, Flags, Quality, Quantity};

use super::columns::{Columns, Runs, Sparse};
use super::day::ChunkKey;
use super::number::{self, Form};
use crate::bytes::Reader;
use crate::day_keys::{DayKeyError, DayKeys, Opener, Stamp, TAG_BYTES};

pub(super) const VERSION: u8 = 1;
/// Key id of a chunk that is not sealed, which this program never writes.
const CLEAR: u64 = 0;
/// More rows than twenty readings a second make in a day.
const MOST_ROWS: usize = 2_000_000;
/// Times are kept as steps of whole seconds and what remains: gateways report each so many seconds, with jitter.
pub(super) const GRID_MS: i64 = 1_000;

/// Column ids. Quantities follow at [`FIRST_QUANTITY`] plus their code.
pub(super) mod id {
    pub(in crate::history) const TIME_STEP: u64 = 0;
    pub(in crate::history) const TIME_REST: u64 = 1;
    pub(in crate::history) const SEQUENCE: u64 = 2;
    pub(in crate::history) const CORRECTION: u64 = 3;
    pub(in crate::history) const QUALITY: u64 = 4;
    pub(in crate::history) const FLAGS: u64 = 5;
    pub(in crate::history) const CONDITIONS: u64 = 6;
    pub(in crate::history) const BOOT: u64 = 7;
    pub(in crate::history) const UNKNOWN: u64 = 8;
    pub(in crate::history) const FIRST_QUANTITY: u64 = 16;
    /// Not a column: the place of the directory, where it is sealed.
    pub(in crate::history) const DIRECTORY: u64 = 0xffff;
}

/// Kinds of a column in the directory; the code of its [`Form`] stands above these two bits.
pub(super) const EVERY_ROW: u8 = 0;
pub(super) const SOME_ROWS: u8 = 1;
pub(super) const RUNS: u8 = 2;
pub(super) const KIND_BITS: u8 = 2;

/// Why a blob cannot be read.
#[derive(Debug)]
pub(super) enum NotAChunk {
    /// It is not a chunk this program reads.
    Damaged(String),
    /// Its key is not there.
    Key(DayKeyError),
}

fn bad(what: impl Into<String>) -> NotAChunk {
    NotAChunk::Damaged(what.into())
}

/// Where a blob stands: its day's keys open it there and nowhere else.
#[derive(Clone, Copy)]
pub(super) struct Standing<'a> {
    pub(super) keys: &'a DayKeys,
    pub(super) day: i64,
    pub(super) chunk: ChunkKey,
}

/// A chunk whose directory has been opened and read.
pub(super) struct Chunk<'a> {
    rows: usize,
    /// Time of the first row.
    pub(super) first: i64,
    /// Time of the last row.
    pub(super) last: i64,
    columns: Vec<Column<'a>>,
    chunk: ChunkKey,
    opener: Opener,
}

struct Column<'a> {
    id: u64,
    kind: Kind,
    /// As it is sealed; nothing where there is none.
    body: &'a [u8],
}

#[derive(Clone, Copy)]
enum Kind {
    EveryRow(Form),
    SomeRows(Form, usize),
    Runs,
}

impl<'a> Chunk<'a> {
    /// Opens and reads the directory, no column.
    pub(super) fn read(blob: &'a [u8], standing: Standing<'_>) -> Result<Self, NotAChunk> {
        let mut reader = Reader::new(blob);
        let short = || bad("it ends early");
        match reader.byte() {
            Some(VERSION) => {}
            other => return Err(bad(format!("format version {other:?}, this program reads {VERSION}"))),
        }
        let key = reader.unsigned().ok_or_else(short)?;
        if key == CLEAR {
            return Err(bad("it is not sealed under a key"));
        }
        let number = |number: u64| u32::try_from(number).map_err(|_| bad("its key makes no sense"));
        let counter = reader.unsigned().ok_or_else(short)?;
        let stamp = Stamp { day: standing.day, key: number(key)?, counter: number(counter)? };
        let directory = reader.prefixed().ok_or_else(short)?;
        let bodies = reader.take(blob.len() - reader.at()).ok_or_else(short)?;
        let (chunk, opener) = (standing.chunk, standing.keys.opener(stamp).map_err(NotAChunk::Key)?);
        let directory = opener.open(chunk.place(id::DIRECTORY), directory);
        let directory = directory.ok_or_else(|| bad("the directory does not open under its key"))?;
        Self::from_directory(&directory, bodies, chunk, opener)
            .ok_or_else(|| bad("its directory makes no sense"))
    }

    fn from_directory(directory: &[u8], bodies: &'a [u8], chunk: ChunkKey, opener: Opener) -> Option<Self> {
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
            let length = if bodiless { 0 } else { reader.size()?.checked_add(TAG_BYTES)? };
            columns.push(Column { id, kind, body: rest.take(length)? });
        }
        rest.is_empty().then_some(Self { rows, first, last, columns, chunk, opener })
    }

    fn open(&self, column: &Column<'_>) -> Result<Vec<u8>, NotAChunk> {
        if column.body.is_empty() {
            return Ok(Vec::new());
        }
        let opened = self.opener.open(self.chunk.place(column.id), column.body);
        opened.ok_or_else(|| bad(format!("column {} does not open under its key", column.id)))
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
        let wrong = || bad(format!("column {id} makes no sense"));
        let column = self.columns.iter().find(|column| column.id == id).ok_or_else(wrong)?;
        let Kind::EveryRow(form) = column.kind else { return Err(wrong()) };
        number::decode(form, count, &self.open(column)?).ok_or_else(wrong)
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
        let opened = self.open(column)?;
        let (rows, form, count, body) = match column.kind {
            Kind::EveryRow(form) => (vec![(0, whole)], form, self.rows, opened.as_slice()),
            Kind::SomeRows(form, count) => {
                let mut reader = Reader::new(&opened);
                let rows = read_rows(&mut reader, whole).ok_or_else(wrong)?;
                let body = reader.take(opened.len() - reader.at()).ok_or_else(wrong)?;
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
        read: impl Fn(&mut Reader<'_>) -> Option<T>,
    ) -> Result<Runs<T>, NotAChunk> {
        let wrong = || bad(format!("column {id} makes no sense"));
        let whole = u32::try_from(self.rows).map_err(|_| wrong())?;
        let Some(column) = self.columns.iter().find(|column| column.id == id) else {
            return Ok(vec![(whole, T::default())]);
        };
        let opened = self.open(column)?;
        let mut reader = Reader::new(&opened);
        let mut runs = Vec::new();
        let mut left = whole;
        while !reader.is_empty() {
            let count = reader.unsigned().and_then(|n| u32::try_from(n).ok()).ok_or_else(wrong)?;
            left = left.checked_sub(count).ok_or_else(wrong)?;
            runs.push((count, read(&mut reader).ok_or_else(wrong)?));
        }
        if left == 0 { Ok(runs) } else { Err(wrong()) }
    }

    /// Everything: every column opens, or it is an error.
    pub(super) fn columns(&self) -> Result<Columns, NotAChunk> {
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
    use super::super::packed::pack;
    use super::*;
    use crate::day_keys::tests::fresh;
    use fleet::{InverterKey, StoredReading};
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

    const DAY: i64 = 20_833;

    fn encode(columns: &Columns, keys: &DayKeys, chunk: ChunkKey) -> Vec<u8> {
        pack(columns).unwrap().seal(&keys.sealer(DAY).unwrap(), chunk).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn any_readings_come_back(readings in prop::collection::vec(any_reading(), 1..60)) {
            let folder = tempfile::tempdir().unwrap();
            let keys = DayKeys::at(folder.path(), fresh);
            let chunk = ChunkKey::new(3, InverterKey(u32::MAX), 2);
            let standing = Standing { keys: &keys, day: DAY, chunk };
            let readings = in_order(readings);
            let columns = columns_of(&readings);
            let blob = encode(&columns, &keys, chunk);
            let chunk = Chunk::read(&blob, standing).unwrap();
            prop_assert_eq!((chunk.first, chunk.last, chunk.rows),
                (readings[0].time.0, readings[readings.len() - 1].time.0, readings.len()));
            prop_assert_eq!(chunk.columns().unwrap(), columns.clone());
            prop_assert_eq!(columns.into_readings().collect::<Vec<_>>(), readings);
        }

        #[test]
        fn a_damaged_or_moved_chunk_is_survived(readings in prop::collection::vec(any_reading(), 1..20),
            at: prop::sample::Index, bit in 0..8_u8, cut: prop::sample::Index) {
            let folder = tempfile::tempdir().unwrap();
            let keys = DayKeys::at(folder.path(), fresh);
            let chunk = ChunkKey::new(3, InverterKey(1), 2);
            let standing = Standing { keys: &keys, day: DAY, chunk };
            let mut blob = encode(&columns_of(&in_order(readings)), &keys, chunk);
            let read = |blob: &[u8], standing| Chunk::read(blob, standing).and_then(|chunk| chunk.columns());
            let cut = cut.index(blob.len());
            prop_assert!(read(&blob[..cut], standing).is_err());
            let elsewhere = Standing { chunk: ChunkKey::new(3, InverterKey(2), 2), ..standing };
            prop_assert!(read(&blob, elsewhere).is_err());
            let at = at.index(blob.len());
            blob[at] ^= 1 << bit;
            prop_assert!(read(&blob, standing).is_err());
        }
    }
}

//! A chunk's columns as bytes, and the same sealed under the key of their day.
//!
//! In: columns. Out: [`Packed`]: the directory and the bodies in clear, in memory alone; then one blob, each piece of which
//! is sealed by itself, so that a reader opens the directory and the columns that it wants, and nothing else.

use wire::{Conditions, Flags, Quality};

use super::chunk::{EVERY_ROW, GRID_MS, KIND_BITS, RUNS, SOME_ROWS, VERSION, id};
use super::columns::{Columns, Runs, Sparse};
use super::day::ChunkKey;
use super::number;
use crate::bytes::{Reader, write_prefixed, write_signed, write_unsigned};
use crate::day_keys::{DayKeyError, Sealer, TAG_BYTES};

/// What is to be sealed.
pub(super) struct Packed {
    directory: Vec<u8>,
    bodies: Vec<u8>,
    /// Columns that have a body, with its length, in the order of the bodies.
    lengths: Vec<(u64, usize)>,
}

/// Packs at least one row.
///
/// # Errors
/// The compressor's words.
pub(super) fn pack(columns: &Columns) -> Result<Packed, String> {
    let mut writer = Writer {
        rows: columns.len(),
        directory: Vec::new(),
        bodies: Vec::new(),
        lengths: Vec::new(),
        columns: 0,
    };
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
    Ok(Packed { directory, bodies: writer.bodies, lengths: writer.lengths })
}

impl Packed {
    /// The blob of the chunk `key`. Its place is told once to `sealer`.
    ///
    /// # Errors
    /// [`DayKeyError::Cipher`].
    pub(super) fn seal(&self, sealer: &Sealer, key: ChunkKey) -> Result<Vec<u8>, DayKeyError> {
        let stamp = sealer.stamp();
        let tags = TAG_BYTES * (1 + self.lengths.len());
        let mut out = Vec::with_capacity(self.directory.len() + self.bodies.len() + tags + 16);
        out.push(VERSION);
        write_unsigned(&mut out, stamp.key.into());
        write_unsigned(&mut out, stamp.counter.into());
        let mut directory = Vec::with_capacity(self.directory.len() + TAG_BYTES);
        sealer.seal(key.place(id::DIRECTORY), &self.directory, &mut directory)?;
        write_prefixed(&mut out, &directory);
        let mut bodies = Reader::new(&self.bodies);
        for (column, length) in &self.lengths {
            let body = bodies.take(*length).ok_or(DayKeyError::Cipher)?;
            sealer.seal(key.place(*column), body, &mut out)?;
        }
        Ok(out)
    }
}

struct Writer {
    rows: usize,
    directory: Vec<u8>,
    bodies: Vec<u8>,
    lengths: Vec<(u64, usize)>,
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
            self.body(id, begin);
        }
        Ok(())
    }

    /// Notes that what was written since `begin` is the body of a column.
    fn body(&mut self, id: u64, begin: usize) {
        let length = self.bodies.len() - begin;
        write_unsigned(&mut self.directory, length as u64);
        self.lengths.push((id, length));
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
        self.body(id, begin);
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
        self.body(id, begin);
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

//! Sealing: open chunks into day files. Merging: a day's chunks into one per inverter.
//!
//! Crash safety: a chunk goes into a day file only after the file of open chunks has all of it, together with the
//! position up to which that is so. Its row carries the position of its newest reading, so that pieces of it which are
//! still in the file of open chunks are recognised and left out after a kill.

use std::collections::BTreeMap;

use fleet::InverterKey;
use wire::UtcMs;
use wire::time::HOUR_MS;

use super::columns::{Columns, in_order};
use super::day::{ChunkKey, DayFile, Sealed, WHOLE_DAY};
use super::days::lock;
use super::open_chunks::{Key, OpenChunk, OpenChunks, Sealing};
use super::packed::{Packed, pack};
use super::{History, HistoryError, row};
use crate::day_keys::{DayKeyError, Sealer};

/// A day is merged this long after its end, when its last chunks are sealed.
const MERGE_AFTER_MS: i64 = HOUR_MS;
/// Most chunks in one commit: bounds its memory and how long the disk is busy.
const MOST_A_COMMIT: usize = 500;

impl History {
    /// Seals chunks whose hour is over, late ones that have waited, and the largest while memory is over budget.
    /// Returns how many. Call it each few seconds, on a thread that may compress.
    ///
    /// # Errors
    /// [`HistoryError`]; what was not sealed stays open and is tried again.
    pub fn seal_due(&self, now: UtcMs) -> Result<usize, HistoryError> {
        let _writer = lock(&self.day_writer);
        self.seal(|open| open.due(now, self.config.memory_budget_bytes))
    }

    /// Seals every open chunk, for an orderly end or a measurement.
    ///
    /// # Errors
    /// As [`History::seal_due`].
    pub fn seal_all(&self) -> Result<usize, HistoryError> {
        let _writer = lock(&self.day_writer);
        self.seal(|open| open.keys(|_| true))
    }

    /// Merges days that ended more than an hour before `now` to one chunk per inverter. Returns how many days were
    /// rewritten. Call it hourly, on a thread that may compress.
    ///
    /// # Errors
    /// [`HistoryError`]; what was merged stays merged, the rest stays as it was.
    pub fn merge_due(&self, now: UtcMs) -> Result<usize, HistoryError> {
        let (mut rewritten, mut failed) = (0, None);
        for day in self.days.unmerged(now.plus_ms(-MERGE_AFTER_MS)) {
            match self.merge(day) {
                Ok(merged) => rewritten += usize::from(merged),
                // One day whose key is lost must not keep the others from being merged.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(rewritten), Err)
    }

    /// The caller holds `day_writer`.
    fn seal(&self, choose: impl FnOnce(&mut OpenChunks) -> Vec<Key>) -> Result<usize, HistoryError> {
        {
            let mut tail = lock(&self.tail);
            let chosen = {
                let mut open = lock(&self.open);
                let keys = choose(&mut open);
                open.begin_sealing(&keys);
                keys.len()
            };
            // Also when nothing was chosen: chunks may wait whose sealing failed before.
            if chosen > 0 {
                self.persist(&mut tail, self.durable_through())?;
            }
        }
        let mut by_day: BTreeMap<i64, Vec<Sealing>> = BTreeMap::new();
        for sealing in lock(&self.open).sealing() {
            by_day.entry(sealing.key.day()).or_default().push(sealing);
        }
        let mut sealed = 0;
        for (day, chunks) in &by_day {
            for part in chunks.chunks(MOST_A_COMMIT) {
                self.write_chunks(*day, part)?;
                lock(&self.open).sealed(part);
                lock(&self.tail).release(part.iter().flat_map(|sealing| sealing.pieces.iter().copied()))?;
                sealed += part.len();
            }
        }
        Ok(sealed)
    }

    fn write_chunks(&self, day: i64, chunks: &[Sealing]) -> Result<(), HistoryError> {
        let mut contents: Vec<Packed> = Vec::with_capacity(chunks.len());
        for sealing in chunks {
            let mut columns = Columns::default();
            let readings = readings_of(sealing.key, &sealing.chunk)?;
            in_order(readings).iter().for_each(|reading| columns.push(reading));
            contents.push(pack(&columns).map_err(HistoryError::Compress)?);
        }
        // One sealer a transaction: what is written again after a failure is sealed under another nonce.
        let sealer = self.days.keys.sealer(day)?;
        self.days.write(day, |file| {
            for (sealing, content) in chunks.iter().zip(&contents) {
                let (inverter, hour) = (sealing.key.inverter, sealing.key.hour.rem_euclid(WHOLE_DAY));
                let part = file.next_part(hour, inverter)?;
                let key = ChunkKey::new(hour, inverter, part);
                file.insert(Sealed { key, through: sealing.chunk.newest }, &content.seal(&sealer, key)?)?;
            }
            Ok(())
        })
    }

    fn merge(&self, day: i64) -> Result<bool, HistoryError> {
        let _writer = lock(&self.day_writer);
        // What is open of that day goes in first: the merged chunk's position then covers every earlier reading.
        self.seal(|open| open.keys(|key| key.day() == day))?;
        let Some(inverters) = self.days.read(day, DayFile::unmerged)? else { return Ok(false) };
        for inverter in &inverters {
            self.days.write(day, |file| merge_inverter(file, *inverter, || self.days.keys.sealer(day)))?;
        }
        // Readers of this day keep their connections for milliseconds; if one is at work now, the next call packs.
        self.days.close(day);
        if self.days.with(day, DayFile::compact)? {
            self.days.merged(day);
        }
        self.days.close(day);
        Ok(!inverters.is_empty())
    }
}

/// The readings of an open chunk.
pub(super) fn readings_of(key: Key, chunk: &OpenChunk) -> Result<Vec<fleet::StoredReading>, HistoryError> {
    row::read(&chunk.bytes).ok_or_else(|| HistoryError::Damaged {
        what: format!("open chunk of inverter {}, hour {}", key.inverter.0, key.hour),
        path: "open.sqlite".into(),
        detail: "malformed".into(),
    })
}

fn merge_inverter(
    file: &DayFile,
    inverter: InverterKey,
    sealer: impl FnOnce() -> Result<Sealer, DayKeyError>,
) -> Result<(), HistoryError> {
    let sealed = file.sealed(inverter)?;
    let mut readings = Vec::new();
    for part in &sealed {
        let columns = file.content(part.key, |chunk| chunk.columns())?;
        readings.extend(columns.into_iter().flat_map(Columns::into_readings));
    }
    let mut columns = Columns::default();
    in_order(readings).iter().for_each(|reading| columns.push(reading));
    let content = pack(&columns).map_err(HistoryError::Compress)?;
    let key = ChunkKey::new(WHOLE_DAY, inverter, file.next_part(WHOLE_DAY, inverter)?);
    let through = sealed.iter().map(|part| part.through).max().unwrap_or_default();
    file.insert(Sealed { key, through }, &content.seal(&sealer()?, key)?)?;
    sealed.iter().try_for_each(|part| file.delete(part.key))
}

/// The newest day that has ended more than 30 days before `now`, as its end.
pub(super) fn retention_end(now: UtcMs) -> UtcMs {
    now.plus_ms(-fleet::retention::KEPT_MS)
}

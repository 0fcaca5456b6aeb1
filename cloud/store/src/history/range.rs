//! Reading what a chart shows.
//!
//! In: a query. Out: buckets on one time axis, gaps, episodes. Open chunks are looked at first, then the day files: a
//! chunk sealed in between is known by its position and not counted twice. Long ranges are made of five-minute cells
//! that are kept in memory, short ones of the readings themselves. What memory alone answers can be had without a
//! thread that may block.

use std::sync::Arc;

use fleet::retention::KEPT_MS;
use wire::Quantity;
use wire::UtcMs;
use wire::time::{DAY_MS, HOUR_MS};

use super::bucket::{Sums, add_column};
use super::cache::{Digest, Key as CacheKey, Value};
use super::chunk::{Chunk, NotAChunk};
use super::columns::Sparse;
use super::day::{Sealed, WHOLE_DAY};
use super::days::lock;
use super::gathered::Gathered;
use super::open_chunks::{Key, OpenChunk};
use super::open_columns;
use super::query::{Range, RangeQuery};
use super::{History, HistoryError};

/// A chunk that vanishes between listing and reading was merged: the day is read anew, at most this often.
const TRIES: usize = 4;
/// Open chunks of this many bytes take about a millisecond to walk over: more is not done in passing.
const IN_PASSING_BYTES: usize = 64 << 10;

/// How far a walk over the chunks may reach.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Memory,
    Disk,
}

/// How it ended.
enum Walk {
    Done,
    /// A chunk vanished meanwhile.
    Vanished,
    /// It reached further than it may.
    Beyond,
}

impl History {
    /// Reads what a chart shows. `from` is raised to 30 days before `now`.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn range(&self, query: &RangeQuery, now: UtcMs) -> Result<Range, HistoryError> {
        let from = query.from.0.max(now.0.saturating_sub(KEPT_MS));
        let to = query.to.0;
        if from >= to {
            return Ok(Range::empty(query));
        }
        for _ in 0..TRIES {
            let mut gathered = Gathered::new(query, from, to, self.config.gap_ms());
            if let Walk::Done = self.gather(query, &mut gathered, Reach::Disk)? {
                return Ok(gathered.finish(query, now));
            }
        }
        Err(HistoryError::Restless)
    }

    /// The same where memory alone knows it, as it does of a long range that was drawn before: at once, without I/O,
    /// so it may be called on an async thread. `None` where the disk must be asked.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn range_in_memory(&self, query: &RangeQuery, now: UtcMs) -> Result<Option<Range>, HistoryError> {
        let from = query.from.0.max(now.0.saturating_sub(KEPT_MS));
        let to = query.to.0;
        if from >= to {
            return Ok(Some(Range::empty(query)));
        }
        let mut gathered = Gathered::new(query, from, to, self.config.gap_ms());
        let walk = self.gather(query, &mut gathered, Reach::Memory)?;
        Ok(matches!(walk, Walk::Done).then(|| gathered.finish(query, now)))
    }

    fn gather(
        &self,
        query: &RangeQuery,
        gathered: &mut Gathered,
        reach: Reach,
    ) -> Result<Walk, HistoryError> {
        let (from, to) = (gathered.counted.start, gathered.counted.end);
        let hour = |time: i64| time.div_euclid(HOUR_MS);
        let mut open = lock(&self.open).of(query.inverter, hour(from), hour(to - 1));
        let bytes: usize = open.iter().map(|(_, chunk)| chunk.bytes.len()).sum();
        if reach == Reach::Memory && bytes > IN_PASSING_BYTES {
            return Ok(Walk::Beyond);
        }
        for day in self.days.between(from.div_euclid(DAY_MS), (to - 1).div_euclid(DAY_MS)) {
            let Some(sealed) = self.listing_within(reach, day, query.inverter)? else {
                return Ok(Walk::Beyond);
            };
            open.retain(|(key, chunk)| !is_sealed(&sealed, *key, day, chunk));
            for sealed in sealed.iter().filter(|sealed| overlaps(sealed, day, from, to)) {
                match self.gather_sealed(query, gathered, day, *sealed, reach)? {
                    Walk::Done => {}
                    other => return Ok(other),
                }
            }
        }
        for (key, chunk) in open {
            let columns = open_columns::asked(key, &chunk, &query.quantities)?;
            gathered.add_open(&columns, query, &self.config);
        }
        Ok(Walk::Done)
    }

    /// The chunks of an inverter on a day.
    pub(super) fn listing(
        &self,
        day: i64,
        inverter: fleet::InverterKey,
    ) -> Result<Arc<Vec<Sealed>>, HistoryError> {
        Ok(self.listing_within(Reach::Disk, day, inverter)?.unwrap_or_default())
    }

    fn listing_within(
        &self,
        reach: Reach,
        day: i64,
        inverter: fleet::InverterKey,
    ) -> Result<Option<Arc<Vec<Sealed>>>, HistoryError> {
        let Some(generation) = self.days.generation(day) else { return Ok(Some(Arc::default())) };
        let key = CacheKey::Listing(day, inverter);
        if let Some(Value::Listing(read_at, sealed)) = lock(&self.cache).find(&key)
            && read_at == generation
        {
            return Ok(Some(sealed));
        }
        if reach == Reach::Memory {
            return Ok(None);
        }
        let sealed = Arc::new(self.days.read(day, |file| file.sealed(inverter))?.unwrap_or_default());
        lock(&self.cache).keep(key, Value::Listing(generation, Arc::clone(&sealed)));
        Ok(Some(sealed))
    }

    fn gather_sealed(
        &self,
        query: &RangeQuery,
        gathered: &mut Gathered,
        day: i64,
        sealed: Sealed,
        reach: Reach,
    ) -> Result<Walk, HistoryError> {
        let digest = lock(&self.cache).find(&CacheKey::Digest(day, sealed));
        if let (true, Some(Value::Digest(digest))) = (gathered.from_cells, &digest) {
            let mut cache = lock(&self.cache);
            let cells = |quantity: &Quantity| match cache.find(&CacheKey::Cells(day, sealed, *quantity)) {
                Some(Value::Cells(cells)) => Some(cells),
                _ => None,
            };
            if let Some(cells) = query.quantities.iter().map(cells).collect::<Option<Vec<_>>>() {
                drop(cache);
                gathered.add_cells(digest, &cells);
                return Ok(Walk::Done);
            }
        }
        if reach == Reach::Memory {
            return Ok(Walk::Beyond);
        }
        let read = self.days.read(day, |file| {
            file.content(sealed.key, |chunk| self.gather_content(query, gathered, day, sealed, chunk))
        });
        let read = match read {
            // The chart shows a gap, and the operator is told (`History::without_key`).
            Err(HistoryError::Key(_)) => return Ok(Walk::Done),
            read => read?,
        };
        Ok(if read.flatten().is_some() { Walk::Done } else { Walk::Vanished })
    }

    fn gather_content(
        &self,
        query: &RangeQuery,
        gathered: &mut Gathered,
        day: i64,
        sealed: Sealed,
        chunk: &Chunk<'_>,
    ) -> Result<(), NotAChunk> {
        if chunk.last < gathered.counted.start || chunk.first >= gathered.counted.end {
            return Ok(());
        }
        let times = chunk.times()?;
        let key = CacheKey::Digest(day, sealed);
        let found = lock(&self.cache).find(&key);
        let digest = if let Some(Value::Digest(digest)) = found {
            digest
        } else {
            let digest = Digest::new(&times, &chunk.flags()?, &chunk.conditions()?, &self.config);
            let digest = Arc::new(digest);
            lock(&self.cache).keep(key, Value::Digest(Arc::clone(&digest)));
            digest
        };
        if !gathered.from_cells {
            return gathered.add_rows(&digest, &times, |at| match query.quantities.get(at) {
                Some(quantity) => chunk.quantity(*quantity),
                None => Ok(Sparse::default()),
            });
        }
        let segments = digest.grid.segments(&times, i64::MIN, i64::MAX);
        let mut all = Vec::with_capacity(query.quantities.len());
        for quantity in &query.quantities {
            let key = CacheKey::Cells(day, sealed, *quantity);
            let found = lock(&self.cache).find(&key);
            let cells = if let Some(Value::Cells(cells)) = found {
                cells
            } else {
                let mut cells = vec![Sums::NONE; digest.grid.count];
                add_column(&chunk.quantity(*quantity)?, &segments, &mut cells);
                let cells = Arc::new(cells);
                lock(&self.cache).keep(key, Value::Cells(Arc::clone(&cells)));
                cells
            };
            all.push(cells);
        }
        gathered.add_cells(&digest, &all);
        Ok(())
    }
}

/// Whether an open chunk, copied earlier, is among the sealed ones by now.
pub(super) fn is_sealed(sealed: &[Sealed], key: Key, day: i64, chunk: &OpenChunk) -> bool {
    key.day() == day
        && sealed.iter().any(|sealed| {
            let hour = sealed.key.hour();
            (hour == WHOLE_DAY || hour == key.hour.rem_euclid(WHOLE_DAY)) && sealed.through >= chunk.newest
        })
}

/// Whether a chunk can hold readings of `from..to`.
pub(super) fn overlaps(sealed: &Sealed, day: i64, from: i64, to: i64) -> bool {
    let hour = sealed.key.hour();
    let begin = day * DAY_MS + hour * HOUR_MS;
    hour == WHOLE_DAY || (begin < to && begin + HOUR_MS > from)
}

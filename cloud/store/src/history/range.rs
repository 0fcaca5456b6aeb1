//! Reading what a chart shows.
//!
//! In: a query. Out: buckets on one time axis, gaps, episodes. Open chunks are looked at first, then the day files: a
//! chunk sealed in between is known by its position and not counted twice. Long ranges are made of five-minute cells
//! that are kept in memory, short ones of the readings themselves. What memory alone answers can be had without a
//! thread that may block.

use std::sync::Arc;

use wire::Quantity;
use wire::UtcMs;
use wire::time::{DAY_MS, HOUR_MS};

use super::bucket::{CELL_MS, Grid, Sums, add_column};
use super::cache::{Digest, Key as CacheKey, Value};
use super::chunk::{Chunk, NotAChunk};
use super::columns::{Columns, Sparse};
use super::day::{Sealed, WHOLE_DAY};
use super::days::lock;
use super::open_chunks::{Key, OpenChunk};
use super::open_columns;
use super::query::{Range, RangeQuery, Series};
use super::spans::{Held, Stretch, episodes, gap_rows, gaps, held, join_stretches, stretches};
use super::{History, HistoryError, KEPT_DAYS};

/// Buckets at least this wide are made of cells, and are whole cells wide.
const FROM_CELLS_MS: i64 = 1_800_000;
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
        let from = query.from.0.max(now.0.saturating_sub(KEPT_DAYS * DAY_MS));
        let to = query.to.0;
        if from >= to {
            return Ok(Range::empty(query));
        }
        for _ in 0..TRIES {
            let mut gathered = Gathered::new(query, from, to);
            if let Walk::Done = self.gather(query, &mut gathered, Reach::Disk)? {
                return Ok(gathered.finish(query, now, self.config.gap_ms()));
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
        let from = query.from.0.max(now.0.saturating_sub(KEPT_DAYS * DAY_MS));
        let to = query.to.0;
        if from >= to {
            return Ok(Some(Range::empty(query)));
        }
        let mut gathered = Gathered::new(query, from, to);
        let walk = self.gather(query, &mut gathered, Reach::Memory)?;
        Ok(matches!(walk, Walk::Done).then(|| gathered.finish(query, now, self.config.gap_ms())))
    }

    fn gather(
        &self,
        query: &RangeQuery,
        gathered: &mut Gathered,
        reach: Reach,
    ) -> Result<Walk, HistoryError> {
        let (from, to) = (gathered.from, gathered.to);
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
            gathered.add_open(&columns, query, self.config.gap_ms());
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
            file.content(sealed.key, |blob| self.gather_content(query, gathered, day, sealed, blob))
        })?;
        Ok(if read.flatten().is_some() { Walk::Done } else { Walk::Vanished })
    }

    fn gather_content(
        &self,
        query: &RangeQuery,
        gathered: &mut Gathered,
        day: i64,
        sealed: Sealed,
        blob: &[u8],
    ) -> Result<(), NotAChunk> {
        let chunk = Chunk::read(blob)?;
        if chunk.last < gathered.from || chunk.first >= gathered.to {
            return Ok(());
        }
        let times = chunk.times()?;
        let key = CacheKey::Digest(day, sealed);
        let found = lock(&self.cache).find(&key);
        let digest = if let Some(Value::Digest(digest)) = found {
            digest
        } else {
            let gap_ms = self.config.gap_ms();
            let digest = Arc::new(Digest::new(&times, &chunk.flags()?, &chunk.conditions()?, gap_ms));
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

impl Digest {
    fn new(
        times: &[i64],
        flags: &super::columns::Runs<wire::Flags>,
        conditions: &super::columns::Runs<wire::Conditions>,
        gap_ms: i64,
    ) -> Self {
        let rows = gap_rows(times, gap_ms);
        let (first, last) = (times.first().copied().unwrap_or(0), times.last().copied().unwrap_or(0));
        let grid = Grid::cells(first, last);
        let mut occupied = vec![false; grid.count];
        for segment in grid.segments(times, i64::MIN, i64::MAX) {
            if let Some(occupied) = occupied.get_mut(segment.bucket) {
                *occupied = true;
            }
        }
        let held = held(times, &rows, flags, conditions);
        Self { first, last, stretches: stretches(times, &rows), held, grid, occupied }
    }
}

/// What was found so far.
struct Gathered {
    from: i64,
    to: i64,
    grid: Grid,
    from_cells: bool,
    /// By quantity, then bucket.
    sums: Vec<Vec<Sums>>,
    occupied: Vec<bool>,
    stretches: Vec<Stretch>,
    held: Vec<Held>,
}

impl Gathered {
    fn new(query: &RangeQuery, from: i64, to: i64) -> Self {
        let grid = grid(from, to, query.points.clamp(1, RangeQuery::MOST_POINTS));
        Self {
            from,
            to,
            from_cells: grid.step >= FROM_CELLS_MS,
            sums: vec![vec![Sums::NONE; grid.count]; query.quantities.len()],
            occupied: vec![false; grid.count],
            grid,
            stretches: Vec::new(),
            held: Vec::new(),
        }
    }

    fn add_digest(&mut self, digest: &Digest) {
        self.stretches.extend_from_slice(&digest.stretches);
        self.held.extend_from_slice(&digest.held);
    }

    fn add_cells(&mut self, digest: &Digest, cells: &[Arc<Vec<Sums>>]) {
        if digest.last < self.from || digest.first >= self.to {
            return;
        }
        self.add_digest(digest);
        for (at, occupied) in digest.occupied.iter().enumerate() {
            let time = digest.grid.begin(at);
            // A cell begins on a bucket's bound or within a bucket; the part of one before `from` is left out.
            let Some(bucket) = self.grid.bucket(time).filter(|_| *occupied && time < self.to) else {
                continue;
            };
            if let Some(occupied) = self.occupied.get_mut(bucket) {
                *occupied = true;
            }
            for (sums, cells) in self.sums.iter_mut().zip(cells) {
                if let (Some(sums), Some(cell)) = (sums.get_mut(bucket), cells.get(at)) {
                    sums.add(cell);
                }
            }
        }
    }

    /// `column`: the values of the n-th asked quantity.
    fn add_rows(
        &mut self,
        digest: &Digest,
        times: &[i64],
        column: impl Fn(usize) -> Result<Sparse, NotAChunk>,
    ) -> Result<(), NotAChunk> {
        self.add_digest(digest);
        let segments = self.grid.segments(times, self.from, self.to);
        for segment in &segments {
            if let Some(occupied) = self.occupied.get_mut(segment.bucket) {
                *occupied = true;
            }
        }
        for (at, sums) in self.sums.iter_mut().enumerate() {
            add_column(&column(at)?, &segments, sums);
        }
        Ok(())
    }

    fn add_open(&mut self, columns: &Columns, query: &RangeQuery, gap_ms: i64) {
        let digest = Digest::new(&columns.times, &columns.flags, &columns.conditions, gap_ms);
        let column = |at: usize| {
            let quantity = query.quantities.get(at);
            let found = columns.quantities.iter().find(|(q, _)| Some(q) == quantity);
            Ok(found.map_or_else(Sparse::default, |(_, column)| column.clone()))
        };
        // Columns in memory are never damaged: there is nothing to report.
        let _: Result<(), NotAChunk> = self.add_rows(&digest, &columns.times, column);
    }

    fn finish(self, query: &RangeQuery, now: UtcMs, gap_ms: i64) -> Range {
        let mut begins: Vec<_> = self.stretches.iter().map(|stretch| stretch.first).collect();
        begins.sort_unstable();
        let joined = join_stretches(self.stretches, gap_ms);
        let gaps = gaps(&joined, self.from, self.to.min(now.0), gap_ms);
        let mut rows: Vec<Option<usize>> = Vec::new();
        let mut times = Vec::new();
        let mut before: Option<usize> = None;
        for bucket in (0..self.grid.count).filter(|bucket| self.occupied.get(*bucket) == Some(&true)) {
            if let Some(before) = before.filter(|before| before + 1 < bucket) {
                // Empty buckets between: the line breaks where they touch a gap, and only there.
                let (begin, end) = (self.grid.begin(before + 1), self.grid.begin(bucket));
                let after = gaps.partition_point(|gap| gap.to.0 <= begin);
                if gaps.get(after).is_some_and(|gap| gap.from.0 < end) {
                    rows.push(None);
                    times.push(UtcMs(begin));
                }
            }
            rows.push(Some(bucket));
            times.push(UtcMs(self.grid.begin(bucket)));
            before = Some(bucket);
        }
        let series = query.quantities.iter().zip(&self.sums).map(|(quantity, sums)| {
            let value =
                |row: &Option<usize>| row.and_then(|at| sums.get(at)).and_then(|sums| sums.spread(*quantity));
            Series { quantity: *quantity, values: rows.iter().map(value).collect() }
        });
        let series = series.collect();
        let episodes = episodes(self.held, &begins, self.from, self.to, gap_ms);
        Range { step_ms: self.grid.step, times, series, gaps, episodes }
    }
}

/// At most `points` buckets over `from..to`. Wide ones are whole cells wide and begin with a cell.
fn grid(from: i64, to: i64, points: usize) -> Grid {
    let points = i64::try_from(points).unwrap_or(i64::MAX);
    let fit = |origin: i64, step: i64| Grid {
        origin,
        step,
        count: usize::try_from((to - origin).max(0).unsigned_abs().div_ceil(step.unsigned_abs()))
            .unwrap_or(0),
    };
    let step = (to - from).unsigned_abs().div_ceil(points.unsigned_abs()).cast_signed().max(1);
    if step < FROM_CELLS_MS {
        return fit(from, step);
    }
    let ceil = |value: i64| {
        value.div_euclid(CELL_MS) * CELL_MS + if value.rem_euclid(CELL_MS) > 0 { CELL_MS } else { 0 }
    };
    fit(ceil(from), ceil(step))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_grid_covers_the_span_with_no_more_buckets_than_asked(
            from in 0..2_000_000_000_000_i64, width in 1..3_000_000_000_i64, points in 1..2_000_usize,
        ) {
            let grid = grid(from, from + width, points);
            prop_assert!((1..=points).contains(&grid.count) || width < CELL_MS);
            prop_assert!(grid.begin(grid.count) >= from + width);
            prop_assert!(grid.origin - from < CELL_MS && grid.origin >= from);
        }
    }
}

//! What a walk over the chunks has found so far of a chart.
//!
//! In: digests with cells or rows, in any order. Out: buckets on one time axis, gaps, episodes. Never does I/O.

use std::ops::Range as Between;
use std::sync::Arc;

use wire::UtcMs;

use super::bucket::{CELL_MS, Grid, Sums, add_column};
use super::cache::Digest;
use super::chunk::NotAChunk;
use super::columns::{Columns, Runs, Sparse};
use super::config::Config;
use super::query::{Range, RangeQuery, Series};
use super::spans::{Held, Stretch, episodes, gap_rows, gaps, held, join_stretches, stretches, tolerance};

/// Buckets at least this wide are made of cells, and are whole cells wide.
const FROM_CELLS_MS: i64 = 1_800_000;

impl Digest {
    pub(super) fn new(
        times: &[i64],
        flags: &Runs<wire::Flags>,
        conditions: &Runs<wire::Conditions>,
        config: &Config,
    ) -> Self {
        let tolerance = tolerance(times, config.gap_ms(), config.gap_intervals);
        let rows = gap_rows(times, tolerance);
        let (first, last) = (times.first().copied().unwrap_or(0), times.last().copied().unwrap_or(0));
        let grid = Grid::cells(first, last);
        let mut occupied = vec![false; grid.count];
        for segment in grid.segments(times, i64::MIN, i64::MAX) {
            if let Some(occupied) = occupied.get_mut(segment.bucket) {
                *occupied = true;
            }
        }
        let held = held(times, &rows, flags, conditions);
        Self { first, last, tolerance, stretches: stretches(times, &rows), held, grid, occupied }
    }
}

/// What was found so far.
pub(super) struct Gathered {
    from: i64,
    to: i64,
    /// Which readings count: of a long range those of whole cells, from the first that begins within it to the end of
    /// its last, whether they come from a sealed chunk's cells or from an open chunk's rows.
    pub(super) counted: Between<i64>,
    grid: Grid,
    pub(super) from_cells: bool,
    /// By quantity, then bucket.
    sums: Vec<Vec<Sums>>,
    occupied: Vec<bool>,
    /// The longest of any chunk, so that a slow pace is not cut where it meets a quicker one.
    tolerance: i64,
    stretches: Vec<Stretch>,
    held: Vec<Held>,
}

impl Gathered {
    pub(super) fn new(query: &RangeQuery, from: i64, to: i64, gap_ms: i64) -> Self {
        let grid = grid(from, to, query.points.clamp(1, RangeQuery::MOST_POINTS));
        let from_cells = grid.step >= FROM_CELLS_MS;
        Self {
            from,
            to,
            counted: if from_cells { grid.origin..next_cell(to) } else { from..to },
            from_cells,
            sums: vec![vec![Sums::NONE; grid.count]; query.quantities.len()],
            occupied: vec![false; grid.count],
            grid,
            tolerance: gap_ms,
            stretches: Vec::new(),
            held: Vec::new(),
        }
    }

    fn add_digest(&mut self, digest: &Digest) {
        self.tolerance = self.tolerance.max(digest.tolerance);
        self.stretches.extend_from_slice(&digest.stretches);
        self.held.extend_from_slice(&digest.held);
    }

    pub(super) fn add_cells(&mut self, digest: &Digest, cells: &[Arc<Vec<Sums>>]) {
        if digest.last < self.counted.start || digest.first >= self.counted.end {
            return;
        }
        self.add_digest(digest);
        for (at, occupied) in digest.occupied.iter().enumerate() {
            let time = digest.grid.begin(at);
            // A cell begins on a bucket's bound or within a bucket; the part of one before `from` is left out.
            let Some(bucket) = self.grid.bucket(time).filter(|_| *occupied && time < self.counted.end) else {
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
    pub(super) fn add_rows(
        &mut self,
        digest: &Digest,
        times: &[i64],
        column: impl Fn(usize) -> Result<Sparse, NotAChunk>,
    ) -> Result<(), NotAChunk> {
        self.add_digest(digest);
        let segments = self.grid.segments(times, self.counted.start, self.counted.end);
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

    pub(super) fn add_open(&mut self, columns: &Columns, query: &RangeQuery, config: &Config) {
        let digest = Digest::new(&columns.times, &columns.flags, &columns.conditions, config);
        let column = |at: usize| {
            let quantity = query.quantities.get(at);
            let found = columns.quantities.iter().find(|(q, _)| Some(q) == quantity);
            Ok(found.map_or_else(Sparse::default, |(_, column)| column.clone()))
        };
        // Columns in memory are never damaged: there is nothing to report.
        let _: Result<(), NotAChunk> = self.add_rows(&digest, &columns.times, column);
    }

    pub(super) fn finish(self, query: &RangeQuery, now: UtcMs) -> Range {
        let gap_ms = self.tolerance;
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
    fit(next_cell(from), next_cell(step))
}

/// The first multiple of a cell's width that is not before a time.
fn next_cell(time: i64) -> i64 {
    time.div_euclid(CELL_MS) * CELL_MS + if time.rem_euclid(CELL_MS) > 0 { CELL_MS } else { 0 }
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

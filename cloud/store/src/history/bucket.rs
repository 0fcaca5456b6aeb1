//! Min, mean and max by bucket.
//!
//! In: times and values of one chunk. Out: sums that add up over chunks. Works on whole slices of rows: where buckets
//! begin and end is found once per chunk, not per value.

use std::ops::Range;

use super::columns::Sparse;
use super::query::Spread;

/// Width of the cells that are kept in memory for long ranges.
pub(super) const CELL_MS: i64 = 300_000;

/// What is known of the values in one bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sums {
    min: i64,
    max: i64,
    sum: f64,
    count: u32,
}

impl Sums {
    pub(super) const NONE: Self = Self { min: i64::MAX, max: i64::MIN, sum: 0.0, count: 0 };

    #[expect(clippy::cast_precision_loss, reason = "a mean of 52 bits is more than any screen shows")]
    fn add_values(&mut self, values: &[i64]) {
        let (mut min, mut max, mut sum) = (i64::MAX, i64::MIN, 0_i64);
        for value in values {
            min = min.min(*value);
            max = max.max(*value);
            sum = sum.wrapping_add(*value);
        }
        // Integers are summed exactly where they cannot overflow, which is always so for values of equipment.
        let exact = min > -(1 << 40) && max < 1 << 40 && values.len() < 1 << 20;
        self.sum += if exact { sum as f64 } else { values.iter().map(|value| *value as f64).sum() };
        self.min = self.min.min(min);
        self.max = self.max.max(max);
        self.count = self.count.saturating_add(u32::try_from(values.len()).unwrap_or(u32::MAX));
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.count = self.count.saturating_add(other.count);
    }

    /// In the quantity's unit; `None` without a value.
    pub(super) fn spread(&self, quantity: wire::Quantity) -> Option<Spread> {
        if self.count == 0 {
            return None;
        }
        // One decimal more than a reading has: what a mean adds, without digits that mean nothing.
        let mean = (self.sum / f64::from(self.count) * 10.0).round() / 10.0;
        Some(Spread {
            min: quantity.to_f64(self.min),
            mean: mean / quantity.scale(),
            max: quantity.to_f64(self.max),
        })
    }
}

/// Buckets of one width, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) origin: i64,
    pub(super) step: i64,
    pub(super) count: usize,
}

/// Rows of one bucket.
pub(super) struct Segment {
    pub(super) bucket: usize,
    pub(super) rows: Range<usize>,
}

impl Grid {
    /// The cells from the first to the last of `times`.
    pub(super) fn cells(first: i64, last: i64) -> Self {
        let cell = |time: i64| time.div_euclid(CELL_MS);
        let count = usize::try_from(cell(last) - cell(first) + 1).unwrap_or(0);
        Self { origin: cell(first) * CELL_MS, step: CELL_MS, count }
    }

    /// The bucket of a time, where there is one.
    pub(super) fn bucket(&self, time: i64) -> Option<usize> {
        usize::try_from((time - self.origin).div_euclid(self.step)).ok().filter(|bucket| *bucket < self.count)
    }

    /// When a bucket begins.
    pub(super) fn begin(&self, bucket: usize) -> i64 {
        self.origin.saturating_add(self.step.saturating_mul(i64::try_from(bucket).unwrap_or(i64::MAX)))
    }

    /// Rows by bucket of `times`, which ascend; those outside `from..to` or any bucket are left out.
    pub(super) fn segments(&self, times: &[i64], from: i64, to: i64) -> Vec<Segment> {
        let from = from.max(self.origin);
        let to = to.min(self.begin(self.count));
        let mut row = times.partition_point(|time| *time < from);
        let end = times.partition_point(|time| *time < to);
        let mut segments = Vec::new();
        while row < end {
            let Some(bucket) = times.get(row).and_then(|time| self.bucket(*time)) else { break };
            let bound = self.begin(bucket + 1);
            let rest = times.get(row..end).unwrap_or_default();
            let next = row + rest.partition_point(|time| *time < bound);
            segments.push(Segment { bucket, rows: row..next });
            row = next;
        }
        segments
    }
}

/// Adds a column to the buckets. `segments` ascend.
pub(super) fn add_column(column: &Sparse, segments: &[Segment], buckets: &mut [Sums]) {
    let mut at = 0;
    let mut segments = segments.iter().peekable();
    for (first, count) in &column.rows {
        let (first, count) = (*first as usize, *count as usize);
        while let Some(segment) = segments.peek() {
            let begin = segment.rows.start.max(first);
            let end = segment.rows.end.min(first + count);
            if begin < end {
                let values = column.values.get(at + begin - first..at + end - first);
                if let (Some(bucket), Some(values)) = (buckets.get_mut(segment.bucket), values) {
                    bucket.add_values(values);
                }
            }
            if segment.rows.end > first + count {
                break;
            }
            segments.next();
        }
        at += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn buckets_hold_what_a_plain_loop_finds(
            gaps in prop::collection::vec((0..50_i64, prop::option::of(-100..100_i64)), 1..80),
            origin in -50..50_i64, step in 1..70_i64, count in 1..12_usize, from in -60..200_i64, length in 0..900_i64,
        ) {
            let grid = Grid { origin, step, count };
            let mut times = Vec::new();
            let mut column = Sparse::default();
            let mut expect = vec![Sums::NONE; count];
            let mut time = 0;
            for (row, (gap, value)) in (0_u32..).zip(&gaps) {
                time += gap;
                times.push(time);
                let Some(value) = value else { continue };
                column.push(row, *value);
                if (from..from + length).contains(&time) && let Some(bucket) = grid.bucket(time) {
                    expect[bucket].add_values(&[*value]);
                }
            }
            let mut found = vec![Sums::NONE; count];
            add_column(&column, &grid.segments(&times, from, from + length), &mut found);
            prop_assert_eq!(found, expect);
        }
    }
}

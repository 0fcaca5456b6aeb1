//! What history may use, with defaults and their reasons.

/// Limits of [`super::History`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Open chunks may take this many bytes of memory; past it the largest are sealed early. About 40 bytes a
    /// reading: 64 MiB hold an hour of 4,000 inverters.
    pub memory_budget_bytes: usize,
    /// Day files held open for readers at a time; the longest unused is closed first. A 30-day chart needs 31.
    pub open_days: usize,
    /// Memory for what charts of past days have in common: five-minute cells by chunk and quantity, some 10 KB a day.
    pub cache_bytes: usize,
    /// Time between two readings when nothing happens, milliseconds (decision 4).
    pub expected_interval_ms: i64,
    /// A line on the chart breaks where no reading came for this many expected intervals, or this many times the pace
    /// at which the inverter's readings usually come, where that is slower.
    pub gap_intervals: i64,
}

impl Config {
    /// Longest time between two readings that is not a gap at the expected interval.
    pub(super) const fn gap_ms(&self) -> i64 {
        self.expected_interval_ms.saturating_mul(self.gap_intervals)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            memory_budget_bytes: 64 << 20,
            open_days: 40,
            cache_bytes: 32 << 20,
            expected_interval_ms: 10_000,
            gap_intervals: 3,
        }
    }
}

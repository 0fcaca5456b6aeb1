//! History: thirty days of readings in compressed chunks.
//!
//! In: readings that `fleet` says to store, with their journal positions. Out: charts (min, mean, max by bucket, gaps
//! as gaps), episodes, raw readings. One SQLite file per UTC day, deleted whole. All calls block: call them off the
//! async threads. Never reaches back further than 30 days before `now`; never reads a clock.

mod config;
mod error;
mod query;

use std::path::Path;

use fleet::{InverterKey, StoredReading};
use wire::UtcMs;

pub use config::Config;
pub use error::HistoryError;
pub use query::{Episode, Range, RangeQuery, Series, Span, Spread, Subject};

use crate::Position;

/// Everything that history keeps. Shared between the pipeline (writes) and the people's door (reads).
pub struct History {}

impl History {
    /// Opens the folder, made if missing. Does not look into day files.
    ///
    /// # Errors
    /// [`HistoryError`] where the folder or the file of open chunks cannot be used.
    pub fn open(_directory: &Path, _config: Config) -> Result<Self, HistoryError> {
        Ok(Self {})
    }

    /// Takes readings of one journal entry into the open chunks (memory only). Entries come in journal order; those
    /// at or before [`History::durable_through`] as it was at opening are ignored: they are kept already.
    pub fn append(&self, _inverter: InverterKey, _readings: &[StoredReading], _position: Position) {}

    /// Makes everything appended so far durable and remembers `through` as the position up to which that is so.
    /// Call it before the state's snapshots are committed at the same position.
    ///
    /// # Errors
    /// [`HistoryError`]; nothing is remembered then.
    pub fn checkpoint(&self, _through: Position) -> Result<(), HistoryError> {
        Ok(())
    }

    /// The position up to which readings are durable here; the journal may be deleted through it once the state's
    /// snapshots stand there too.
    #[must_use]
    pub fn durable_through(&self) -> Position {
        Position::START
    }

    /// Seals chunks whose hour is over, late ones that have waited, and the largest while memory is over budget.
    /// Returns how many. Call it each few seconds.
    ///
    /// # Errors
    /// [`HistoryError`]; what was not sealed stays open.
    pub fn seal_due(&self, _now: UtcMs) -> Result<usize, HistoryError> {
        Ok(0)
    }

    /// Seals every open chunk, for an orderly end or a measurement.
    ///
    /// # Errors
    /// As [`History::seal_due`].
    pub fn seal_all(&self) -> Result<usize, HistoryError> {
        Ok(0)
    }

    /// Merges days that are over to one chunk per inverter. Returns how many days were rewritten. Call it hourly.
    ///
    /// # Errors
    /// [`HistoryError`]; the day keeps its former file then.
    pub fn merge_due(&self, _now: UtcMs) -> Result<usize, HistoryError> {
        Ok(0)
    }

    /// Deletes days that ended more than 30 days before `now`. Returns how many. Call it hourly.
    ///
    /// # Errors
    /// [`HistoryError`] where a file cannot be removed.
    pub fn sweep(&self, _now: UtcMs) -> Result<usize, HistoryError> {
        Ok(0)
    }

    /// Reads what a chart shows.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn range(&self, query: &RangeQuery, _now: UtcMs) -> Result<Range, HistoryError> {
        Ok(Range::empty(query))
    }

    /// Every reading of an inverter with `from <= time < to`, oldest first, each once; one chunk in memory at a time.
    /// The borrow ends with the call: the iterator owns what it needs and may cross threads.
    ///
    /// # Errors
    /// [`HistoryError`]; later ones come as items.
    pub fn raw(
        &self,
        _inverter: InverterKey,
        _from: UtcMs,
        _to: UtcMs,
        _now: UtcMs,
    ) -> Result<Box<dyn Iterator<Item = Result<StoredReading, HistoryError>> + Send>, HistoryError> {
        Ok(Box::new(std::iter::empty()))
    }
}

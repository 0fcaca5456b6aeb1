//! History: thirty days of readings in compressed chunks.
//!
//! In: readings that `fleet` says to store, with their journal positions. Out: charts (min, mean, max by bucket, gaps
//! as gaps), episodes, raw readings. One SQLite file per UTC day, sealed under that day's key, deleted whole. All calls
//! block: call them off the async threads. Never reaches back further than 30 days before `now`; never reads a clock.
//!
//! A reading's way: open chunk in memory ([`History::append`]) → file of open chunks ([`History::checkpoint`]) → day
//! file by hour ([`History::seal_due`]) → day file by day ([`History::merge_due`]) → gone ([`History::sweep`]).

mod bucket;
mod cache;
mod chunk;
mod columns;
mod config;
pub(crate) mod copying;
mod day;
mod days;
mod error;
mod gathered;
mod number;
mod open_chunks;
mod open_columns;
mod packed;
mod query;
mod range;
mod raw;
mod row;
mod seal;
mod spans;
mod sqlite;
mod tail;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::sync::{Arc, Mutex};

use fleet::{InverterKey, StoredReading};
use wire::UtcMs;
use wire::time::DAY_MS;

pub use config::Config;
pub use error::HistoryError;
pub use query::{Episode, Range, RangeQuery, Series, Span, Spread, Subject};
pub use raw::RawReadings;

use crate::Position;
use crate::day_keys::DayKeys;
use cache::Cache;
use days::{Days, lock};
use open_chunks::{Key, OpenChunk, OpenChunks};
use tail::Tail;

/// Everything that history keeps. Cheap to clone; clones share it. The pipeline writes, the people's door reads.
#[derive(Clone)]
pub struct History {
    config: Config,
    /// Readings at or before it were kept before this start.
    replayed: Position,
    durable: Arc<Mutex<Position>>,
    open: Arc<Mutex<OpenChunks>>,
    days: Arc<Days>,
    cache: Arc<Mutex<Cache>>,
    // Taken in this order where more than one is held: day_writer, tail, open.
    tail: Arc<Mutex<Tail>>,
    /// Held by whoever changes day files.
    day_writer: Arc<Mutex<()>>,
}

impl History {
    /// Opens the folder, made if missing. Reads the file of open chunks (at most some hours), no day file beyond the
    /// positions of those hours.
    ///
    /// # Errors
    /// [`HistoryError`] where the folder or the file of open chunks cannot be used.
    pub fn open(directory: &Path, keys: DayKeys, config: Config) -> Result<Self, HistoryError> {
        std::fs::create_dir_all(directory).map_err(sqlite::io("create", directory))?;
        let days = Days::open(directory, keys, config.open_days)?;
        let mut tail = Tail::open(directory)?;
        let replayed = tail.position()?;
        let open = load(&mut tail, &days)?;
        Ok(Self {
            replayed,
            durable: Arc::new(Mutex::new(replayed)),
            open: Arc::new(Mutex::new(open)),
            days: Arc::new(days),
            cache: Arc::new(Mutex::new(Cache::new(config.cache_bytes))),
            tail: Arc::new(Mutex::new(tail)),
            day_writer: Arc::new(Mutex::new(())),
            config,
        })
    }

    /// Takes the readings of one journal entry into the open chunks (memory only), all of them in one call. Entries
    /// come in journal order; those at or before [`History::durable_through`] as it was at opening are ignored, as
    /// they are kept already.
    pub fn append(&self, inverter: InverterKey, readings: &[StoredReading], position: Position) {
        if position > self.replayed && !readings.is_empty() {
            lock(&self.open).append(inverter, readings, position);
        }
    }

    /// Makes everything appended so far durable and remembers `through` as the position up to which that is so. Call
    /// it before the state's snapshots are committed at the same position.
    ///
    /// # Errors
    /// [`HistoryError`]; nothing is remembered then, and the next call tries again.
    pub fn checkpoint(&self, through: Position) -> Result<(), HistoryError> {
        self.persist(&mut lock(&self.tail), through)
    }

    /// The position up to which readings are durable here; the journal may be deleted through it once the state's
    /// snapshots stand there too.
    #[must_use]
    pub fn durable_through(&self) -> Position {
        *lock(&self.durable)
    }

    /// Memory of the open chunks, bytes, about.
    #[must_use]
    pub fn open_bytes(&self) -> usize {
        lock(&self.open).bytes()
    }

    /// Deletes days that ended more than 30 days before `now`: destroys their keys, unlinks their files, drops what is open
    /// of them; then empties the WAL of the file of open chunks. How many days. Call it each few minutes.
    ///
    /// # Errors
    /// [`HistoryError`] where a key or file cannot be removed.
    pub fn sweep(&self, now: UtcMs) -> Result<usize, HistoryError> {
        let _writer = lock(&self.day_writer);
        let end = seal::retention_end(now);
        let mut tail = lock(&self.tail);
        let dropped = lock(&self.open).discard_before(end.0.div_euclid(DAY_MS));
        tail.release(dropped.into_iter())?;
        // A reader holds the file for moments; the next sweep comes soon.
        tail.truncate()?;
        drop(tail);
        self.days.sweep(end)
    }

    /// Days (since 1970) of which there is data that nobody can read, as its key is not there. The operator must be told:
    /// charts show a gap.
    #[must_use]
    pub fn without_key(&self) -> Vec<i64> {
        let mut days = self.days.without_key();
        days.extend(self.days.keys.missed());
        days.sort_unstable();
        days.dedup();
        days
    }

    /// The file in which a day's keys must be.
    #[must_use]
    pub fn key_file(&self, day: i64) -> std::path::PathBuf {
        self.days.keys.file(day)
    }

    fn persist(&self, tail: &mut Tail, through: Position) -> Result<(), HistoryError> {
        let (pieces, newest) = {
            let open = lock(&self.open);
            (open.pieces(), open.newest())
        };
        let durable = self.durable_through();
        // Never before what is written: a replay from there would append the same readings again.
        let through = through.max(newest).max(durable);
        if pieces.is_empty() && through == durable {
            return Ok(());
        }
        if let Some(row) = tail.write(&pieces, through)? {
            let kept = lock(&self.open).persisted(&pieces, row);
            tail.live.insert(row, kept);
        }
        *lock(&self.durable) = through;
        Ok(())
    }
}

/// The open chunks as they were, without what is in day files already.
fn load(tail: &mut Tail, days: &Days) -> Result<OpenChunks, HistoryError> {
    let mut through: HashMap<Key, Position> = HashMap::new();
    let mut chunks: HashMap<Key, OpenChunk> = HashMap::new();
    let mut live: HashMap<i64, u32> = HashMap::new();
    tail.load(|row, pieces| {
        let kept = live.entry(row).or_default();
        for piece in pieces {
            let sealed = match through.entry(piece.key) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(unknown) => {
                    let Key { inverter, hour } = piece.key;
                    let found =
                        days.read(piece.key.day(), |file| file.through(inverter, hour.rem_euclid(24)))?;
                    *unknown.insert(found.flatten().unwrap_or_default())
                }
            };
            if piece.newest > sealed {
                let chunk = chunks.entry(piece.key).or_default();
                chunk.add_loaded(&piece, row).ok_or_else(|| tail.damaged(row))?;
                *kept += 1;
            }
        }
        Ok(())
    })?;
    let done: Vec<i64> = live.iter().filter(|(_, kept)| **kept == 0).map(|(row, _)| *row).collect();
    live.retain(|_, kept| *kept > 0);
    tail.live = live;
    tail.delete(&done)?;
    let mut open = OpenChunks::default();
    chunks.into_iter().for_each(|(key, chunk)| open.load(key, chunk));
    Ok(open)
}

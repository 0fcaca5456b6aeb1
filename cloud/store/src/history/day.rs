//! One day file: the chunks of all inverters of one UTC day.
//!
//! In: blobs by inverter and hour. Out: the same. Keys are ordered by hour first, so that sealing an hour appends at
//! the end of the file and fills its pages.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fleet::InverterKey;
use rusqlite::{Connection, OptionalExtension};
use wire::UtcMs;
use wire::time::DAY_MS;

use super::HistoryError;
use super::chunk::{Chunk, NotAChunk, Standing};
use super::sqlite::{failed, open};
use crate::Position;
use crate::day_keys::{DayKeys, Place};

/// A chunk's place in its day file: hour of the day (24: the whole day), inverter, part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ChunkKey(i64);

/// The "hour" of a chunk that holds the day so far.
pub(super) const WHOLE_DAY: i64 = 24;
const HOUR_SHIFT: u32 = 48;
const INVERTER_SHIFT: u32 = 16;
const LAST_PART: i64 = 0xffff;

impl ChunkKey {
    pub(super) const fn new(hour: i64, inverter: InverterKey, part: i64) -> Self {
        Self((hour << HOUR_SHIFT) | ((inverter.0 as i64) << INVERTER_SHIFT) | part)
    }

    /// Hour of the day, or [`WHOLE_DAY`].
    pub(super) const fn hour(self) -> i64 {
        self.0 >> HOUR_SHIFT
    }

    /// Where a column of it is sealed.
    pub(super) fn place(self, column: u64) -> Place {
        Place { chunk: self.0.cast_unsigned(), column: u16::try_from(column).unwrap_or(u16::MAX) }
    }

    pub(super) const fn part(self) -> i64 {
        self.0 & LAST_PART
    }

    #[expect(clippy::cast_possible_truncation, reason = "the inverter's 32 bits, shifted into place")]
    #[expect(clippy::cast_sign_loss, reason = "keys are made from unsigned numbers")]
    pub(super) const fn inverter(self) -> InverterKey {
        InverterKey((self.0 >> INVERTER_SHIFT) as u32)
    }
}

/// A sealed chunk without its content. Never has other content: a new one has another position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sealed {
    pub(super) key: ChunkKey,
    /// The newest position of its readings. All earlier readings of its inverter and hour (or day) are in it or in
    /// chunks before it.
    pub(super) through: Position,
}

/// An open day file.
pub(super) struct DayFile {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    day: i64,
    keys: Arc<DayKeys>,
}

/// The file of a day (days since 1970).
pub(super) fn path_of(directory: &Path, day: i64) -> PathBuf {
    let (year, month, of_month) = UtcMs(day.saturating_mul(DAY_MS)).date();
    directory.join(format!("{year:04}-{month:02}-{of_month:02}.sqlite"))
}

/// The day of a file name.
pub(super) fn day_of(name: &str) -> Option<i64> {
    let date = name.strip_suffix(".sqlite")?;
    UtcMs::parse_rfc3339(&format!("{date}T00:00:00Z")).map(UtcMs::day)
}

/// Small pages: a chunk larger than a page takes whole pages but for a rest, so that little is left empty. (Measured
/// with 3.5 KB chunks of ten inverters: 512-byte pages lose 5 %, 1 KiB 7 %, 2 KiB 17 %, 32 KiB 14 %.)
const NEW_FILE: &str = "
    PRAGMA page_size = 512; PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS chunks (
        key INTEGER PRIMARY KEY, through_batch INTEGER NOT NULL, through_entry INTEGER NOT NULL, content BLOB NOT NULL,
        hour INTEGER AS (key >> 48) VIRTUAL, inverter INTEGER AS ((key >> 16) & 0xffffffff) VIRTUAL,
        part INTEGER AS (key & 0xffff) VIRTUAL
    ) STRICT;";
/// A merged file is packed when more than one page in so many is free.
const FREE_PAGES_WORTH_IT: i64 = 20;

/// Pages are read through a memory map: a chunk is a hundred of them, and a call to the system for each would cost
/// more than decoding it.
fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA cache_size = -512; PRAGMA mmap_size = 268435456;",
    )?;
    let query = "SELECT count(*) FROM sqlite_schema WHERE name = 'chunks'";
    let tables: i64 = connection.query_row(query, (), |row| row.get(0))?;
    if tables == 0 { connection.execute_batch(NEW_FILE) } else { Ok(()) }
}

impl DayFile {
    /// Opens a file, made and set up if missing.
    pub(super) fn open(directory: &Path, day: i64, keys: &Arc<DayKeys>) -> Result<Self, HistoryError> {
        let path = path_of(directory, day);
        let connection = open(&path)?;
        set_up(&connection).map_err(failed("set up", &path))?;
        Ok(Self { connection, path, day, keys: Arc::clone(keys) })
    }

    /// Gives free pages back and packs what is left, safely by SQLite's own means. Whether it was done: not while a
    /// reader is at work. A merged file is hardly written any more and leaves the WAL.
    pub(super) fn compact(&self) -> Result<bool, HistoryError> {
        let failed = failed("compact", &self.path);
        let number =
            |pragma: &str| self.connection.query_row(pragma, (), |row| row.get::<_, i64>(0)).map_err(&failed);
        let few_free = number("PRAGMA freelist_count")? * FREE_PAGES_WORTH_IT <= number("PRAGMA page_count")?;
        let mode =
            self.connection.query_row("PRAGMA journal_mode = DELETE", (), |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "delete" => {}
            Err(error) if error.sqlite_error_code() != Some(rusqlite::ErrorCode::DatabaseBusy) => {
                return Err(failed(error));
            }
            _ => return Ok(false),
        }
        if !few_free {
            self.connection.execute_batch("VACUUM").map_err(failed)?;
        }
        Ok(true)
    }

    /// The chunks of an inverter, by hour and part; the whole-day chunk last.
    pub(super) fn sealed(&self, inverter: InverterKey) -> Result<Vec<Sealed>, HistoryError> {
        let failed = failed("read", &self.path);
        let mut found = Vec::new();
        let mut query = self
            .connection
            .prepare_cached("SELECT key, through_batch, through_entry FROM chunks WHERE key BETWEEN ?1 AND ?2 ORDER BY key")
            .map_err(&failed)?;
        for hour in 0..=WHOLE_DAY {
            let (from, to) = (ChunkKey::new(hour, inverter, 0), ChunkKey::new(hour, inverter, LAST_PART));
            let mut rows = query.query((from.0, to.0)).map_err(&failed)?;
            while let Some(row) = rows.next().map_err(&failed)? {
                let batch: i64 = row.get(1).map_err(&failed)?;
                let through = Position { batch: batch.cast_unsigned(), index: row.get(2).map_err(&failed)? };
                found.push(Sealed { key: ChunkKey(row.get(0).map_err(&failed)?), through });
            }
        }
        Ok(found)
    }

    /// The newest position sealed of an inverter and hour of the day, whole-day chunk included.
    pub(super) fn through(&self, inverter: InverterKey, hour: i64) -> Result<Option<Position>, HistoryError> {
        let failed = failed("read", &self.path);
        let mut query = self
            .connection
            .prepare_cached(
                "SELECT through_batch, through_entry FROM chunks
                 WHERE key BETWEEN ?1 AND ?2 OR key BETWEEN ?3 AND ?4
                 ORDER BY through_batch DESC, through_entry DESC LIMIT 1",
            )
            .map_err(&failed)?;
        let bounds = |hour| (ChunkKey::new(hour, inverter, 0).0, ChunkKey::new(hour, inverter, LAST_PART).0);
        let ((a, b), (c, d)) = (bounds(hour), bounds(WHOLE_DAY));
        query
            .query_row((a, b, c, d), |row| {
                Ok(Position { batch: row.get::<_, i64>(0)?.cast_unsigned(), index: row.get(1)? })
            })
            .optional()
            .map_err(&failed)
    }

    /// Calls `read` with a chunk. `None` where it is gone: merged or swept meanwhile.
    pub(super) fn content<T>(
        &self,
        key: ChunkKey,
        read: impl FnOnce(&Chunk<'_>) -> Result<T, NotAChunk>,
    ) -> Result<Option<T>, HistoryError> {
        let failed = failed("read", &self.path);
        let mut query =
            self.connection.prepare_cached("SELECT content FROM chunks WHERE key = ?1").map_err(&failed)?;
        let mut rows = query.query([key.0]).map_err(&failed)?;
        let Some(row) = rows.next().map_err(&failed)? else { return Ok(None) };
        let blob = row.get_ref(0).and_then(|value| Ok(value.as_blob()?)).map_err(&failed)?;
        let standing = Standing { keys: &self.keys, day: self.day, chunk: key };
        Chunk::read(blob, standing).and_then(|chunk| read(&chunk)).map(Some).map_err(|why| match why {
            NotAChunk::Key(error) => HistoryError::Key(error),
            NotAChunk::Damaged(detail) => HistoryError::Damaged {
                what: format!(
                    "chunk of inverter {}, hour {}, part {}",
                    key.inverter().0,
                    key.hour(),
                    key.part()
                ),
                path: self.path.clone(),
                detail,
            },
        })
    }

    /// The part number after the last one of an inverter and hour.
    pub(super) fn next_part(&self, hour: i64, inverter: InverterKey) -> Result<i64, HistoryError> {
        let (from, to) = (ChunkKey::new(hour, inverter, 0), ChunkKey::new(hour, inverter, LAST_PART));
        let last: Option<i64> = self
            .connection
            .prepare_cached("SELECT max(key) FROM chunks WHERE key BETWEEN ?1 AND ?2")
            .and_then(|mut query| query.query_row((from.0, to.0), |row| row.get(0)))
            .map_err(failed("read", &self.path))?;
        Ok(last.map_or(0, |key| ChunkKey(key).part() + 1))
    }

    /// Inverters with chunks that are not yet merged into the whole day.
    pub(super) fn unmerged(&self) -> Result<Vec<InverterKey>, HistoryError> {
        let failed = failed("read", &self.path);
        let mut query = self
            .connection
            .prepare_cached("SELECT DISTINCT inverter FROM chunks WHERE key < ?1 ORDER BY inverter")
            .map_err(&failed)?;
        let found = query.query_map([ChunkKey::new(WHOLE_DAY, InverterKey(0), 0).0], |row| row.get(0));
        found.map_err(&failed)?.map(|inverter| inverter.map(InverterKey).map_err(&failed)).collect()
    }

    pub(super) fn insert(&self, sealed: Sealed, content: &[u8]) -> Result<(), HistoryError> {
        self.connection
            .prepare_cached(
                "INSERT INTO chunks (key, through_batch, through_entry, content) VALUES (?1, ?2, ?3, ?4)",
            )
            .and_then(|mut insert| {
                insert.execute((
                    sealed.key.0,
                    sealed.through.batch.cast_signed(),
                    sealed.through.index,
                    content,
                ))
            })
            .map_err(failed("write to", &self.path))?;
        Ok(())
    }

    pub(super) fn delete(&self, key: ChunkKey) -> Result<(), HistoryError> {
        self.connection
            .prepare_cached("DELETE FROM chunks WHERE key = ?1")
            .and_then(|mut delete| delete.execute([key.0]))
            .map_err(failed("write to", &self.path))?;
        Ok(())
    }
}

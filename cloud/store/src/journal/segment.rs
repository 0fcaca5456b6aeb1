//! One file of the journal.
//!
//! In: batches as bytes. Out: committed rows. The name carries the number of the file's first batch, so that order
//! and holes show in a listing. WAL, `synchronous=FULL`, no checkpoint: a segment is written once, read back only
//! after a kill and deleted whole, so copying its WAL into the main file would be work for nothing.

use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::JournalError;

const PREFIX: &str = "journal-";
const SUFFIX: &str = ".sqlite";
/// What SQLite puts beside the file.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];
/// Waiting for a reader of the same file is bounded; a reader never holds what the writer needs for longer.
const BUSY_TIMEOUT_MS: u64 = 5_000;

/// A segment being written.
pub(super) struct Segment {
    connection: Connection,
    path: PathBuf,
    /// Blob bytes committed so far.
    pub(super) bytes: u64,
}

impl Segment {
    /// Makes the file whose first batch will be `first`, durable before it returns.
    pub(super) fn create(directory: &Path, first: u64) -> Result<Self, JournalError> {
        let path = directory.join(format!("{PREFIX}{first:020}{SUFFIX}"));
        let failed = |source| JournalError::Sqlite { doing: "create", path: path.clone(), source };
        let connection = Connection::open(&path).map_err(failed)?;
        configure(&connection).map_err(failed)?;
        connection
            .execute_batch(
                "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                 PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -256;
                 CREATE TABLE IF NOT EXISTS batches (batch INTEGER PRIMARY KEY, entries BLOB NOT NULL) STRICT;",
            )
            .map_err(failed)?;
        Ok(Self { connection, path, bytes: 0 })
    }

    /// Commits one batch. Durable once this returns `Ok`.
    pub(super) fn commit(&mut self, batch: u64, blob: &[u8]) -> Result<(), JournalError> {
        let failed = |source| JournalError::Sqlite { doing: "commit to", path: self.path.clone(), source };
        let number = i64::try_from(batch).map_err(|_| JournalError::Exhausted(self.path.clone()))?;
        // One statement outside BEGIN … COMMIT is a transaction of its own.
        self.connection
            .prepare_cached("INSERT INTO batches (batch, entries) VALUES (?1, ?2)")
            .and_then(|mut insert| insert.execute((number, blob)))
            .map_err(failed)?;
        self.bytes = self.bytes.saturating_add(blob.len() as u64);
        Ok(())
    }

    /// Until [`Segment::end`] all commits are one.
    pub(super) fn begin(&self) -> Result<(), JournalError> {
        self.say("BEGIN")
    }

    /// Makes what was committed since [`Segment::begin`] durable.
    pub(super) fn end(self) -> Result<(), JournalError> {
        self.say("COMMIT")
    }

    fn say(&self, statement: &str) -> Result<(), JournalError> {
        let failed = |source| JournalError::Sqlite { doing: "commit to", path: self.path.clone(), source };
        self.connection.execute_batch(statement).map_err(failed)
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS))
}

/// A segment on disk: its first batch and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) first: u64,
    pub(super) path: PathBuf,
}

/// All segments, oldest first.
pub(super) fn list(directory: &Path) -> Result<Vec<Listed>, JournalError> {
    let failed = |source| JournalError::Io { doing: "list", path: directory.to_owned(), source };
    let mut found = Vec::new();
    for file in std::fs::read_dir(directory).map_err(failed)? {
        let file = file.map_err(failed)?;
        let name = file.file_name();
        let number = name.to_str().and_then(|n| n.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok());
        if let Some(first) = number {
            found.push(Listed { first, path: file.path() });
        }
    }
    found.sort_by_key(|segment| segment.first);
    Ok(found)
}

impl Listed {
    /// Opens for reading. Not read-only: after a kill, SQLite must put the WAL's index in order first.
    pub(super) fn open(&self) -> Result<Connection, JournalError> {
        Connection::open_with_flags(
            &self.path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .and_then(|connection| configure(&connection).map(|()| connection))
        .map_err(|source| JournalError::Sqlite { doing: "open", path: self.path.clone(), source })
    }

    /// The number of the last batch, `None` where the segment is empty.
    pub(super) fn last(&self) -> Result<Option<u64>, JournalError> {
        let failed = |source| JournalError::Sqlite { doing: "read", path: self.path.clone(), source };
        let connection = self.open()?;
        let has_table: bool = connection
            .query_row("SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'batches'", (), |row| row.get(0))
            .map_err(failed)?;
        if !has_table {
            // Killed while the file was being made: nothing was ever committed to it.
            return Ok(None);
        }
        let last: Option<i64> =
            connection.query_row("SELECT max(batch) FROM batches", (), |row| row.get(0)).map_err(failed)?;
        Ok(last.map(i64::cast_unsigned))
    }

    /// Removes the file and what belongs to it.
    pub(super) fn delete(&self) -> Result<(), JournalError> {
        // The main file goes first: a WAL without it is never read again, a main file without its WAL would be.
        remove(&self.path)?;
        for companion in COMPANIONS {
            let mut name = self.path.clone().into_os_string();
            name.push(companion);
            remove(&PathBuf::from(name))?;
        }
        Ok(())
    }
}

fn remove(path: &Path) -> Result<(), JournalError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(JournalError::Io { doing: "delete", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

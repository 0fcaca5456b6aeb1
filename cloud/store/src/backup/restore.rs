//! Makes a data folder of a backup.
//!
//! In: a backup that was verified, its keys, folders in which there is nothing. Out: stores as a server has them that was killed when
//! the backup was made, without the days that lapsed since. The caller sees to it that nobody opens them before this is done, and
//! that half of it is never taken for the whole. Never changes the backup.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::error::{failed, io, not_whole};
use super::rows::{CHUNK, ENTRY, OPEN, Row, SCHEMA, decode};
use super::tables::{Section, section};
use super::{BackupError, BackupKey, Folders, PEOPLE, Verified, path_of_day, sealed};
use crate::Position;
use crate::day_keys::{DayKeys, of_one_file};
use crate::history::copying::{ChunkRow, Rebuilt};
use crate::journal::{Entry, copying};

/// What was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Days.
    pub days: usize,
    /// Entries of the journal, which the server applies when it starts.
    pub entries: usize,
}

/// Chunks in one commit.
const CHUNKS_A_COMMIT: usize = 500;

/// Restores. Everything is durable on return.
///
/// # Errors
/// [`BackupError`]; what was written until then is of no use.
pub fn restore(
    backup: &Verified,
    keys: &DayKeys,
    backups: &BackupKey,
    folders: Folders<'_>,
) -> Result<Restored, BackupError> {
    let manifest = &backup.manifest;
    let mut stores = Stores::begin(folders, keys)?;
    let (_, opener) = of_one_file(&backups.of_people(&manifest.salt))?;
    let path = backup.folder.join(PEOPLE);
    sealed::read(&path, &opener, |row| stores.people(row, &path))?;
    // The oldest first: of a row that stands in several days the fullest one is taken.
    for day in &backup.days {
        let path = path_of_day(&backup.folder, *day);
        let opener = keys.opener(sealed::stamp(&path)?)?;
        sealed::read(&path, &opener, |row| stores.day(*day, row, &path))?;
        stores.end_day(*day)?;
    }
    let entries = stores.entries.len();
    stores.end(manifest.state, manifest.history, manifest.journal)?;
    Ok(Restored { days: backup.days.len(), entries })
}

struct Stores<'a> {
    folders: Folders<'a>,
    state: Connection,
    tables: BTreeSet<String>,
    /// Indexes and triggers, made when all rows are there.
    later: Vec<String>,
    /// Numbers that were given, which rows move while they are written.
    sequences: Vec<Vec<Value>>,
    history: Rebuilt,
    chunks: Vec<ChunkRow>,
    entries: BTreeMap<Position, Entry>,
}

impl<'a> Stores<'a> {
    fn begin(folders: Folders<'a>, keys: &DayKeys) -> Result<Self, BackupError> {
        let state = Connection::open(folders.state).map_err(failed("create", folders.state))?;
        let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;
             PRAGMA temp_store = MEMORY; BEGIN IMMEDIATE;";
        state.execute_batch(settings).map_err(failed("set up", folders.state))?;
        Ok(Self {
            folders,
            state,
            tables: BTreeSet::new(),
            later: Vec::new(),
            sequences: Vec::new(),
            history: Rebuilt::begin(folders.history, keys.again())?,
            chunks: Vec::new(),
            entries: BTreeMap::new(),
        })
    }

    fn people(&mut self, row: &[u8], path: &Path) -> Result<(), BackupError> {
        let row = decode(row).ok_or_else(|| not_whole(path, "a row makes no sense"))?;
        match row.table.as_str() {
            SCHEMA => self.schema(row.values, path),
            "sqlite_sequence" => {
                self.sequences.push(row.values);
                Ok(())
            }
            _ => self.insert(&row, path),
        }
    }

    fn schema(&mut self, values: Vec<Value>, path: &Path) -> Result<(), BackupError> {
        let Ok([Value::Text(kind), Value::Text(name), Value::Text(sql)]) = <[Value; 3]>::try_from(values)
        else {
            return Err(not_whole(path, "it does not say what a table is like"));
        };
        if kind != "table" {
            self.later.push(sql);
            return Ok(());
        }
        if section(&name).is_none() {
            return Err(BackupError::Table(name));
        }
        // SQLite makes its own.
        if !name.starts_with("sqlite_") {
            self.state.execute_batch(&sql).map_err(failed("write to", self.folders.state))?;
        }
        self.tables.insert(name);
        Ok(())
    }

    fn day(&mut self, day: i64, row: &[u8], path: &Path) -> Result<(), BackupError> {
        let malformed = || not_whole(path, "a row makes no sense");
        let row = decode(row).ok_or_else(malformed)?;
        match (row.table.as_str(), row.values.as_slice()) {
            (OPEN, [Value::Blob(pieces)]) => Ok(self.history.open(std::slice::from_ref(pieces))?),
            (
                CHUNK,
                [Value::Integer(key), Value::Integer(batch), Value::Integer(entry), Value::Blob(content)],
            ) => {
                self.chunks.push((*key, *batch, *entry, content.clone()));
                if self.chunks.len() < CHUNKS_A_COMMIT { Ok(()) } else { self.end_day(day) }
            }
            (ENTRY, [Value::Integer(batch), Value::Integer(index), Value::Blob(bytes)]) => {
                let index = u32::try_from(*index).map_err(|_| malformed())?;
                let position = Position { batch: batch.cast_unsigned(), index };
                self.entries.insert(position, copying::decode(bytes).ok_or_else(malformed)?);
                Ok(())
            }
            _ => self.insert(&row, path),
        }
    }

    fn end_day(&mut self, day: i64) -> Result<(), BackupError> {
        if !self.chunks.is_empty() {
            self.history.chunks(day, &self.chunks)?;
            self.chunks.clear();
        }
        Ok(())
    }

    /// What is there stays.
    fn insert(&self, row: &Row, path: &Path) -> Result<(), BackupError> {
        let known =
            self.tables.contains(&row.table) && !matches!(section(&row.table), Some(Section::LeftOut));
        if !known {
            return Err(not_whole(path, format!("it has a row of table {:?}", row.table)));
        }
        let places = vec!["?"; row.values.len()].join(", ");
        let sql = format!("INSERT OR IGNORE INTO \"{}\" VALUES ({places})", row.table);
        self.state
            .prepare_cached(&sql)
            .and_then(|mut insert| insert.execute(params_from_iter(&row.values)))
            .map(drop)
            .map_err(failed("write to", self.folders.state))
    }

    fn end(self, state: Position, history: Position, journal: u64) -> Result<(), BackupError> {
        let failed = failed("write to", self.folders.state);
        let statement = |sql: &str| self.state.execute_batch(sql).map_err(&failed);
        if self.tables.contains("sqlite_sequence") {
            statement("DELETE FROM sqlite_sequence")?;
            for values in &self.sequences {
                let insert = "INSERT INTO sqlite_sequence VALUES (?, ?)";
                self.state.execute(insert, params_from_iter(values)).map_err(&failed)?;
            }
        }
        self.later.iter().try_for_each(|sql| statement(sql))?;
        let loose = "SELECT \"table\" || ' ' || \"parent\" FROM pragma_foreign_key_check LIMIT 1";
        if let Some(loose) = self.state.query_row(loose, (), |row| row.get(0)).optional().map_err(&failed)? {
            return Err(BackupError::Broken(loose));
        }
        statement("COMMIT")?;
        let emptied = self.state.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
        emptied.map_err(&failed)?;
        self.history.end(history)?;
        copying::rebuild(self.folders.journal, state, journal, self.entries)?;
        for folder in [self.folders.journal, self.folders.data] {
            let durable = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
            durable.map_err(io("make durable", folder))?;
        }
        Ok(())
    }
}

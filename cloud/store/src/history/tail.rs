//! The file of open chunks: makes them survive a kill without replaying hours of journal.
//!
//! In: pieces of open chunks, one row per checkpoint, with the journal position that this makes durable. Out: the
//! same after a restart. A row goes when all its pieces are in day files: it is overwritten, not just unlinked.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use fleet::InverterKey;
use rusqlite::{Connection, OptionalExtension};

use super::HistoryError;
use super::open_chunks::{Key, Piece};
use super::sqlite::{failed, open};
use crate::Position;
use crate::bytes::{Reader, write_prefixed, write_signed, write_unsigned};

pub(super) struct Tail {
    connection: Connection,
    path: PathBuf,
    /// How many pieces of a row are of open chunks.
    pub(super) live: HashMap<i64, u32>,
}

impl Tail {
    pub(super) fn open(directory: &Path) -> Result<Self, HistoryError> {
        let path = directory.join("open.sqlite");
        let connection = open(&path)?;
        connection
            .execute_batch(
                "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -512;
                 PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;
                 CREATE TABLE IF NOT EXISTS pieces (row INTEGER PRIMARY KEY AUTOINCREMENT, pieces BLOB NOT NULL) STRICT;
                 CREATE TABLE IF NOT EXISTS position (one INTEGER PRIMARY KEY, batch INTEGER NOT NULL, entry INTEGER NOT NULL) STRICT;",
            )
            .map_err(failed("set up", &path))?;
        Ok(Self { connection, path, live: HashMap::new() })
    }

    /// The file as it is now, for whoever only reads: a transaction of `connection` that ends with it.
    pub(super) fn snapshot(connection: Connection, path: &Path) -> Result<Self, HistoryError> {
        connection.execute_batch("BEGIN").map_err(failed("read", path))?;
        Ok(Self { connection, path: path.to_owned(), live: HashMap::new() })
    }

    /// The position last made durable.
    pub(super) fn position(&self) -> Result<Position, HistoryError> {
        let found = self
            .connection
            .query_row("SELECT batch, entry FROM position", (), |row| {
                Ok((row.get::<_, i64>(0)?, row.get(1)?))
            })
            .optional()
            .map_err(failed("read", &self.path))?;
        Ok(found.map_or(Position::START, |(batch, index)| Position { batch: batch.cast_unsigned(), index }))
    }

    /// Writes pieces and position, durable on return. The row of the pieces, if there were any.
    pub(super) fn write(&mut self, pieces: &[Piece], through: Position) -> Result<Option<i64>, HistoryError> {
        let failed = failed("write to", &self.path);
        let transaction = self.connection.transaction().map_err(&failed)?;
        let mut row = None;
        if !pieces.is_empty() {
            transaction
                .prepare_cached("INSERT INTO pieces (pieces) VALUES (?1)")
                .and_then(|mut insert| insert.execute([encode(pieces)]))
                .map_err(&failed)?;
            row = Some(transaction.last_insert_rowid());
        }
        transaction
            .prepare_cached("INSERT OR REPLACE INTO position (one, batch, entry) VALUES (0, ?1, ?2)")
            .and_then(|mut insert| insert.execute((through.batch.cast_signed(), through.index)))
            .map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(row)
    }

    /// Adds rows as [`regroup`] gave them, durable on return.
    pub(super) fn insert(&self, rows: &[Vec<u8>]) -> Result<(), HistoryError> {
        let failed = failed("write to", &self.path);
        let transaction = self.connection.unchecked_transaction().map_err(&failed)?;
        for row in rows {
            transaction
                .prepare_cached("INSERT INTO pieces (pieces) VALUES (?1)")
                .and_then(|mut insert| insert.execute([row]))
                .map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)
    }

    /// Notes that so many pieces of each row are in day files now; rows without any other go.
    pub(super) fn release(&mut self, rows: impl Iterator<Item = i64>) -> Result<(), HistoryError> {
        let mut done = Vec::new();
        for row in rows {
            if let Some(live) = self.live.get_mut(&row) {
                *live = live.saturating_sub(1);
                if *live == 0 {
                    self.live.remove(&row);
                    done.push(row);
                }
            }
        }
        self.delete(&done)
    }

    /// Deletes rows.
    pub(super) fn delete(&mut self, rows: &[i64]) -> Result<(), HistoryError> {
        if rows.is_empty() {
            return Ok(());
        }
        let failed = failed("write to", &self.path);
        let transaction = self.connection.transaction().map_err(&failed)?;
        for row in rows {
            transaction
                .prepare_cached("DELETE FROM pieces WHERE row = ?1")
                .and_then(|mut delete| delete.execute([row]))
                .map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)
    }

    /// Empties the WAL, in which deleted rows stand as they were. Whether that was possible: not while another connection
    /// reads.
    pub(super) fn truncate(&self) -> Result<bool, HistoryError> {
        let busy =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get::<_, i64>(0));
        Ok(busy.map_err(failed("empty the WAL of", &self.path))? == 0)
    }

    /// Calls `each` with every row and its pieces, oldest first.
    pub(super) fn load(
        &self,
        mut each: impl FnMut(i64, Vec<Piece>) -> Result<(), HistoryError>,
    ) -> Result<(), HistoryError> {
        let failed = failed("read", &self.path);
        let mut query =
            self.connection.prepare("SELECT row, pieces FROM pieces ORDER BY row").map_err(&failed)?;
        let mut rows = query.query(()).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let number: i64 = row.get(0).map_err(&failed)?;
            let blob = row.get_ref(1).and_then(|value| Ok(value.as_blob()?)).map_err(&failed)?;
            each(number, decode(blob).ok_or_else(|| self.damaged(number))?)?;
        }
        Ok(())
    }
}

impl Tail {
    /// For a row that makes no sense.
    pub(super) fn damaged(&self, row: i64) -> HistoryError {
        let what = format!("row {row} of the open chunks");
        HistoryError::Damaged { what, path: self.path.clone(), detail: "malformed".into() }
    }
}

/// The pieces of a row by day (days since 1970), as rows.
pub(super) fn regroup(pieces: Vec<Piece>) -> Vec<(i64, Vec<u8>)> {
    let mut days: std::collections::BTreeMap<i64, Vec<Piece>> = std::collections::BTreeMap::new();
    for piece in pieces {
        days.entry(piece.key.day()).or_default().push(piece);
    }
    days.into_iter().map(|(day, pieces)| (day, encode(&pieces))).collect()
}

fn encode(pieces: &[Piece]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces {
        write_unsigned(&mut out, piece.key.inverter.0.into());
        write_signed(&mut out, piece.key.hour);
        write_unsigned(&mut out, piece.newest.batch);
        write_unsigned(&mut out, piece.newest.index.into());
        out.push(piece.fresh.into());
        write_prefixed(&mut out, &piece.bytes);
    }
    out
}

fn decode(blob: &[u8]) -> Option<Vec<Piece>> {
    let mut reader = Reader::new(blob);
    let mut pieces = Vec::new();
    while !reader.is_empty() {
        let inverter = InverterKey(u32::try_from(reader.unsigned()?).ok()?);
        let key = Key { inverter, hour: reader.signed()? };
        let newest = Position { batch: reader.unsigned()?, index: u32::try_from(reader.unsigned()?).ok()? };
        let fresh = reader.byte()? != 0;
        pieces.push(Piece { key, newest, fresh, bytes: reader.prefixed()?.to_vec() });
    }
    Some(pieces)
}

//! History for a backup: everything that is kept, from one instant; and files made of it anew.
//!
//! In: the folder, of this or another process. Out: rows as they stand in the files, sealed as they are; and back. While the
//! hold lasts, whoever writes to history waits: it must last moments. Never opens a chunk, never changes what is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use super::HistoryError;
use super::day::{DayFile, day_of, path_of};
use super::sqlite::{BUSY_TIMEOUT, failed, io};
use super::tail::{Tail, regroup};
use crate::Position;
use crate::day_keys::DayKeys;

/// A row of a day file: key, batch and entry of its newest reading, content.
pub(crate) type ChunkRow = (i64, i64, i64, Vec<u8>);

/// Files that are open already, so that the hold takes no longer than it must.
pub(crate) struct Files {
    directory: PathBuf,
    open: PathBuf,
    days: BTreeMap<i64, Connection>,
}

/// Nothing is written to history until it is dropped.
pub(crate) struct Hold(#[expect(dead_code, reason = "its transaction is the hold")] Option<Connection>);

/// Everything as it was during the hold.
pub(crate) struct Frozen {
    /// Readings are kept up to it.
    pub(crate) position: Position,
    open: Option<Tail>,
    days: BTreeMap<i64, Connection>,
    directory: PathBuf,
}

impl Files {
    /// Opens what there is of days from `first` on.
    pub(crate) fn open(directory: &Path, first: i64) -> Result<Self, HistoryError> {
        let mut files = Self {
            directory: directory.to_owned(),
            open: directory.join("open.sqlite"),
            days: BTreeMap::new(),
        };
        files.look(first)?;
        Ok(files)
    }

    fn look(&mut self, first: i64) -> Result<(), HistoryError> {
        if !self.directory.exists() {
            return Ok(());
        }
        let list = io("list", &self.directory);
        for file in std::fs::read_dir(&self.directory).map_err(&list)? {
            let name = file.map_err(&list)?.file_name();
            let Some(day) = name.to_str().and_then(day_of).filter(|day| *day >= first) else { continue };
            if !self.days.contains_key(&day) {
                self.days.insert(day, there(&path_of(&self.directory, day))?);
            }
        }
        Ok(())
    }

    /// Holds up whoever writes to history, takes a snapshot of each file.
    pub(crate) fn freeze(mut self, first: i64) -> Result<(Hold, Frozen), HistoryError> {
        if !self.open.exists() {
            let (directory, days) = (self.directory, BTreeMap::new());
            return Ok((Hold(None), Frozen { position: Position::START, open: None, days, directory }));
        }
        let hold = there(&self.open)?;
        hold.execute_batch("BEGIN IMMEDIATE").map_err(failed("hold", &self.open))?;
        self.look(first)?;
        let open = Tail::snapshot(there(&self.open)?, &self.open)?;
        let position = open.position()?;
        for (day, connection) in &self.days {
            let path = path_of(&self.directory, *day);
            connection.execute_batch("BEGIN").map_err(failed("read", &path))?;
            let count = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0));
            let _: i64 = count.map_err(failed("read", &path))?;
        }
        Ok((
            Hold(Some(hold)),
            Frozen { position, open: Some(open), days: self.days, directory: self.directory },
        ))
    }
}

impl Frozen {
    /// Calls `each` with what is open, by day, in order.
    pub(crate) fn open<E: From<HistoryError>>(
        &mut self,
        mut each: impl FnMut(i64, Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let mut failure = None;
        open.load(|_, pieces| {
            if failure.is_none() {
                failure = regroup(pieces).into_iter().try_for_each(|(day, bytes)| each(day, bytes)).err();
            }
            Ok(())
        })?;
        failure.map_or(Ok(()), Err)
    }

    /// Calls `each` with every chunk of every day. A day's file is let go of as soon as it was read; those that are merged come
    /// first, as nobody can write to them until then.
    pub(crate) fn chunks<E: From<HistoryError>>(
        self,
        mut each: impl FnMut(i64, ChunkRow) -> Result<(), E>,
    ) -> Result<(), E> {
        for (day, connection) in self.days {
            let path = path_of(&self.directory, day);
            let failed = failed("read", &path);
            let has_table = "SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'chunks'";
            if !connection.query_row(has_table, (), |row| row.get(0)).map_err(&failed)? {
                // Killed while the file was being made.
                continue;
            }
            let select = "SELECT key, through_batch, through_entry, content FROM chunks ORDER BY key";
            let mut query = connection.prepare(select).map_err(&failed)?;
            let mut rows = query.query(()).map_err(&failed)?;
            while let Some(row) = rows.next().map_err(&failed)? {
                let row = (|| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))();
                each(day, row.map_err(&failed)?)?;
            }
        }
        Ok(())
    }
}

/// Makes the files of history anew in a folder that has none.
pub(crate) struct Rebuilt {
    directory: PathBuf,
    keys: Arc<DayKeys>,
    open: Tail,
}

impl Rebuilt {
    pub(crate) fn begin(directory: &Path, keys: DayKeys) -> Result<Self, HistoryError> {
        std::fs::create_dir_all(directory).map_err(io("create", directory))?;
        let open = Tail::open(directory)?;
        Ok(Self { directory: directory.to_owned(), keys: Arc::new(keys), open })
    }

    /// What was open of a day, in the order in which it was given.
    pub(crate) fn open(&self, pieces: &[Vec<u8>]) -> Result<(), HistoryError> {
        self.open.insert(pieces)
    }

    /// The chunks of a day. May be called more than once for one.
    pub(crate) fn chunks(&self, day: i64, rows: &[ChunkRow]) -> Result<(), HistoryError> {
        let file = DayFile::open(&self.directory, day, &self.keys)?;
        let failed = failed("write to", &file.path);
        let transaction = file.connection.unchecked_transaction().map_err(&failed)?;
        let sql = "INSERT INTO chunks (key, through_batch, through_entry, content) VALUES (?1, ?2, ?3, ?4)";
        let mut insert = transaction.prepare_cached(sql).map_err(&failed)?;
        for row in rows {
            insert.execute((&row.0, &row.1, &row.2, &row.3)).map_err(&failed)?;
        }
        drop(insert);
        transaction.commit().map_err(&failed)
    }

    /// Readings are kept up to `position`. Everything is durable on return.
    pub(crate) fn end(mut self, position: Position) -> Result<(), HistoryError> {
        self.open.write(&[], position)?;
        let durable = std::fs::File::open(&self.directory).and_then(|folder| folder.sync_all());
        durable.map_err(io("make durable", &self.directory))
    }
}

/// Opens a file that must be there. To be read only; but after a kill its WAL may have to be put in order first.
fn there(path: &Path) -> Result<Connection, HistoryError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed("open", path))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed("set up", path))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::super::{Config, History};
    use super::*;
    use crate::day_keys::tests::fresh;
    use fleet::{InverterKey, StoredReading};
    use wire::UtcMs;

    /// Proof that this can fail: take the hold out of `Files::freeze`, or a snapshot.
    #[test]
    fn nobody_writes_while_the_hold_lasts_and_what_is_written_after_it_is_not_seen() {
        let folder = tempfile::tempdir().unwrap();
        let keys = DayKeys::at(folder.path().join("keys"), fresh);
        let history = History::open(folder.path(), keys, Config::default()).unwrap();
        let reading = StoredReading { time: UtcMs(1_767_225_600_000), ..StoredReading::default() };
        let tell = |batch| {
            let position = Position { batch, index: 0 };
            history.append(InverterKey(3), std::slice::from_ref(&reading), position);
            history.checkpoint(position).unwrap();
        };
        tell(1);
        history.seal_all().unwrap();
        tell(2);
        let (hold, mut frozen) = Files::open(folder.path(), 0).unwrap().freeze(0).unwrap();
        let other = there(&folder.path().join("open.sqlite")).unwrap();
        other.busy_timeout(std::time::Duration::ZERO).unwrap();
        assert!(other.execute_batch("BEGIN IMMEDIATE").is_err(), "somebody could seal");
        drop(hold);
        tell(3);
        history.seal_all().unwrap();
        let (mut open, mut chunks) = (0, 0);
        let counted = frozen.open::<HistoryError>(|_, _| {
            open += 1;
            Ok(())
        });
        counted.unwrap();
        assert_eq!(frozen.position.batch, 2);
        let counted = frozen.chunks::<HistoryError>(|_, row| {
            chunks += row.1;
            Ok(())
        });
        counted.unwrap();
        assert_eq!((open, chunks), (1, 1), "one row is open, one chunk is there, up to the first batch");
    }
}

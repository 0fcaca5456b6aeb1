//! Everything from one instant.
//!
//! In: the folders. Out: a snapshot of each file, all from one instant, in which nobody wrote to state or history; and the entries of
//! the journal after the state's position. Whoever writes waits meanwhile: the pipeline's snapshots, sealing, people's changes;
//! milliseconds, and never longer than [`MOST_HELD`]. An acknowledgement waits for the journal alone, which is never held.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::error::failed;
use super::{BackupError, Folders};
use crate::history::copying::{Files, Frozen as History};
use crate::journal::{Entry, JournalError, copying, replay};
use crate::{Position, history};

/// Whoever waits gives up after five seconds.
const MOST_HELD: Duration = Duration::from_secs(2);
/// How long a hold waits for whoever writes now.
const PATIENCE: Duration = Duration::from_secs(2);
const TRIES: u32 = 5;

/// Snapshots.
pub(super) struct Frozen {
    /// The state store, in a transaction.
    pub(super) state: Connection,
    /// Where its snapshots of inverters stand.
    pub(super) position: Position,
    pub(super) history: History,
    /// What came after `position`.
    pub(super) entries: BTreeMap<Position, Entry>,
    /// The last batch of the journal.
    pub(super) last: u64,
    /// How long others waited.
    pub(super) held: Duration,
}

/// Takes snapshots. The journal may be deleted behind the server while it is read: then all begins anew.
pub(super) fn freeze(folders: Folders<'_>, first: i64) -> Result<Frozen, BackupError> {
    if !folders.state.is_file() {
        return Err(BackupError::Nothing(folders.state.to_owned()));
    }
    let mut why = String::new();
    for _ in 0..TRIES {
        match attempt(folders, first) {
            Err(error) if passes(&error) => why = error.to_string(),
            done => return done,
        }
    }
    Err(BackupError::Restless { tries: TRIES, why })
}

fn attempt(folders: Folders<'_>, first: i64) -> Result<Frozen, BackupError> {
    let failed = failed("hold", folders.state);
    let files = Files::open(folders.history, first)?;
    let (holding, state) = (open(folders.state)?, open(folders.state)?);
    holding.execute_batch("BEGIN IMMEDIATE").map_err(&failed)?;
    let began = Instant::now();
    state.execute_batch("BEGIN").map_err(&failed)?;
    let position = position(&state, folders.state)?;
    let (hold, history) = files.freeze(first)?;
    let last = copying::last_batch(folders.journal)?;
    drop((hold, holding));
    let held = began.elapsed();
    if held > MOST_HELD {
        let why = format!("it took {} ms", held.as_millis());
        return Err(BackupError::Restless { tries: 1, why });
    }
    // A server that is well leaves some seconds of it.
    let last = last.unwrap_or_default().max(position.batch).max(history.position.batch);
    let entries = entries(folders.journal, position, last)?;
    Ok(Frozen { state, position, history, entries, last, held })
}

/// Whether another try may do better: the server was at work.
fn passes(error: &BackupError) -> bool {
    match error {
        BackupError::Journal(JournalError::Damaged { .. } | JournalError::InUse(_)) => false,
        BackupError::Journal(_) | BackupError::Restless { .. } => true,
        BackupError::Sqlite { source, .. }
        | BackupError::History(history::HistoryError::Sqlite { source, .. }) => {
            use rusqlite::ErrorCode::{CannotOpen, DatabaseBusy, DatabaseLocked};
            matches!(source.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked | CannotOpen))
        }
        _ => false,
    }
}

fn open(path: &Path) -> Result<Connection, BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed("open", path))?;
    connection.busy_timeout(PATIENCE).map_err(failed("set up", path))?;
    Ok(connection)
}

fn position(state: &Connection, path: &Path) -> Result<Position, BackupError> {
    let query = "SELECT batch, entry FROM journal_positions WHERE partition = 0";
    let found = state.query_row(query, (), |row| {
        Ok(Position { batch: row.get::<_, i64>(0)?.cast_unsigned(), index: row.get(1)? })
    });
    Ok(found.optional().map_err(failed("read", path))?.unwrap_or_default())
}

/// The entries after `after`, up to batch `last`.
fn entries(journal: &Path, after: Position, last: u64) -> Result<BTreeMap<Position, Entry>, BackupError> {
    let mut entries = BTreeMap::new();
    let walked = replay(journal, after, |position, entry| {
        if position.batch > last {
            return Err(Walk::Over);
        }
        entries.insert(position, entry);
        Ok(())
    });
    match walked {
        Ok(()) | Err(Walk::Over) => {}
        Err(Walk::Failed(error)) => return Err(error.into()),
    }
    // From the very first on the journal may begin anywhere; else the next batch must be there, if there is any.
    let whole = entries.keys().next_back().map_or(after.batch, |position| position.batch) == last;
    if whole {
        Ok(entries)
    } else {
        Err(JournalError::Missing { path: journal.to_owned(), expected: last, found: after.batch }.into())
    }
}

enum Walk {
    Over,
    Failed(JournalError),
}

impl From<JournalError> for Walk {
    fn from(error: JournalError) -> Self {
        Self::Failed(error)
    }
}

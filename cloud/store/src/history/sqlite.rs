//! Opening SQLite files for history, and naming what failed.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::HistoryError;

/// Another connection of this or another process (the ledger program, a backup) holds a file for moments only.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens a file, made if missing.
pub(super) fn open(path: &Path) -> Result<Connection, HistoryError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed("open", path))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed("set up", path))?;
    Ok(connection)
}

/// For `map_err`.
pub(super) fn failed<'a>(
    doing: &'static str,
    path: &'a Path,
) -> impl Fn(rusqlite::Error) -> HistoryError + 'a {
    move |source| HistoryError::Sqlite { doing, path: path.to_owned(), source }
}

/// For `map_err`, of files.
pub(super) fn io<'a>(doing: &'static str, path: &'a Path) -> impl Fn(std::io::Error) -> HistoryError + 'a {
    move |source| HistoryError::Io { doing, path: path.to_owned(), source }
}

/// Removes a database with what SQLite puts beside it.
pub(super) fn remove(path: &Path) -> Result<(), HistoryError> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut file = path.to_owned().into_os_string();
        file.push(suffix);
        match std::fs::remove_file(&file) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(io("delete", Path::new(&file))(source));
            }
            _ => {}
        }
    }
    Ok(())
}

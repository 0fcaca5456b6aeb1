//! What can go wrong with backups, in words for the person who makes or needs one.

use std::path::{Path, PathBuf};

use crate::day_keys::DayKeyError;
use crate::history::HistoryError;
use crate::journal::JournalError;

/// Why there is no backup, or why it is not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file or folder could not be used.
    #[error("{doing} {path}: {source}; check the disk, its free space and the folder's owner")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// SQLite could not do what was asked.
    #[error("{doing} {path}: {source}; check the disk and its free space")]
    Sqlite {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// History failed.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Keys of days failed.
    #[error(transparent)]
    Key(#[from] DayKeyError),
    /// Something is where the backup was to be.
    #[error(
        "{0} exists already and is not written over; name a new folder for each backup, for example one by the date"
    )]
    Exists(PathBuf),
    /// The backup would be in what it copies, or beside the keys.
    #[error(
        "{path} is within {within}; a backup there goes with what it is a copy of. Name a folder on another disk or machine"
    )]
    Within {
        /// Where the backup was to be.
        path: PathBuf,
        /// What it would be in.
        within: PathBuf,
    },
    /// Another backup is being made.
    #[error("another backup is being made ({0} is locked); wait until it ends")]
    Busy(PathBuf),
    /// Nothing is there to be copied.
    #[error("{0} is not there; is `data_dir` the folder of a server that ran?")]
    Nothing(PathBuf),
    /// The server did not come to rest for a moment.
    #[error(
        "the data could not be held still for a moment, {tries} times ({why}); try again when the machine has less to do"
    )]
    Restless {
        /// How often it was tried.
        tries: u32,
        /// Why it failed last.
        why: String,
    },
    /// A table is not known to this program.
    #[error("table {0} is not one of this version; the state store was written by a newer one: use that")]
    Table(String),
    /// A row of the state store makes no sense.
    #[error("a row of table {table} makes no sense: {why}; repair or remove it, nothing was written")]
    Row {
        /// Which table.
        table: &'static str,
        /// What is wrong.
        why: String,
    },
    /// There is no key of backups.
    #[error(
        "{0} is missing, and a backup cannot be opened without it; name the copy of the keys that was made after the backup \
         with --keys FOLDER"
    )]
    NoKey(PathBuf),
    /// The file of the key is not one.
    #[error("{0} is not a key of backups: it must be 64 hexadecimal digits")]
    NotAKey(PathBuf),
    /// The system has no random bits.
    #[error("the system gives no random bits, so no key can be made")]
    Random,
    /// It is not a backup, or not a whole one.
    #[error("{path} is not a whole backup: {why}; use another one. Nothing was written")]
    NotWhole {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The key does not fit, or the manifest was changed.
    #[error(
        "{0} was changed, or it was made under another key of backups; use the copy of the keys that belongs to it, or \
         another backup. Nothing was written"
    )]
    Foreign(PathBuf),
    /// A newer or unknown program made it.
    #[error("{path} was made by another version ({what}); restore it with that version. Nothing was written")]
    Version {
        /// The backup.
        path: PathBuf,
        /// What this program does not know.
        what: String,
    },
    /// Days have no keys.
    #[error(
        "the keys of {} day(s) are missing: {}. Name the copy of the keys that was made after the backup with --keys FOLDER; or, \
         where they were destroyed since, leave those days out with --without-missing-days. Nothing was written",
        .0.len(), days(.0)
    )]
    MissingKeys(Vec<i64>),
    /// The clock is before the backup.
    #[error(
        "the backup was made at {made}, and this machine's clock says that it is {now}; set the clock first. Nothing was \
         written"
    )]
    Clock {
        /// When it was made.
        made: String,
        /// What the clock says.
        now: String,
    },
    /// What was restored does not hold together.
    #[error("what was restored does not hold together ({0}); use another backup")]
    Broken(String),
}

/// Days as dates.
fn days(days: &[i64]) -> String {
    let date = |day: &i64| super::name_of_day(*day).trim_end_matches(".sealed").to_owned();
    days.iter().map(date).collect::<Vec<_>>().join(", ")
}

/// For `map_err`, of files.
pub(super) fn io<'a>(doing: &'static str, path: &'a Path) -> impl Fn(std::io::Error) -> BackupError + 'a {
    move |source| BackupError::Io { doing, path: path.to_owned(), source }
}

/// For `map_err`, of databases.
pub(super) fn failed<'a>(
    doing: &'static str,
    path: &'a Path,
) -> impl Fn(rusqlite::Error) -> BackupError + 'a {
    move |source| BackupError::Sqlite { doing, path: path.to_owned(), source }
}

/// It is not whole.
pub(super) fn not_whole(path: &Path, why: impl Into<String>) -> BackupError {
    BackupError::NotWhole { path: path.to_owned(), why: why.into() }
}

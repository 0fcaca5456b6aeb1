//! What can go wrong with the journal, in words for the person who runs the server.

use std::path::PathBuf;

use super::batch::BatchError;

/// Why the journal cannot be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process writes here.
    #[error(
        "the journal {0} is in use by another server; stop it first, or give this one a data_dir of its own"
    )]
    InUse(PathBuf),
    /// The linked SQLite has a known fault.
    #[error(
        "SQLite {found} is linked, at least 3.51.3 is needed: older ones can lose committed transactions; rebuild with the bundled library"
    )]
    OldSqlite {
        /// Version of the linked library.
        found: &'static str,
    },
    /// A file or folder could not be used.
    #[error("{doing} {path}: {source}; check the disk, its free space and the folder's owner")]
    Io {
        /// What was tried, for example `create`.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// SQLite could not do what was asked.
    #[error("{doing} {path}: {source}; check the disk and its free space; nothing further is acknowledged")]
    Sqlite {
        /// What was tried, for example `commit to`.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
    /// A batch is not what was written.
    #[error(
        "batch {batch} in {path} is damaged: {source}; restore this file from a copy, or move it away to go on without it (its reports are then lost)"
    )]
    Damaged {
        /// Number of the batch.
        batch: u64,
        /// The segment.
        path: PathBuf,
        /// What is wrong with it.
        source: BatchError,
    },
    /// Batches that must be there are not.
    #[error(
        "{path} begins with batch {found} where batch {expected} must follow: the segment between is missing; restore it from a copy"
    )]
    Missing {
        /// The segment after the hole.
        path: PathBuf,
        /// The batch that must come next.
        expected: u64,
        /// The batch that came.
        found: u64,
    },
    /// The committer thread could not be started.
    #[error("start the journal's thread: {0}")]
    Thread(std::io::Error),
    /// The code that acknowledges panicked; what was committed may not have been handed on.
    #[error(
        "a fault in this program while it acknowledged what was committed; its own words stand above; start it again"
    )]
    Acknowledging,
    /// The committer was asked to write more than a number can count.
    #[error("the journal {0} is full: its batch number has reached its end")]
    Exhausted(PathBuf),
}

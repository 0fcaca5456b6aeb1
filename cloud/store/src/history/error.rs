//! What can go wrong with history, in words for the person who runs the server.

use std::path::PathBuf;

use crate::day_keys::DayKeyError;

/// Why history cannot be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
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
    /// A chunk is not what was written, or a newer version wrote it.
    #[error(
        "{what} in {path} is damaged or newer than this program ({detail}); restore the file from a copy, or move it away to go on without that day"
    )]
    Damaged {
        /// Which chunk.
        what: String,
        /// In which file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A day's key is not there, or cannot be made.
    #[error(transparent)]
    Key(#[from] DayKeyError),
    /// Chunks were merged again and again while a reader looked.
    #[error("the day's chunks changed four times while they were read; ask again")]
    Restless,
    /// A column could not be compressed.
    #[error("compress a column: {0}")]
    Compress(String),
}

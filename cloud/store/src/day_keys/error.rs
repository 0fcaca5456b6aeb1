//! What can go wrong with the keys of days, in words for the person who runs the server.

use std::path::PathBuf;

/// Why something cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum DayKeyError {
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
    /// A day has data and no key.
    #[error(
        "{path} is missing, and what was read on that day cannot be opened without it; bring it back from the copy of the \
         keys, or delete the file of that day in the history's folder, which nobody can read any more"
    )]
    Missing {
        /// The file that must be there.
        path: PathBuf,
    },
    /// The file is there and the key is not in it.
    #[error(
        "{path} does not hold key {key:08x}, under which something of that day is sealed; append the copy of that file to it \
         (cat COPY >> FILE), as it may hold keys that the copy has not"
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// Which key of it.
        key: u32,
    },
    /// The file is not one of keys.
    #[error(
        "{path} is damaged: its key {key} is not what was written; bring it back from the copy of the keys"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which key of it.
        key: usize,
    },
    /// The system has no randomness.
    #[error("the system's random generator failed, so no key can be made and nothing is kept without one")]
    Random,
    /// The cipher refused: too long a piece.
    #[error("a piece could not be sealed: a fault in this program")]
    Cipher,
}

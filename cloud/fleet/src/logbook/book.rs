//! What stands around the entries of a file: its opening, what went before, its closing.
//!
//! In: facts of a logbook. Out: statements, each signed alone.

use serde::{Deserialize, Serialize};
use wire::UtcMs;

use super::hex::Hash;
use super::line::Statement;
use super::told::time;

/// The first line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The logbook: 32 random digits.
    pub book: String,
    /// Whose it is, as it was called when the file was made.
    pub organization: String,
    /// When it was begun.
    #[serde(with = "time")]
    pub begun_at: UtcMs,
    /// Years that entries are kept.
    pub years: u32,
    /// When the file was made.
    #[serde(with = "time")]
    pub made_at: UtcMs,
}

/// Entries that went, as the chosen years were over. Signed when they went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The logbook.
    pub book: String,
    /// The number of the last one that went; all before it went, too.
    pub last: u64,
    /// SHA-256 of its line: the `previous` of the first that is left.
    pub hash: Hash,
    /// What is older than this went.
    #[serde(with = "time")]
    pub before: UtcMs,
    /// When they went.
    #[serde(with = "time")]
    pub gone_at: UtcMs,
}

/// The last line of a file: what was the last entry when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// The logbook.
    pub book: String,
    /// The number of its last entry; 0: there is none.
    pub last: u64,
    /// SHA-256 of its line.
    pub hash: Hash,
    /// When the file was made.
    #[serde(with = "time")]
    pub made_at: UtcMs,
}

impl Statement for Opening {
    const KIND: &'static str = "book";
}

impl Statement for Checkpoint {
    const KIND: &'static str = "checkpoint";
}

impl Statement for Closing {
    const KIND: &'static str = "closing";
}

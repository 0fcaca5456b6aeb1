//! The journal: the only way in, and the truth of the last hours.
//!
//! In: entries from many connections at once. Out: the same in order, after the commit that made them durable, and
//! again after any kill. A series of SQLite files, deleted whole. Never checkpoints, deletes or blocks a caller on
//! the way to an acknowledgement; never acknowledges after a failure.

mod appender;
mod batch;
pub(crate) mod copying;
mod error;
mod replay;
mod segment;

pub use appender::{Appender, Committed, Config, open};
pub use batch::{Body, Entry};
pub use copying::{hold, is_empty};
pub use error::JournalError;
pub use replay::{delete_through, replay};

/// Where an entry stands: the commit it was part of and its place in it. Batches count from 1, across segments and
/// restarts, without a hole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Number of the commit, from 1.
    pub batch: u64,
    /// Place within the commit, from 0.
    pub index: u32,
}

impl Position {
    /// Before the first entry there ever was.
    pub const START: Self = Self { batch: 0, index: 0 };
}

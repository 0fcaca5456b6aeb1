//! Where it is kept: the journal, the history, the state.
//!
//! In: entries to make durable, readings to keep, rows about accounts and inverters. Out: the same, after any kill.
//! Three stores on one machine so that a web write never stalls an acknowledgement. Never decides a rule, never
//! knows HTTP. The only crate with SQL drivers.
//!
//! # Order of writing, which is what makes a kill harmless
//!
//! 1. [`journal`]: an entry is committed before it is acknowledged.
//! 2. The pipeline applies entries in order and calls [`history::History::append`] with each entry's position.
//! 3. Each few seconds, at position *p*: first [`history::History::checkpoint`]`(p)`, then
//!    [`state::StateStore::commit_snapshots`]`(…, p)`, then [`journal::Appender::delete_through`]`(p)`.
//!
//! After a kill the pipeline loads the snapshots, which stand at position *s*, and replays the journal after *s*.
//! History stands at some *t* ≥ *s* and ignores what is appended again at or before *t*, so each reading is kept once.
#![warn(missing_docs)]

pub mod backup;
mod bytes;
pub mod day_keys;
pub mod history;
pub mod journal;
pub mod retention;
pub mod state;

pub use journal::Position;

/// Oldest SQLite this crate works with: 3.51.3 corrects a WAL fault ("WAL-reset") that loses committed transactions.
pub const OLDEST_SQLITE: i32 = 3_051_003;

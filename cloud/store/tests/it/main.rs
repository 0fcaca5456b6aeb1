//! Integration tests of the three stores, one binary.

mod history;
mod journal;
mod journal_kill;
mod state;

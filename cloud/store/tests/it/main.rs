//! Integration tests of the three stores, one binary.

mod journal;
mod journal_kill;
mod state;

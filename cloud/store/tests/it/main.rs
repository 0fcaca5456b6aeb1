//! Integration tests of the three stores, one binary.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic in a test is its report")]

mod announcing;
mod audit;
mod audited;
mod backup;
mod backup_house;
mod backup_refused;
mod deliveries;
mod devices;
mod factors;
mod history;
mod history_kill;
mod journal;
mod journal_kill;
mod ladders;
mod leaving;
mod logbook;
mod outbox;
mod pairings;
mod records;
mod registration;
mod retention;
mod sharing;
mod state;
mod test_notes;

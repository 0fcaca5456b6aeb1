//! The dead man's switch: the service watches itself, and something outside hears when it does not.
//!
//! In: marks that the parts leave as they get on, counters, the disk, the clocks. Out: a report (for `/health`, `/metrics`
//! and the operator's page), pings to an outside watchdog while all is well, letters to operators. The watcher is a thread of
//! its own that waits for nothing that it watches: no database, no run time. It mends nothing. What counts as bad is
//! `fleet::dead_man`'s to say.

mod beat;
mod clocks;
mod collect;
mod letters;
mod ping;
mod report;
mod watcher;

pub use beat::{Beat, Beats};
pub use letters::{Letters, spawn as spawn_letters};
pub use ping::{Watchdog, spawn as spawn_watchdog};
pub use report::{Report, STALE_AFTER};
pub use watcher::{Sources, Watcher};

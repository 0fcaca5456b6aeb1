//! Backups: a copy of everything that is kept, taken while the server runs, of which days lapse as they do here.
//!
//! In: a data folder, in use or not. Out: a folder of sealed files; and from it a data folder again. What inverters told stands in
//! sections of days, each sealed under a key of its day, so that it goes with that key wherever copies are (decision 26); the
//! rest is sealed under the key of backups. No key is ever in a backup. SQLite's own, like what it copies: PostgreSQL has backups
//! of its own. Never keeps an acknowledgement waiting, never trusts a name or a byte that a backup holds before it is verified.
//!
//! All that is copied is from one instant (see `freeze`), and a restored folder is as one whose server was killed then: the
//! snapshots stand at a position, history at that or a later one, and the journal after the first brings the rest.

mod dump;
mod error;
mod freeze;
mod key;
mod make;
mod manifest;
mod restore;
mod rows;
mod sealed;
mod sections;
mod tables;
mod target;
mod verify;

use std::path::{Path, PathBuf};

use wire::UtcMs;

use crate::day_keys::{DayKeys, Fresh};

pub use error::BackupError;
pub use key::BackupKey;
pub use make::{Made, make};
pub use restore::{Restored, restore};
pub use verify::{Missing, Verified, verify};

/// Where everything is.
#[derive(Clone, Copy, Debug)]
pub struct Folders<'a> {
    /// All of it is below this.
    pub data: &'a Path,
    /// The state store's file.
    pub state: &'a Path,
    /// The history's folder.
    pub history: &'a Path,
    /// The journal's folder.
    pub journal: &'a Path,
}

/// What a backup is sealed under.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// The keys of days.
    pub days: &'a DayKeys,
    /// The key of backups.
    pub backups: &'a BackupKey,
    /// Random bits.
    pub fresh: Fresh,
}

/// The first day that has not lapsed at `now`. (Days since 1970.)
#[must_use]
pub const fn first_day(now: UtcMs) -> i64 {
    now.plus_ms(-fleet::retention::KEPT_MS).day()
}

/// The file of what is not telemetry.
const PEOPLE: &str = "people.sealed";
/// The list of files.
const MANIFEST: &str = "manifest";

fn path_of_day(folder: &Path, day: i64) -> PathBuf {
    folder.join(name_of_day(day))
}

fn name_of_day(day: i64) -> String {
    let (year, month, of_month) = UtcMs(day.saturating_mul(wire::time::DAY_MS)).date();
    format!("{year:04}-{month:02}-{of_month:02}.sealed")
}

fn day_of_name(name: &str) -> Option<i64> {
    let date = name.strip_suffix(".sealed")?;
    let day = UtcMs::parse_rfc3339(&format!("{date}T00:00:00Z")).map(UtcMs::day)?;
    // One spelling only.
    (name_of_day(day) == name).then_some(day)
}

//! One entry of a logbook.
//!
//! In: what is told, of which inverter as it was known then, where in the chain. Out: a statement. An entry is never changed: what is
//! known later is a new one that names the one it corrects.

use serde::{Deserialize, Serialize};
use wire::UtcMs;
use wire::time::DAY_MS;

use super::hex::Hash;
use super::key::{Signer, Unsigned};
use super::line::{Statement, seal};
use super::told::time;
use super::what::What;

/// Longest time that an organization can choose, years.
pub const MOST_YEARS: u32 = 10;

/// A number of years that can be chosen, as an amount of time; none for one that cannot.
#[must_use]
pub fn years(years: u32) -> Option<i64> {
    // A leap day more is kept than was asked for, never one less.
    (1..=MOST_YEARS).contains(&years).then(|| i64::from(years) * 366 * DAY_MS)
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The logbook.
    pub book: String,
    /// Its number in it, from 1 without a gap.
    pub number: u64,
    /// SHA-256 of the line of the entry before it, without its line feed; zeros for the first.
    pub previous: Hash,
    /// When it was written.
    #[serde(with = "time")]
    pub written_at: UtcMs,
    /// Of which inverter.
    pub inverter: Inverter,
    /// The number of the entry that it corrects or adds to.
    pub corrects: Option<u64>,
    /// What it tells.
    pub what: What,
}

/// An inverter, as it was known when the entry was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inverter {
    /// Serial number.
    pub serial: String,
    /// What people called it.
    pub name: String,
    /// The site that it stood at.
    pub site: Option<String>,
}

/// Where in its chain an entry stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The logbook.
    pub book: String,
    /// The number of the last entry; 0 before the first.
    pub last: u64,
    /// SHA-256 of its line; [`Hash::NONE`] before the first.
    pub hash: Hash,
}

impl Statement for Entry {
    const KIND: &'static str = "entry";
}

impl Entry {
    /// What a line of one's own store says. Nothing is checked: whoever has a line from elsewhere opens it.
    #[must_use]
    pub fn unchecked(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

impl Place {
    /// Before the first entry of a logbook.
    #[must_use]
    pub fn first(book: String) -> Self {
        Self { book, last: 0, hash: Hash::NONE }
    }

    /// The line of the next entry, by which the place moves on.
    ///
    /// # Errors
    /// [`Unsigned`]: it did not move.
    pub fn append(
        &mut self,
        inverter: Inverter,
        what: What,
        corrects: Option<u64>,
        written_at: UtcMs,
        signer: &Signer,
    ) -> Result<String, Unsigned> {
        let (book, number, previous) = (self.book.clone(), self.last + 1, self.hash);
        let line = seal(&Entry { book, number, previous, written_at, inverter, corrects, what }, signer)?;
        (self.last, self.hash) = (number, Hash::of(line.as_bytes()));
        Ok(line)
    }
}

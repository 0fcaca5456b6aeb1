//! The sealed files of a backup while it is made: one of what is not telemetry, one of each day.
//!
//! In: rows with the instant from which each is old. Out: files, and their list. What lapsed is not written.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::Value;
use wire::UtcMs;

use super::sealed::{Listed, Writer};
use super::{BackupError, PEOPLE, name_of_day, rows};
use crate::day_keys::{DayKeys, Sealer};

pub(super) struct Sections<'a> {
    folder: &'a Path,
    keys: &'a DayKeys,
    people: Writer,
    days: BTreeMap<i64, Writer>,
    /// The first day that has not lapsed.
    pub(super) first: i64,
    /// When it is.
    pub(super) now: UtcMs,
}

impl<'a> Sections<'a> {
    pub(super) fn begin(
        folder: &'a Path,
        keys: &'a DayKeys,
        people: Sealer,
        (first, now): (i64, UtcMs),
    ) -> Result<Self, BackupError> {
        let people = Writer::create(folder, PEOPLE, people)?;
        Ok(Self { folder, keys, people, days: BTreeMap::new(), first, now })
    }

    /// A row that holds no telemetry.
    pub(super) fn people(&mut self, table: &str, values: &[Value]) -> Result<(), BackupError> {
        self.people.row(&rows::encode(table, values))
    }

    /// A row that is old from an instant on. One of the future is old from now on.
    pub(super) fn from(&mut self, instant: UtcMs, table: &str, values: &[Value]) -> Result<(), BackupError> {
        self.day(instant.min(self.now).day(), table, values)
    }

    /// A row of a day.
    pub(super) fn day(&mut self, day: i64, table: &str, values: &[Value]) -> Result<(), BackupError> {
        if day < self.first {
            return Ok(());
        }
        let writer = match self.days.entry(day) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                new.insert(Writer::create(self.folder, &name_of_day(day), self.keys.sealer(day)?)?)
            }
        };
        writer.row(&rows::encode(table, values))
    }

    /// Everything is durable on return.
    pub(super) fn finish(self) -> Result<Vec<Listed>, BackupError> {
        std::iter::once(self.people).chain(self.days.into_values()).map(Writer::finish).collect()
    }
}

//! All day files: which there are, and a bounded pool of open ones.
//!
//! In: a day. Out: what a closure does with its file. Opening history lists the folder and looks into no file, so a
//! start takes the same time however much is stored.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wire::UtcMs;
use wire::time::DAY_MS;

use super::HistoryError;
use super::day::{DayFile, day_of, path_of};
use super::sqlite::{io, remove};
use crate::day_keys::DayKeys;

pub(super) struct Days {
    directory: PathBuf,
    pub(super) keys: Arc<DayKeys>,
    known: Mutex<BTreeMap<i64, Known>>,
    /// Open files with their days, the last used last. A day may be here more than once: one for each reader.
    pool: Mutex<Vec<(i64, DayFile)>>,
    most_open: usize,
}

/// What is known of a day without looking into its file.
#[derive(Clone, Copy)]
struct Known {
    /// Moves with each change of the file.
    generation: u64,
    /// May hold chunks that are not merged yet.
    unmerged: bool,
}

impl Days {
    pub(super) fn open(directory: &Path, keys: DayKeys, most_open: usize) -> Result<Self, HistoryError> {
        let failed = io("list", directory);
        let mut known = BTreeMap::new();
        for file in std::fs::read_dir(directory).map_err(&failed)? {
            let name = file.map_err(&failed)?.file_name();
            if let Some(day) = name.to_str().and_then(day_of) {
                known.insert(day, Known { generation: 0, unmerged: true });
            }
        }
        Ok(Self {
            directory: directory.to_owned(),
            keys: Arc::new(keys),
            known: Mutex::new(known),
            pool: Mutex::new(Vec::new()),
            most_open,
        })
    }

    /// Days there are in `from..=to`, ascending.
    pub(super) fn between(&self, from: i64, to: i64) -> Vec<i64> {
        if from > to {
            return Vec::new();
        }
        lock(&self.known).range(from..=to).map(|(day, _)| *day).collect()
    }

    /// A number that moves with each change of a day's file; `None` where there is none.
    pub(super) fn generation(&self, day: i64) -> Option<u64> {
        lock(&self.known).get(&day).map(|known| known.generation)
    }

    /// Reads from a day's file; `None` where there is none.
    pub(super) fn read<T>(
        &self,
        day: i64,
        read: impl FnOnce(&DayFile) -> Result<T, HistoryError>,
    ) -> Result<Option<T>, HistoryError> {
        if self.generation(day).is_none() {
            return Ok(None);
        }
        self.with(day, read).map(Some)
    }

    /// Writes to a day's file, made if missing, in one transaction. The caller sees to it that there is one writer.
    pub(super) fn write<T>(
        &self,
        day: i64,
        write: impl FnOnce(&DayFile) -> Result<T, HistoryError>,
    ) -> Result<T, HistoryError> {
        lock(&self.known).entry(day).or_insert(Known { generation: 0, unmerged: true });
        let done = self.with(day, |file| {
            let failed = super::sqlite::failed("write to", &file.path);
            let transaction = file.connection.unchecked_transaction().map_err(&failed)?;
            let done = write(file)?;
            transaction.commit().map_err(&failed)?;
            Ok(done)
        })?;
        if let Some(known) = lock(&self.known).get_mut(&day) {
            known.generation += 1;
            known.unmerged = true;
        }
        Ok(done)
    }

    /// Uses a file from the pool, or one more.
    pub(super) fn with<T>(
        &self,
        day: i64,
        action: impl FnOnce(&DayFile) -> Result<T, HistoryError>,
    ) -> Result<T, HistoryError> {
        let pooled = {
            let mut pool = lock(&self.pool);
            pool.iter().rposition(|(open, _)| *open == day).map(|at| pool.remove(at))
        };
        let file = match pooled {
            Some((_, file)) => file,
            None => DayFile::open(&self.directory, day, &self.keys)?,
        };
        let done = action(&file);
        // After an error, or when the day was swept meanwhile, the connection is closed instead.
        if done.is_ok() && self.generation(day).is_some() {
            let mut pool = lock(&self.pool);
            pool.push((day, file));
            let longest_unused = (pool.len() > self.most_open).then(|| pool.remove(0));
            drop(pool);
            drop(longest_unused);
        }
        done
    }

    /// Days that ended at or before `end` and may hold unmerged chunks.
    pub(super) fn unmerged(&self, end: UtcMs) -> Vec<i64> {
        let over = end.0.div_euclid(DAY_MS);
        lock(&self.known).range(..over).filter(|(_, known)| known.unmerged).map(|(day, _)| *day).collect()
    }

    /// Notes that a day's chunks are merged. The caller is the one writer, so nothing came in between.
    pub(super) fn merged(&self, day: i64) {
        if let Some(known) = lock(&self.known).get_mut(&day) {
            known.unmerged = false;
        }
    }

    /// Closes a day's connections that nobody uses.
    pub(super) fn close(&self, day: i64) {
        let mut pool = lock(&self.pool);
        let (closed, kept): (Vec<_>, _) = pool.drain(..).partition(|(open, _)| *open == day);
        *pool = kept;
        drop(pool);
        drop(closed);
    }

    /// Days whose file is there and whose key file is not.
    pub(super) fn without_key(&self) -> Vec<i64> {
        let known: Vec<i64> = lock(&self.known).keys().copied().collect();
        known.into_iter().filter(|day| !self.keys.has(*day)).collect()
    }

    /// Deletes days that ended at or before `end`: first their keys, so that a kill in between leaves nothing that opens.
    /// How many.
    pub(super) fn sweep(&self, end: UtcMs) -> Result<usize, HistoryError> {
        let over = end.0.div_euclid(DAY_MS);
        self.keys.destroy_before(over)?;
        let days: Vec<_> = lock(&self.known).range(..over).map(|(day, _)| *day).collect();
        for day in &days {
            lock(&self.known).remove(day);
            self.close(*day);
            remove(&path_of(&self.directory, *day))?;
        }
        Ok(days.len())
    }
}

/// A panic elsewhere leaves these lists whole: each change is one step.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

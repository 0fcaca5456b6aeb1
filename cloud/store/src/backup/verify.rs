//! Is it a whole backup that may be restored here?
//!
//! In: the folder, the keys, now. Out: which days are restored, which lapsed; or the first thing that is wrong. Everything is read
//! and nothing is written: signature, names, lengths, SHA-256 of each file, the key of each day.

use std::path::{Path, PathBuf};

use wire::UtcMs;
use wire::time::DAY_MS;

use super::error::{io, not_whole};
use super::manifest::Manifest;
use super::sealed::{self, Listed};
use super::{BackupError, BackupKey, MANIFEST, PEOPLE, day_of_name, first_day, path_of_day};
use crate::day_keys::{DayKeyError, DayKeys};
use crate::state::knows_schema;

/// What to do about days whose keys are missing though they have not lapsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Restore nothing, say which.
    Refuse,
    /// Restore the rest.
    LeaveOut,
}

/// A whole backup.
#[derive(Debug)]
pub struct Verified {
    pub(super) folder: PathBuf,
    pub(super) manifest: Manifest,
    /// Days that will be restored, ascending.
    pub days: Vec<i64>,
    /// Days that lapsed since.
    pub lapsed: Vec<i64>,
    /// Days whose keys are not there.
    pub missing: Vec<i64>,
}

/// A list of files is not longer.
const MOST_BYTES: u64 = 1 << 20;

/// Verifies a backup.
///
/// # Errors
/// [`BackupError`]: what is wrong with it.
pub fn verify(
    folder: &Path,
    (keys, backups): (&DayKeys, &BackupKey),
    now: UtcMs,
    missing: Missing,
) -> Result<Verified, BackupError> {
    let manifest = list(folder, backups)?;
    if manifest.made.since(now) > DAY_MS {
        return Err(BackupError::Clock { made: manifest.made.to_string(), now: now.to_string() });
    }
    if !knows_schema(&manifest.schema) {
        let what = format!("{}, with {} of the state store", manifest.program, manifest.schema);
        return Err(BackupError::Version { path: folder.to_owned(), what });
    }
    if !manifest.files.iter().any(|file| file.name == PEOPLE) {
        return Err(not_whole(folder, format!("{PEOPLE} is not in its list")));
    }
    manifest.files.iter().try_for_each(|file| same(folder, file))?;
    let mut verified =
        Verified { folder: folder.to_owned(), manifest, days: vec![], lapsed: vec![], missing: vec![] };
    let listed = verified.manifest.files.iter().filter_map(|file| day_of_name(&file.name));
    for day in listed.collect::<std::collections::BTreeSet<_>>() {
        if day < first_day(now) {
            verified.lapsed.push(day);
        } else if has_key(folder, day, keys)? {
            verified.days.push(day);
        } else {
            verified.missing.push(day);
        }
    }
    if missing == Missing::Refuse && !verified.missing.is_empty() {
        return Err(BackupError::MissingKeys(verified.missing));
    }
    Ok(verified)
}

impl Verified {
    /// When it was made.
    #[must_use]
    pub fn made(&self) -> UtcMs {
        self.manifest.made
    }
}

fn list(folder: &Path, backups: &BackupKey) -> Result<Manifest, BackupError> {
    let path = folder.join(MANIFEST);
    let Ok(found) = path.symlink_metadata() else {
        let why = "it has no list of files, which is written last; it was not finished, or is not a backup";
        return Err(not_whole(folder, why));
    };
    if !found.is_file() || found.len() > MOST_BYTES {
        return Err(not_whole(&path, "it is not the list of a backup"));
    }
    let bytes = std::fs::read(&path).map_err(io("read", &path))?;
    let text = String::from_utf8(bytes).map_err(|_| not_whole(&path, "it is not text"))?;
    Manifest::read(&text, backups, &path)
}

fn same(folder: &Path, listed: &Listed) -> Result<(), BackupError> {
    let path = folder.join(&listed.name);
    let Ok(found) = path.symlink_metadata() else { return Err(not_whole(&path, "it is missing")) };
    if !found.is_file() {
        return Err(not_whole(&path, "it is not a file of its own"));
    }
    if found.len() != listed.bytes {
        return Err(not_whole(&path, format!("it has {} bytes of {}", found.len(), listed.bytes)));
    }
    if sealed::sha256(&path)? == listed.sha256 { Ok(()) } else { Err(not_whole(&path, "it was changed")) }
}

fn has_key(folder: &Path, day: i64, keys: &DayKeys) -> Result<bool, BackupError> {
    let path = path_of_day(folder, day);
    let stamp = sealed::stamp(&path)?;
    if stamp.day != day {
        return Err(not_whole(&path, "it is of another day"));
    }
    match keys.opener(stamp) {
        Ok(_) => Ok(true),
        Err(DayKeyError::Missing { .. } | DayKeyError::Unknown { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

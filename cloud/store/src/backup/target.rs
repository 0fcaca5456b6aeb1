//! The folder of a new backup: made beside its place, put there whole.
//!
//! In: where it is to be. Out: a folder for its owner alone, and once it is whole, its name. Never writes over anything, never into
//! what it copies, never through a link.

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::BackupError;
use super::error::io;

/// A folder that is not yet a backup. Removed when dropped.
pub(super) struct Target {
    place: PathBuf,
    beside: PathBuf,
    /// Held until the end, so that another backup to the same place does not take this one for a dead one's.
    _lock: File,
    done: bool,
}

impl Target {
    /// `apart`: folders in which it must not be.
    pub(super) fn begin(place: &Path, apart: &[&Path]) -> Result<Self, BackupError> {
        let absolute = std::path::absolute(place).map_err(io("find", place))?;
        let name = absolute.file_name().ok_or_else(|| BackupError::Exists(place.to_owned()))?;
        let parent = absolute.parent().unwrap_or(Path::new("/"));
        let parent = parent.canonicalize().map_err(io("open", parent))?;
        let place = parent.join(name);
        for apart in apart {
            // What is not there yet is no folder that a backup could be in.
            let Ok(within) = apart.canonicalize() else { continue };
            if place.starts_with(&within) {
                return Err(BackupError::Within { path: place, within });
            }
        }
        // A link that leads nowhere is something, too.
        if place.symlink_metadata().is_ok() {
            return Err(BackupError::Exists(place));
        }
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(".partial");
        let beside = parent.join(hidden);
        let lock = make(&beside)?;
        Ok(Self { place, beside, _lock: lock, done: false })
    }

    /// Where to write.
    pub(super) fn folder(&self) -> &Path {
        &self.beside
    }

    /// Gives it its name, durable on return.
    pub(super) fn finish(mut self) -> Result<PathBuf, BackupError> {
        let durable = |folder: &Path| File::open(folder).and_then(|folder| folder.sync_all());
        durable(&self.beside).map_err(io("make durable", &self.beside))?;
        if self.place.symlink_metadata().is_ok() {
            return Err(BackupError::Exists(self.place.clone()));
        }
        std::fs::rename(&self.beside, &self.place).map_err(io("name", &self.place))?;
        self.done = true;
        if let Some(parent) = self.place.parent() {
            durable(parent).map_err(io("make durable", parent))?;
        }
        Ok(self.place.clone())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.done {
            // What cannot be removed is removed by the next backup to this place.
            let _ = std::fs::remove_dir_all(&self.beside);
        }
    }
}

/// Makes the folder, empty, and locks it. What a killed backup left there goes.
fn make(folder: &Path) -> Result<File, BackupError> {
    let create = || DirBuilder::new().mode(0o700).create(folder).map_err(io("create", folder));
    match folder.symlink_metadata() {
        Err(_) => create()?,
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(BackupError::Exists(folder.to_owned())),
    }
    let lock = File::open(folder).map_err(io("open", folder))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(BackupError::Busy(folder.to_owned())),
        Err(TryLockError::Error(source)) => return Err(io("lock", folder)(source)),
    }
    let failed = io("empty", folder);
    for file in std::fs::read_dir(folder).map_err(&failed)? {
        std::fs::remove_file(file.map_err(&failed)?.path()).map_err(&failed)?;
    }
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_there_whole_or_not_at_all_and_never_twice() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("b");
        let begin = || Target::begin(&place, &[]);
        let target = begin().unwrap();
        std::fs::write(target.folder().join("x"), "1").unwrap();
        assert_eq!(target.folder().metadata().unwrap().permissions().mode() & 0o777, 0o700);
        assert!(!place.exists());
        assert!(matches!(begin(), Err(BackupError::Busy(_))), "two at once");
        // As if it had been killed: the folder stays, the lock goes.
        let left = target.folder().to_owned();
        std::mem::forget(target);
        assert!(left.join("x").exists());
        let locked = begin();
        assert!(matches!(locked, Err(BackupError::Busy(_))), "the lock is the process's");
    }

    #[test]
    fn what_a_killed_backup_left_goes_and_what_failed_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("b");
        std::fs::create_dir(folder.path().join(".b.partial")).unwrap();
        std::fs::write(folder.path().join(".b.partial/left"), "1").unwrap();
        let target = Target::begin(&place, &[]).unwrap();
        assert!(!target.folder().join("left").exists());
        drop(target);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let whole = Target::begin(&place, &[]).unwrap().finish().unwrap();
        assert!(whole.is_dir());
        assert!(matches!(Target::begin(&place, &[]), Err(BackupError::Exists(_))));
    }

    #[test]
    fn links_and_folders_of_the_server_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let place = folder.path().join("b");
        std::os::unix::fs::symlink(folder.path().join("nowhere"), &place).unwrap();
        assert!(matches!(Target::begin(&place, &[]), Err(BackupError::Exists(_))), "a link");
        std::os::unix::fs::symlink(&data, folder.path().join("way")).unwrap();
        for within in ["data/b", "way/b", "data/../data/b"] {
            let refused = Target::begin(&folder.path().join(within), &[&data]);
            assert!(matches!(refused, Err(BackupError::Within { .. })), "{within}");
        }
        let refused = Target::begin(&folder.path().join("none/b"), &[&data]);
        assert!(matches!(refused, Err(BackupError::Io { .. })), "its folder is not there");
        std::os::unix::fs::symlink(&data, folder.path().join(".c.partial")).unwrap();
        let refused = Target::begin(&folder.path().join("c"), &[&data]);
        assert!(matches!(refused, Err(BackupError::Exists(_))), "a link in its place");
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0);
    }
}

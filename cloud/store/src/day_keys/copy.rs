//! The copy of the keys: kept elsewhere, overwritten daily, and the way back from it.
//!
//! In: another folder. Out: every key that this one has and the other lacks, there; what lapsed, destroyed there. Never takes
//! a key of a day that is not over thirty days away from either: were this folder lost and made anew, its copy would go too.

use std::path::Path;

use super::{DayKeyError, DayKeys, file};

/// What a copy came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Days that have keys there now.
    pub days: usize,
    /// Keys that were added there.
    pub added: usize,
    /// Days whose keys were destroyed there, as they lapsed.
    pub destroyed: usize,
    /// Days that have keys there and none here: here they were lost.
    pub only_there: Vec<i64>,
}

impl DayKeys {
    /// Adds to `there` the keys of all days from `first` on that it lacks, and destroys those of days before that it has.
    /// Durable on return.
    ///
    /// # Errors
    /// [`DayKeyError`]; a second call goes on where this one failed.
    pub fn copy_to(&self, there: &Self, first: i64) -> Result<Copied, DayKeyError> {
        let mut copied = Copied::default();
        let days: Vec<i64> = self.days()?.into_iter().filter(|day| *day >= first).collect();
        for day in &days {
            copied.added += file::merge(&self.file(*day), there.folder(), &there.file(*day))?;
        }
        copied.destroyed = there.destroy_before(first)?;
        let of_copy = there.days()?;
        copied.days = of_copy.len();
        copied.only_there = of_copy.into_iter().filter(|day| !days.contains(day)).collect();
        Ok(copied)
    }

    /// Days (since 1970) that have key files, ascending.
    ///
    /// # Errors
    /// [`DayKeyError::Io`].
    pub fn days(&self) -> Result<Vec<i64>, DayKeyError> {
        let mut days = file::days(&self.folder)?;
        days.sort_unstable();
        Ok(days)
    }

    /// Whether a folder holds, or is within, the folder of keys.
    #[must_use]
    pub fn is_in(&self, folder: &Path) -> bool {
        self.folder.starts_with(folder) || folder.starts_with(&self.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Place;
    use super::super::tests::fresh;
    use super::*;

    const DAY: i64 = 20_454;
    const PLACE: Place = Place { chunk: 1, column: 1 };

    #[test]
    fn a_copy_gets_what_it_lacks_keeps_what_was_lost_here_and_loses_what_lapsed() {
        let folder = tempfile::tempdir().unwrap();
        let keys = || DayKeys::at(folder.path().join("keys"), fresh);
        let copy = || DayKeys::at(folder.path().join("copy"), fresh);
        let stamp = keys().sealer(DAY).unwrap().stamp();
        keys().sealer(DAY + 1).unwrap();
        let first = keys().copy_to(&copy(), DAY).unwrap();
        assert_eq!((first.days, first.added, first.destroyed), (2, 2, 0));
        assert_eq!(keys().copy_to(&copy(), DAY).unwrap().added, 0, "once");
        // Here the day was lost, and another process made a key anew: neither takes the other's place.
        std::fs::remove_file(keys().file(DAY)).unwrap();
        std::fs::remove_file(keys().file(DAY + 1)).unwrap();
        let since = keys().sealer(DAY).unwrap();
        let mut piece = Vec::new();
        since.seal(PLACE, b"x", &mut piece).unwrap();
        let again = keys().copy_to(&copy(), DAY).unwrap();
        assert_eq!((again.days, again.added, again.only_there), (2, 1, vec![DAY + 1]));
        copy().opener(stamp).unwrap();
        assert!(copy().opener(since.stamp()).unwrap().open(PLACE, &piece).is_some());
        // The way back.
        copy().copy_to(&keys(), DAY).unwrap();
        keys().opener(stamp).unwrap();
        // The day lapses: nothing of it is brought there, and what is there goes byte for byte.
        let held = folder.path().join("held");
        std::fs::hard_link(copy().file(DAY), &held).unwrap();
        let lapsed = keys().copy_to(&copy(), DAY + 1).unwrap();
        assert_eq!((lapsed.days, lapsed.destroyed), (1, 1));
        assert!(std::fs::read(&held).unwrap().iter().all(|byte| *byte == 0));
        assert!(copy().opener(stamp).is_err());
    }

    #[test]
    fn a_damaged_key_file_is_named_and_not_spread() {
        let folder = tempfile::tempdir().unwrap();
        let keys = DayKeys::at(folder.path().join("keys"), fresh);
        let copy = DayKeys::at(folder.path().join("copy"), fresh);
        keys.sealer(DAY).unwrap();
        let mut bytes = std::fs::read(keys.file(DAY)).unwrap();
        bytes[9] ^= 1;
        std::fs::write(keys.file(DAY), bytes).unwrap();
        let error = keys.copy_to(&copy, DAY).unwrap_err().to_string();
        assert!(error.contains("damaged") && !copy.has(DAY), "{error}");
    }
}

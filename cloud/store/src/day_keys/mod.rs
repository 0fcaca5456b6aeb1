//! Keys of days: what was read on a day can be opened as long as that day's key file is there, and never after.
//!
//! In: a day, pieces of telemetry. Out: the same sealed, or opened again. One file a day, in a folder apart from the data.
//! A key seals only in the process that made it, so that no nonce can come twice under it, whatever is killed or restored
//! (docs/adr/0020). Never prints a key, never seals under one that a power cut could still take.

mod cipher;
mod copy;
mod error;
mod file;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wire::UtcMs;
use wire::time::DAY_MS;

pub use cipher::{Place, TAG_BYTES};
pub use copy::Copied;
pub use error::DayKeyError;

use cipher::DayKey;

/// Gives 256 random bits, or nothing where the system has none.
pub type Fresh = fn() -> Option<[u8; 32]>;

/// Rewrite counters have three bytes; past them another key is made.
const LAST_COUNTER: u32 = 0x00ff_ffff;

/// The folder of keys. Looks into it when a key is first asked for.
pub struct DayKeys {
    folder: PathBuf,
    fresh: Fresh,
    days: Mutex<HashMap<i64, OfDay>>,
    /// Days and keys that were asked for in vain.
    missed: Mutex<BTreeSet<(i64, u32)>>,
}

/// What memory has of a day's keys.
#[derive(Default)]
struct OfDay {
    keys: HashMap<u32, Arc<DayKey>>,
    own: Option<Own>,
}

/// The key that this process made.
struct Own {
    id: u32,
    key: Arc<DayKey>,
    next: u32,
}

/// Seals what one transaction writes: its rewrite counter comes once under its key.
pub struct Sealer {
    key: Arc<DayKey>,
    stamp: Stamp,
}

/// Opens what one transaction wrote.
pub struct Opener {
    key: Arc<DayKey>,
    stamp: Stamp,
}

/// Under which key of which day, and which transaction it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Days since 1970.
    pub day: i64,
    /// Which of the day's keys, by its id; never 0.
    pub key: u32,
    /// The rewrite counter.
    pub counter: u32,
}

impl DayKeys {
    /// Keys in `folder`, which is made with the first key.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>, fresh: Fresh) -> Self {
        Self { folder: folder.into(), fresh, days: Mutex::default(), missed: Mutex::default() }
    }

    /// The same folder, for another owner, who has a key of his own when he seals.
    #[must_use]
    pub fn again(&self) -> Self {
        Self::at(self.folder.clone(), self.fresh)
    }

    /// Where they are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of a day's keys (days since 1970).
    #[must_use]
    pub fn file(&self, day: i64) -> PathBuf {
        let (year, month, of_month) = UtcMs(day.saturating_mul(DAY_MS)).date();
        self.folder.join(format!("{year:04}-{month:02}-{of_month:02}.key"))
    }

    /// What seals one transaction's pieces of a day. The first one of a day makes this process's key, durable on return.
    ///
    /// # Errors
    /// [`DayKeyError`].
    pub fn sealer(&self, day: i64) -> Result<Sealer, DayKeyError> {
        let mut days = lock(&self.days);
        let of_day = days.entry(day).or_default();
        let own = match of_day.own.take().filter(|own| own.next <= LAST_COUNTER) {
            Some(own) => own,
            None => self.make(day)?,
        };
        let stamp = Stamp { day, key: own.id, counter: own.next };
        let key = Arc::clone(&own.key);
        of_day.own = Some(Own { next: own.next.saturating_add(1), ..own });
        Ok(Sealer { key, stamp })
    }

    /// What opens pieces that were sealed with this stamp.
    ///
    /// # Errors
    /// [`DayKeyError::Missing`] and [`DayKeyError::Unknown`], noted for [`DayKeys::missed`]; others.
    pub fn opener(&self, stamp: Stamp) -> Result<Opener, DayKeyError> {
        let mut days = lock(&self.days);
        let of_day = days.entry(stamp.day).or_default();
        if !of_day.keys.contains_key(&stamp.key) {
            // This process, another, or the operator may have put it there meanwhile.
            of_day.keys = file::read(&self.file(stamp.day))?;
        }
        if let Some(key) = of_day.keys.get(&stamp.key) {
            return Ok(Opener { key: Arc::clone(key), stamp });
        }
        let path = self.file(stamp.day);
        let missing = of_day.keys.is_empty();
        drop(days);
        lock(&self.missed).insert((stamp.day, stamp.key));
        Err(if missing {
            DayKeyError::Missing { path }
        } else {
            DayKeyError::Unknown { path, key: stamp.key }
        })
    }

    /// Days of which a key was asked for in vain since the start, and still is not there.
    #[must_use]
    pub fn missed(&self) -> Vec<i64> {
        let mut missed = lock(&self.missed);
        missed.retain(|(day, key)| !file::read(&self.file(*day)).is_ok_and(|keys| keys.contains_key(key)));
        missed.iter().map(|(day, _)| *day).collect()
    }

    /// Whether a day has a key file.
    #[must_use]
    pub fn has(&self, day: i64) -> bool {
        self.file(day).exists()
    }

    /// Destroys the keys of every day before `day`: overwrites them, unlinks their files, makes that durable. How many
    /// files.
    ///
    /// # Errors
    /// [`DayKeyError::Io`]; what was destroyed stays so.
    pub fn destroy_before(&self, day: i64) -> Result<usize, DayKeyError> {
        lock(&self.days).retain(|known, _| *known >= day);
        lock(&self.missed).retain(|(known, _)| *known >= day);
        let over: Vec<i64> = file::days(&self.folder)?.into_iter().filter(|known| *known < day).collect();
        for day in &over {
            file::destroy(&self.file(*day))?;
        }
        if !over.is_empty() {
            file::sync(&self.folder)?;
        }
        Ok(over.len())
    }

    fn make(&self, day: i64) -> Result<Own, DayKeyError> {
        let secret = zeroize::Zeroizing::new((self.fresh)().ok_or(DayKeyError::Random)?);
        let key = Arc::new(DayKey::new(&secret)?);
        let [a, b, c, d, ..] = (self.fresh)().ok_or(DayKeyError::Random)?;
        let wanted = u32::from_le_bytes([a, b, c, d]);
        let id = file::append(&self.folder, &self.file(day), &secret, wanted)?;
        Ok(Own { id, key, next: 0 })
    }
}

impl Sealer {
    /// Which key and transaction, to be kept beside what is sealed.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Appends `piece`, sealed, and its tag to `out`. No place may be given twice to one sealer.
    ///
    /// # Errors
    /// [`DayKeyError::Cipher`].
    pub fn seal(&self, place: Place, piece: &[u8], out: &mut Vec<u8>) -> Result<(), DayKeyError> {
        self.key.seal(place, self.stamp, piece, out)
    }
}

impl Opener {
    /// A piece with its tag, opened. `None` where it is not what was sealed there.
    #[must_use]
    pub fn open(&self, place: Place, sealed: &[u8]) -> Option<Vec<u8>> {
        self.key.open(place, self.stamp, sealed)
    }
}

/// What seals and opens one file under a key that is used for nothing else.
///
/// # Errors
/// [`DayKeyError::Cipher`].
pub(crate) fn of_one_file(secret: &[u8; 32]) -> Result<(Sealer, Opener), DayKeyError> {
    let key = Arc::new(DayKey::new(secret)?);
    let stamp = Stamp { day: 0, key: 0, counter: 0 };
    Ok((Sealer { key: Arc::clone(&key), stamp }, Opener { key, stamp }))
}

/// A panic elsewhere leaves these lists whole: each change is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    pub(crate) fn fresh() -> Option<[u8; 32]> {
        let mut key = [0; 32];
        aws_lc_rs::rand::fill(&mut key).ok().map(|()| key)
    }

    const DAY: i64 = 20_454;
    const PLACE: Place = Place { chunk: 7, column: 3 };

    fn sealed(keys: &DayKeys, day: i64) -> (Stamp, Vec<u8>) {
        let sealer = keys.sealer(day).unwrap();
        let mut out = Vec::new();
        sealer.seal(PLACE, b"136.42 V", &mut out).unwrap();
        (sealer.stamp(), out)
    }

    /// ASVS 5.0: 11.3.1, 11.3.2, 11.3.3.
    #[test]
    fn what_is_sealed_opens_again_in_another_process_and_only_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let keys = || DayKeys::at(folder.path().join("keys/days"), fresh);
        let (stamp, piece) = sealed(&keys(), DAY);
        let opener = keys().opener(stamp).unwrap();
        assert_eq!(opener.open(PLACE, &piece).as_deref(), Some(&b"136.42 V"[..]));
        assert_eq!(opener.open(Place { chunk: 8, ..PLACE }, &piece), None, "another chunk");
        assert_eq!(opener.open(Place { column: 4, ..PLACE }, &piece), None, "another column");
        let other = keys().opener(Stamp { counter: stamp.counter + 1, ..stamp }).unwrap();
        assert_eq!(other.open(PLACE, &piece), None, "another transaction");
        for at in 0..piece.len() {
            let mut changed = piece.clone();
            changed[at] ^= 1;
            assert_eq!(opener.open(PLACE, &changed), None, "byte {at}");
        }
        let file = keys().file(DAY);
        assert!(file.ends_with("keys/days/2026-01-01.key"), "{}", file.display());
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(file.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn no_nonce_comes_twice_under_a_key_not_even_after_a_kill_or_with_an_old_copy_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut nonces = std::collections::HashSet::new();
        let mut note = |keys: &DayKeys| {
            let sealer = keys.sealer(DAY).unwrap();
            assert!(nonces.insert((sealer.key.fingerprint(), sealer.stamp.counter)), "{:?}", sealer.stamp);
            sealer.stamp
        };
        let first = DayKeys::at(folder.path(), fresh);
        assert_eq!((note(&first).counter, note(&first).counter), (0, 1));
        let copy = std::fs::read(first.file(DAY)).unwrap();
        // Nothing of the first process is left but its files.
        let second = DayKeys::at(folder.path(), fresh);
        assert_eq!(note(&second).counter, 0);
        std::fs::write(second.file(DAY), copy).unwrap();
        let third = DayKeys::at(folder.path(), fresh);
        assert_eq!(note(&third).counter, 0);
        // When the counter is used up, another key is made.
        lock(&third.days).get_mut(&DAY).unwrap().own.as_mut().unwrap().next = LAST_COUNTER;
        assert_eq!(note(&third).counter, LAST_COUNTER);
        assert_eq!(note(&third).counter, 0);
    }

    #[test]
    fn half_a_key_that_a_power_cut_left_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let keys = || DayKeys::at(folder.path(), fresh);
        let (stamp, piece) = sealed(&keys(), DAY);
        let mut torn = std::fs::read(keys().file(DAY)).unwrap();
        torn.extend_from_slice(&[7; 11]);
        std::fs::write(keys().file(DAY), torn).unwrap();
        let (next, more) = sealed(&keys(), DAY);
        assert_ne!(next.key, stamp.key);
        for (stamp, piece) in [(stamp, piece), (next, more)] {
            assert!(keys().opener(stamp).unwrap().open(PLACE, &piece).is_some(), "{stamp:?}");
        }
    }

    #[test]
    fn destroyed_keys_are_overwritten_before_they_are_unlinked_and_open_nothing_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let keys = DayKeys::at(folder.path(), fresh);
        let (stamp, _) = sealed(&keys, DAY);
        let (kept, _) = sealed(&keys, DAY + 1);
        // Whoever still holds the file sees what it was overwritten with.
        let linked = folder.path().join("held");
        std::fs::hard_link(keys.file(DAY), &linked).unwrap();
        assert_eq!(keys.destroy_before(DAY + 1).unwrap(), 1);
        assert!(std::fs::read(&linked).unwrap().iter().all(|byte| *byte == 0));
        let error = keys.opener(stamp).err().unwrap().to_string();
        assert!(error.contains("2026-01-01.key") && error.contains("copy"), "{error}");
        assert_eq!(keys.missed(), [DAY]);
        keys.opener(kept).unwrap();
        // A reading that comes late makes a new key, which is not the old one.
        let (again, _) = sealed(&keys, DAY);
        assert_ne!(again.key, stamp.key);
        assert_eq!(keys.destroy_before(DAY + 2).unwrap(), 2);
        assert!(keys.missed().is_empty() && !keys.has(DAY) && !keys.has(DAY + 1));
    }

    #[test]
    fn a_copy_of_lost_keys_may_be_appended_to_what_was_made_since() {
        let folder = tempfile::tempdir().unwrap();
        let keys = || DayKeys::at(folder.path(), fresh);
        let (stamp, _) = sealed(&keys(), DAY);
        let copy = std::fs::read(keys().file(DAY)).unwrap();
        std::fs::remove_file(keys().file(DAY)).unwrap();
        let without = keys();
        let (since, _) = sealed(&without, DAY);
        assert!(matches!(without.opener(stamp), Err(DayKeyError::Unknown { .. })));
        assert_eq!(without.missed(), [DAY]);
        let both = [std::fs::read(without.file(DAY)).unwrap(), copy].concat();
        std::fs::write(without.file(DAY), both).unwrap();
        without.opener(stamp).unwrap();
        without.opener(since).unwrap();
        assert!(without.missed().is_empty());
        // Whatever number is drawn, no two keys of a day have the same.
        let taken = [0xff; 32];
        let drawn: Vec<u32> = (0..3)
            .map(|_| file::append(folder.path(), &keys().file(DAY), &taken, u32::MAX).unwrap())
            .collect();
        assert_eq!(drawn, [u32::MAX, 1, 2]);
    }

    #[test]
    fn a_key_that_the_file_lacks_and_a_file_that_is_none_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let keys = DayKeys::at(folder.path(), fresh);
        let (stamp, _) = sealed(&keys, DAY);
        let error = keys.opener(Stamp { key: 0, ..stamp }).err().unwrap().to_string();
        assert!(error.contains("2026-01-01.key") && error.contains("key 00000000"), "{error}");
        let mut bytes = std::fs::read(keys.file(DAY)).unwrap();
        bytes[3] ^= 1;
        std::fs::write(keys.file(DAY), bytes).unwrap();
        let error = DayKeys::at(folder.path(), fresh).opener(stamp).err().unwrap().to_string();
        assert!(error.contains("damaged"), "{error}");
        let none = DayKeys::at(folder.path().join("nowhere"), || None);
        assert!(matches!(none.sealer(DAY), Err(DayKeyError::Random)));
        assert_eq!(none.destroy_before(DAY).unwrap(), 0);
    }
}

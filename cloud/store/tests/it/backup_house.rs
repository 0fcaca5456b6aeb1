//! A data folder as a server has it, its keys apart, and what a test does with them: write, back up, restore, look for bytes.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use fleet::{InverterKey, StoredReading};
use store::Position;
use store::backup::{
    BackupError, BackupKey, Folders, Keys, Made, Missing, Restored, first_day, make, restore, verify,
};
use store::day_keys::DayKeys;
use store::history::{Config, History};
use store::journal::{self, Appender, Body, Committed, Entry};
use store::state::StateStore;
use wire::time::DAY_MS;
use wire::{Quality, Quantity, Reading, Report, Sample, UtcMs};

use crate::history::fresh;

/// 2026-01-01T00:00:00Z.
pub const START: UtcMs = UtcMs(1_767_225_600_000);
pub const INVERTER: InverterKey = InverterKey(3);
/// No other bytes are like it.
pub const MARKER: &str = "AR=MARKER-9c4e01d7";

/// Noon of a day.
pub fn day(day: i64) -> UtcMs {
    START.plus_ms(day * DAY_MS + DAY_MS / 2)
}

pub struct House {
    pub folder: tempfile::TempDir,
    pub state: StateStore,
    pub history: History,
    journal: Appender<()>,
    commits: Mutex<Receiver<u64>>,
}

impl House {
    pub async fn open(folder: tempfile::TempDir) -> Self {
        let data = folder.path().join("data");
        std::fs::create_dir_all(&data).unwrap();
        let state = StateStore::open(&data.join("state.sqlite")).await.unwrap();
        let history =
            History::open(&data.join("history"), keys_at(folder.path()), Config::default()).unwrap();
        let (sender, commits) = channel();
        let on_commit = move |committed: Committed<()>| sender.send(committed.batch).unwrap();
        let config = journal::Config::new(data.join("journal"));
        let journal = journal::open(config, on_commit, |error| panic!("{error}")).unwrap();
        Self { folder, state, history, journal, commits: Mutex::new(commits) }
    }

    pub async fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap()).await
    }

    pub fn keys(&self) -> DayKeys {
        keys_at(self.folder.path())
    }

    /// Journals a report; where it stands.
    pub fn journal(&self, payload: Vec<u8>, at: UtcMs) -> Position {
        let body = Body::Report { inverter: INVERTER, payload };
        self.journal.append(Entry { received_at: at, body }, ());
        Position { batch: self.commits.lock().unwrap().recv().unwrap(), index: 0 }
    }

    /// Backs up to `name` beside the data folder.
    pub fn back_up(&self, name: &str, now: UtcMs) -> Result<Made, BackupError> {
        let data = self.folder.path().join("data");
        let backups = BackupKey::read_or_make(&self.folder.path().join("keys/backup.key"), fresh).unwrap();
        let days = self.keys();
        let keys = Keys { days: &days, backups: &backups, fresh };
        let (state, history, journal) =
            (data.join("state.sqlite"), data.join("history"), data.join("journal"));
        let folders = Folders { data: &data, state: &state, history: &history, journal: &journal };
        make(folders, keys, &self.folder.path().join(name), "test", now)
    }

    /// Copies the keys to `name`, as they are.
    pub fn copy_keys(&self, name: &str, now: UtcMs) {
        let copy = self.folder.path().join(name);
        self.keys().copy_to(&DayKeys::at(copy.join("days"), fresh), first_day(now)).unwrap();
        let key = self.folder.path().join("keys/backup.key");
        std::fs::create_dir_all(&copy).unwrap();
        if key.exists() {
            std::fs::copy(key, copy.join("backup.key")).unwrap();
        }
    }

    pub async fn sweep(&self, now: UtcMs) {
        self.history.seal_all().unwrap();
        self.history.merge_due(now).unwrap();
        self.history.sweep(now).unwrap();
        self.state.sweep(now).await.unwrap();
    }
}

fn keys_at(folder: &Path) -> DayKeys {
    DayKeys::at(folder.join("keys/days"), fresh)
}

/// Restores a backup with a copy of keys to a folder that is made for it.
pub fn restored(
    backup: &Path,
    copy: &Path,
    now: UtcMs,
    missing: Missing,
) -> Result<(tempfile::TempDir, Restored), BackupError> {
    let folder = tempfile::tempdir().unwrap();
    let backups = BackupKey::read(&copy.join("backup.key"))?;
    let there = DayKeys::at(copy.join("days"), fresh);
    let verified = verify(backup, (&there, &backups), now, missing)?;
    let keys = keys_at(folder.path());
    there.copy_to(&keys, first_day(now)).unwrap();
    let data = folder.path().join("data");
    let (state, history, journal) = (data.join("state.sqlite"), data.join("history"), data.join("journal"));
    std::fs::create_dir_all(&journal).unwrap();
    let folders = Folders { data: &data, state: &state, history: &history, journal: &journal };
    let done = restore(&verified, &keys, &backups, folders)?;
    Ok((folder, done))
}

/// A reading that says its number; without a boot, so that what is kept twice shows.
pub fn reading(number: u64, time: UtcMs, unknown: &str) -> StoredReading {
    let mut sample = Sample { unknown: vec![unknown.to_owned()], ..Sample::default() };
    sample.quantities.set(Quantity::BATTERY_VOLTAGE, i64::try_from(number).unwrap());
    StoredReading { time, sequence: Some(number), sample, ..StoredReading::default() }
}

/// A report of such a reading.
pub fn report(number: u64, time: UtcMs, unknown: &str) -> Vec<u8> {
    let sample = reading(number, time, unknown).sample;
    let reading = Reading {
        sequence: Some(number),
        time: Some(time),
        quality: Quality::Synchronised,
        sample,
        ..Reading::default()
    };
    let mut payload = Vec::new();
    wire::report::cbor::encode(&Report { readings: vec![reading], ..Report::default() }, &mut payload);
    payload
}

pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Files in which these bytes stand.
pub fn holding(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut files = files_below(folder);
    files.retain(|path| std::fs::read(path).unwrap().windows(bytes.len()).any(|window| window == bytes));
    files
}

//! Makes a backup.
//!
//! In: the folders, the keys, where it is to be. Out: a folder of sealed files and their list, there whole or not at all. The list is
//! written last: a folder without it is no backup. Never writes what it copies anywhere in clear.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fleet::dating::{Dated, Said, date};
use rusqlite::types::Value;
use wire::UtcMs;
use wire::time::HOUR_MS;

use super::dump::dump;
use super::error::{failed, io};
use super::freeze::{Frozen, freeze};
use super::manifest::Manifest;
use super::rows::{CHUNK, ENTRY, OPEN};
use super::sections::Sections;
use super::target::Target;
use super::{BackupError, Folders, Keys, MANIFEST, first_day};
use crate::Position;
use crate::day_keys::of_one_file;
use crate::journal::{Body, Entry, copying};

/// A backup that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Where it is.
    pub place: PathBuf,
    /// What it takes on the disk.
    pub bytes: u64,
    /// Days in it.
    pub days: usize,
    /// Entries of the journal in it.
    pub entries: usize,
    /// How long whoever writes to state or history had to wait.
    pub held: Duration,
}

/// A day that lapses while the backup is made would get a key anew.
const MARGIN_MS: i64 = HOUR_MS;

/// Makes a backup at `place`, which must not be there yet. `program`: its version.
///
/// # Errors
/// [`BackupError`]; nothing is left at `place` then.
pub fn make(
    folders: Folders<'_>,
    keys: Keys<'_>,
    place: &Path,
    program: &str,
    now: UtcMs,
) -> Result<Made, BackupError> {
    let apart = [folders.data, folders.history, folders.journal, keys.days.folder()];
    let target = Target::begin(place, &apart)?;
    let _alone = alone(folders.history)?;
    let salt = (keys.fresh)().ok_or(BackupError::Random)?;
    let first = first_day(now.plus_ms(MARGIN_MS));
    let frozen = freeze(folders, first)?;
    let (people, _) = of_one_file(&keys.backups.of_people(&salt))?;
    let mut sections = Sections::begin(target.folder(), keys.days, people, (first, now))?;
    let (entries, held) = (frozen.entries.len(), frozen.held);
    let mut manifest = Manifest {
        made: now,
        program: program.to_owned(),
        schema: schema(&frozen, folders)?,
        state: frozen.position,
        history: frozen.history.position,
        journal: frozen.last,
        salt,
        files: Vec::new(),
    };
    write(frozen, folders, &mut sections)?;
    manifest.files = sections.finish()?;
    let list = manifest.write(keys.backups);
    write_list(&target.folder().join(MANIFEST), &list)?;
    let files = manifest.files.iter();
    Ok(Made {
        place: target.finish()?,
        bytes: files.clone().map(|file| file.bytes).sum::<u64>() + list.len() as u64,
        days: files.len().saturating_sub(1),
        entries,
        held,
    })
}

/// What others may have to wait for is read first: the open chunks, then the state, then the days.
fn write(frozen: Frozen, folders: Folders<'_>, sections: &mut Sections<'_>) -> Result<(), BackupError> {
    let Frozen { state, mut history, entries, .. } = frozen;
    history.open::<BackupError>(|day, pieces| sections.day(day, OPEN, &[Value::Blob(pieces)]))?;
    for (position, entry) in &entries {
        let Position { batch, index } = *position;
        let place = [Value::Integer(batch.cast_signed()), Value::Integer(index.into())];
        let [batch, index] = place;
        let values = [batch, index, Value::Blob(copying::encode(entry))];
        sections.from(oldest(entry), ENTRY, &values)?;
    }
    drop(entries);
    dump(&state, folders, sections)?;
    drop(state);
    history.chunks::<BackupError>(|day, (key, batch, entry, content)| {
        let values =
            [Value::Integer(key), Value::Integer(batch), Value::Integer(entry), Value::Blob(content)];
        sections.day(day, CHUNK, &values)
    })
}

/// The oldest instant that an entry tells of. What is dropped on arrival, as it is older than thirty days, does not count.
fn oldest(entry: &Entry) -> UtcMs {
    let received_at = entry.received_at;
    let Body::Report { payload, .. } = &entry.body else { return received_at };
    let Ok(report) = wire::report::decode(payload) else { return received_at };
    let said = |time, quality, uptime_ms| Said { time, quality, uptime_ms, sent_uptime_ms: report.uptime_ms };
    let readings = report.readings.iter().map(|r| said(r.time, r.quality, r.uptime_ms));
    let events = report.events.iter().map(|e| said(e.time, wire::Quality::Aged, e.uptime_ms));
    let dated = readings.chain(events).filter_map(|said| match date(&said, received_at) {
        Dated::At { time, .. } => Some(time),
        Dated::TooOld => None,
    });
    dated.fold(received_at, UtcMs::min)
}

fn schema(frozen: &Frozen, folders: Folders<'_>) -> Result<String, BackupError> {
    let newest = "SELECT coalesce(max(version), '') FROM seaql_migrations";
    frozen.state.query_row(newest, (), |row| row.get(0)).map_err(failed("read", folders.state))
}

/// One at a time of one data folder: two would hold up the server twice.
fn alone(history: &Path) -> Result<Option<File>, BackupError> {
    if !history.exists() {
        return Ok(None);
    }
    let folder = File::open(history).map_err(io("open", history))?;
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(TryLockError::WouldBlock) => Err(BackupError::Busy(history.to_owned())),
        Err(TryLockError::Error(source)) => Err(io("lock", history)(source)),
    }
}

fn write_list(path: &Path, text: &str) -> Result<(), BackupError> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(io("write", path))
}

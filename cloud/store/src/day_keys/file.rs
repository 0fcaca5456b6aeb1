//! A day's key file: one record a key, appended, never changed, overwritten at its end.
//!
//! In and out: keys. A record is a random number that names the key (4 bytes, little-endian), the key (32 bytes) and the
//! CRC-32 of both (4 bytes, little-endian), so that an older copy may simply be appended. Several processes may append; the
//! file's lock keeps them apart. Durable, file and folder, before anything is sealed under a key.

use std::collections::HashMap;
use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use wire::UtcMs;
use zeroize::Zeroizing;

use super::DayKeyError;
use super::cipher::DayKey;

const KEY_BYTES: usize = 32;
const ID_BYTES: usize = 4;
const RECORD_BYTES: usize = ID_BYTES + KEY_BYTES + 4;
const RECORD: u64 = RECORD_BYTES as u64;
const CRC: crc::Crc<u32, crc::Table<16>> = crc::Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISO_HDLC);

/// The keys of a file; none where it does not exist. Half a record at its end was never used.
pub(super) fn read(path: &Path) -> Result<HashMap<u32, Arc<DayKey>>, DayKeyError> {
    match File::open(path) {
        Err(source) if source.kind() == ErrorKind::NotFound => Ok(HashMap::new()),
        file => records(&mut file.map_err(io("read", path))?, path),
    }
}

fn records(file: &mut File, path: &Path) -> Result<HashMap<u32, Arc<DayKey>>, DayKeyError> {
    let mut bytes = Zeroizing::new(Vec::new());
    file.read_to_end(&mut bytes).map_err(io("read", path))?;
    let (records, _torn) = bytes.as_chunks::<RECORD_BYTES>();
    let mut keys = HashMap::with_capacity(records.len());
    for (at, record) in records.iter().enumerate() {
        let damaged = || DayKeyError::Damaged { path: path.to_owned(), key: at + 1 };
        let (named, checksum) = record.split_first_chunk::<{ ID_BYTES + KEY_BYTES }>().ok_or_else(damaged)?;
        if CRC.checksum(named).to_le_bytes() != checksum {
            return Err(damaged());
        }
        let (id, secret) = named.split_first_chunk::<ID_BYTES>().ok_or_else(damaged)?;
        let secret = secret.first_chunk::<KEY_BYTES>().ok_or_else(damaged)?;
        keys.insert(u32::from_le_bytes(*id), Arc::new(DayKey::new(secret)?));
    }
    Ok(keys)
}

/// Adds a key, durable on return; makes folder and file where they are missing. The key's id: `wanted`, or the next that is
/// free; never 0.
pub(super) fn append(
    folder: &Path,
    path: &Path,
    secret: &[u8; KEY_BYTES],
    wanted: u32,
) -> Result<u32, DayKeyError> {
    make(folder)?;
    let failed = io("write to", path);
    let file = File::options().create(true).truncate(false).read(true).write(true).mode(0o600).open(path);
    let mut file = file.map_err(&failed)?;
    file.lock().map_err(&failed)?;
    let whole = file.metadata().map_err(&failed)?.len() / RECORD;
    file.set_len(whole * RECORD).map_err(&failed)?;
    let known = records(&mut file, path)?;
    let free =
        (0..=u32::MAX).map(|more| wanted.wrapping_add(more)).find(|id| *id != 0 && !known.contains_key(id));
    let id = free.ok_or(DayKeyError::Random)?;
    file.seek(SeekFrom::End(0)).map_err(&failed)?;
    let mut record = Zeroizing::new(Vec::with_capacity(RECORD_BYTES));
    record.extend_from_slice(&id.to_le_bytes());
    record.extend_from_slice(secret);
    let checksum = CRC.checksum(&record).to_le_bytes();
    record.extend_from_slice(&checksum);
    file.write_all(&record).map_err(&failed)?;
    file.sync_all().map_err(&failed)?;
    sync(folder)?;
    Ok(id)
}

/// Adds the keys of another file that this one lacks, durable on return; makes folder and file where they are missing. How many
/// were added.
pub(super) fn merge(from: &Path, folder: &Path, into: &Path) -> Result<usize, DayKeyError> {
    let theirs = Zeroizing::new(std::fs::read(from).map_err(io("read", from))?);
    // A damaged one is not spread.
    read(from)?;
    make(folder)?;
    let failed = io("write to", into);
    let file = File::options().create(true).truncate(false).read(true).write(true).mode(0o600).open(into);
    let mut file = file.map_err(&failed)?;
    file.lock().map_err(&failed)?;
    let whole = file.metadata().map_err(&failed)?.len() / RECORD;
    file.set_len(whole * RECORD).map_err(&failed)?;
    let known = records(&mut file, into)?;
    file.seek(SeekFrom::End(0)).map_err(&failed)?;
    let mut added = 0;
    for record in theirs.as_chunks::<RECORD_BYTES>().0 {
        let id = record.first_chunk::<ID_BYTES>().map(|id| u32::from_le_bytes(*id));
        if id.is_some_and(|id| !known.contains_key(&id)) {
            file.write_all(record).map_err(&failed)?;
            added += 1;
        }
    }
    file.sync_all().map_err(&failed)?;
    sync(folder)?;
    Ok(added)
}

/// Overwrites a file with zeros, then removes it. A disk that writes elsewhere than it is told keeps the old bytes until it
/// uses them again: that is why SECURITY.md wants the disk itself encrypted.
pub(super) fn destroy(path: &Path) -> Result<(), DayKeyError> {
    let failed = io("destroy", path);
    let mut file = File::options().write(true).open(path).map_err(&failed)?;
    let length = file.metadata().map_err(&failed)?.len();
    std::io::copy(&mut std::io::repeat(0).take(length), &mut file).map_err(&failed)?;
    file.sync_all().map_err(&failed)?;
    std::fs::remove_file(path).map_err(&failed)
}

/// The days that have files in a folder; none where it does not exist.
pub(super) fn days(folder: &Path) -> Result<Vec<i64>, DayKeyError> {
    let failed = io("list", folder);
    let files = match std::fs::read_dir(folder) {
        Err(source) if source.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        files => files.map_err(&failed)?,
    };
    let mut days = Vec::new();
    for file in files {
        let name = file.map_err(&failed)?.file_name();
        let date = name.to_str().and_then(|name| name.strip_suffix(".key"));
        let midnight = date.and_then(|date| UtcMs::parse_rfc3339(&format!("{date}T00:00:00Z")));
        days.extend(midnight.map(UtcMs::day));
    }
    Ok(days)
}

/// Makes a folder's entries durable.
pub(super) fn sync(folder: &Path) -> Result<(), DayKeyError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io("make durable", folder))
}

fn make(folder: &Path) -> Result<(), DayKeyError> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io("create", folder))?;
    folder.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(Ok(()), sync)
}

fn io<'a>(doing: &'static str, path: &'a Path) -> impl Fn(std::io::Error) -> DayKeyError + 'a {
    move |source| DayKeyError::Io { doing, path: path.to_owned(), source }
}

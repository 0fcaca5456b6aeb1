//! One file of a backup: rows in pieces, each sealed in its place.
//!
//! In: rows as bytes. Out: a file of which every byte but the head is sealed; and the rows again, one piece in memory at a time.
//! The head says under which key; pieces are numbered, and the last one says that it is, so that none can be taken away, moved or
//! brought from another file. Layout: magic (8 bytes), day, key and counter of the stamp (8, 4, 4), then each piece with its
//! length (4). Numbers are little-endian. A piece begins with 1 where it is the last, else 0; a row with its length (LEB128).

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;

use super::BackupError;
use super::error::{io, not_whole};
use crate::bytes::{Reader, write_prefixed};
use crate::day_keys::{DayKeyError, Opener, Place, Sealer, Stamp};

const MAGIC: &[u8; 8] = b"ICBACK\0\x01";
/// A piece is sealed once it has so many bytes.
const PIECE_BYTES: usize = 1 << 20;
/// Longer ones were not written: a row is a chunk of a day at most.
const MOST_BYTES: u32 = 1 << 30;
/// No column of a chunk has this number.
const COLUMN: u16 = u16::MAX;

/// A file as the manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
}

/// A file being written.
pub(super) struct Writer {
    file: BufWriter<File>,
    path: PathBuf,
    name: String,
    sealer: Sealer,
    digest: digest::Context,
    bytes: u64,
    piece: Vec<u8>,
    pieces: u64,
}

impl Writer {
    /// Makes a file for its owner alone.
    pub(super) fn create(folder: &Path, name: &str, sealer: Sealer) -> Result<Self, BackupError> {
        let path = folder.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let mut writer = Self {
            file: BufWriter::new(file.map_err(io("create", &path))?),
            path,
            name: name.to_owned(),
            digest: digest::Context::new(&digest::SHA256),
            bytes: 0,
            piece: vec![0],
            pieces: 0,
            sealer,
        };
        let stamp = writer.sealer.stamp();
        let head = [
            MAGIC.as_slice(),
            &stamp.day.to_le_bytes(),
            &stamp.key.to_le_bytes(),
            &stamp.counter.to_le_bytes(),
        ];
        writer.write(&head.concat())?;
        Ok(writer)
    }

    /// Adds a row.
    pub(super) fn row(&mut self, row: &[u8]) -> Result<(), BackupError> {
        write_prefixed(&mut self.piece, row);
        if self.piece.len() >= PIECE_BYTES { self.seal() } else { Ok(()) }
    }

    /// Writes the last piece; the file is durable on return.
    pub(super) fn finish(mut self) -> Result<Listed, BackupError> {
        if let Some(last) = self.piece.first_mut() {
            *last = 1;
        }
        self.seal()?;
        let failed = io("write to", &self.path);
        self.file.flush().map_err(&failed)?;
        self.file.get_ref().sync_all().map_err(&failed)?;
        let mut sha256 = [0; 32];
        for (to, from) in sha256.iter_mut().zip(self.digest.finish().as_ref()) {
            *to = *from;
        }
        Ok(Listed { name: self.name, bytes: self.bytes, sha256 })
    }

    fn seal(&mut self) -> Result<(), BackupError> {
        let mut sealed = Vec::with_capacity(self.piece.len() + 32);
        let place = Place { chunk: self.pieces, column: COLUMN };
        self.sealer.seal(place, &self.piece, &mut sealed)?;
        let length = u32::try_from(sealed.len()).map_err(|_| DayKeyError::Cipher)?;
        self.write(&length.to_le_bytes())?;
        self.write(&sealed)?;
        self.pieces += 1;
        self.piece.clear();
        self.piece.push(0);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes).map_err(io("write to", &self.path))
    }
}

/// Under which key a file is sealed.
pub(super) fn stamp(path: &Path) -> Result<Stamp, BackupError> {
    let mut file = File::open(path).map_err(io("open", path))?;
    head(&mut file, path)
}

fn head(file: &mut impl Read, path: &Path) -> Result<Stamp, BackupError> {
    let cut = |_| not_whole(path, "its head is cut off");
    let mut magic = [0; 8];
    file.read_exact(&mut magic).map_err(cut)?;
    if &magic != MAGIC {
        return Err(not_whole(path, "it is not a file of a backup"));
    }
    let (mut day, mut key, mut counter) = ([0; 8], [0; 4], [0; 4]);
    for part in [day.as_mut_slice(), &mut key, &mut counter] {
        file.read_exact(part).map_err(cut)?;
    }
    Ok(Stamp {
        day: i64::from_le_bytes(day),
        key: u32::from_le_bytes(key),
        counter: u32::from_le_bytes(counter),
    })
}

/// Calls `each` with every row of a file.
pub(super) fn read(
    path: &Path,
    opener: &Opener,
    mut each: impl FnMut(&[u8]) -> Result<(), BackupError>,
) -> Result<(), BackupError> {
    let mut file = BufReader::new(File::open(path).map_err(io("open", path))?);
    head(&mut file, path)?;
    let mut sealed = Vec::new();
    for number in 0.. {
        let mut length = [0; 4];
        file.read_exact(&mut length).map_err(|_| not_whole(path, "its end is missing"))?;
        let length = u32::from_le_bytes(length);
        sealed.clear();
        let taken = if length <= MOST_BYTES {
            file.by_ref().take(length.into()).read_to_end(&mut sealed).map_err(io("read", path))?
        } else {
            0
        };
        if u64::try_from(taken).is_ok_and(|taken| taken != u64::from(length)) {
            return Err(not_whole(path, "its end is missing"));
        }
        let piece = opener.open(Place { chunk: number, column: COLUMN }, &sealed);
        let piece = piece.ok_or_else(|| not_whole(path, format!("piece {number} does not open")))?;
        let mut reader = Reader::new(&piece);
        let last = reader.byte() == Some(1);
        while !reader.is_empty() {
            each(reader.prefixed().ok_or_else(|| not_whole(path, format!("piece {number} is malformed")))?)?;
        }
        if last {
            let rest = file.read(&mut [0]).map_err(io("read", path))?;
            return if rest == 0 { Ok(()) } else { Err(not_whole(path, "something follows its end")) };
        }
    }
    Ok(())
}

/// The SHA-256 of a file.
pub(super) fn sha256(path: &Path) -> Result<[u8; 32], BackupError> {
    let mut file = File::open(path).map_err(io("open", path))?;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = file.read(&mut buffer).map_err(io("read", path))?;
        if count == 0 {
            break;
        }
        context.update(buffer.get(..count).unwrap_or_default());
    }
    let mut sha256 = [0; 32];
    for (to, from) in sha256.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    Ok(sha256)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day_keys::of_one_file;

    fn rows(path: &Path, key: u8) -> Result<Vec<Vec<u8>>, BackupError> {
        let mut all = Vec::new();
        read(path, &of_one_file(&[key; 32]).unwrap().1, |row| {
            all.push(row.to_vec());
            Ok(())
        })?;
        Ok(all)
    }

    /// ASVS 5.0: 11.3.3.
    #[test]
    fn rows_come_back_and_no_changed_moved_or_missing_piece_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sealed");
        let given: Vec<Vec<u8>> = (0..40_u8).map(|number| vec![number; 100_000]).collect();
        let mut writer = Writer::create(folder.path(), "a.sealed", of_one_file(&[3; 32]).unwrap().0).unwrap();
        given.iter().for_each(|row| writer.row(row).unwrap());
        let listed = writer.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!((listed.bytes, listed.sha256), (bytes.len() as u64, sha256(&path).unwrap()));
        assert_eq!(rows(&path, 3).unwrap(), given);
        assert!(rows(&path, 4).unwrap_err().to_string().contains("does not open"));
        let check = |changed: &[u8], expect: &str| {
            std::fs::write(&path, changed).unwrap();
            let error = rows(&path, 3).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        for at in [0, 9, 17, 21, 30, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 0x40;
            std::fs::write(&path, &changed).unwrap();
            // The stamp in the head is part of what each piece is sealed with, where the opener is made from it.
            assert!(rows(&path, 3).is_err() || (8..24).contains(&at), "byte {at}");
        }
        check(&bytes[..bytes.len() - 1], "its end is missing");
        check(&bytes[..24], "its end is missing");
        check(&bytes[..10], "head");
        check(&[&bytes[..], &[0]].concat(), "follows its end");
        // The first piece taken out.
        let first = 28 + u32::from_le_bytes(bytes[24..28].try_into().unwrap()) as usize;
        check(&[&bytes[..24], &bytes[first..]].concat(), "piece 0 does not open");
    }
}

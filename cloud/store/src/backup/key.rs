//! The key of backups: what is not telemetry is sealed under it, and the list of files is signed with it.
//!
//! In: a file of 64 hexadecimal digits, for its owner alone. Out: a key for one backup's file, another for its list, both made
//! of it and of the backup's own random bits, so that none seals twice. Never printed.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::BackupError;
use super::error::io;
use crate::day_keys::Fresh;

/// The key.
pub struct BackupKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for BackupKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BackupKey")
    }
}

/// Random bits of one backup.
pub(super) type Salt = [u8; 32];

impl BackupKey {
    /// Reads a key.
    ///
    /// # Errors
    /// [`BackupError::NoKey`], [`BackupError::NotAKey`], [`BackupError::Io`].
    pub fn read(path: &Path) -> Result<Self, BackupError> {
        let text = match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(BackupError::NoKey(path.to_owned()));
            }
            text => Zeroizing::new(text.map_err(io("read", path))?),
        };
        let key = std::str::from_utf8(&text).ok().and_then(|text| from_hexadecimal(text.trim()));
        key.map(|key| Self(Zeroizing::new(key))).ok_or_else(|| BackupError::NotAKey(path.to_owned()))
    }

    /// Reads a key; made, durable on return, where there is none.
    ///
    /// # Errors
    /// As [`BackupKey::read`]; [`BackupError::Random`].
    pub fn read_or_make(path: &Path, fresh: Fresh) -> Result<Self, BackupError> {
        match Self::read(path) {
            Err(BackupError::NoKey(_)) => {}
            read => return read,
        }
        let key = Zeroizing::new(fresh().ok_or(BackupError::Random)?);
        let text = Zeroizing::new(hexadecimal(&*key) + "\n");
        write_new(path, text.as_bytes())?;
        // Of two that make one at once, the first one's stands.
        Self::read(path)
    }

    /// What seals the one file of a backup that is not a day's.
    pub(super) fn of_people(&self, salt: &Salt) -> Zeroizing<[u8; 32]> {
        let tag = self.of("people", salt);
        let mut key = Zeroizing::new([0; 32]);
        for (to, from) in key.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        key
    }

    /// What the list of files is signed with.
    pub(super) fn of_manifest(&self, salt: &Salt) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.of("manifest", salt).as_ref())
    }

    fn of(&self, purpose: &str, salt: &Salt) -> hmac::Tag {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.0);
        hmac::sign(&key, &[b"inverter-connect backup 1 ", purpose.as_bytes(), b" ", salt.as_slice()].concat())
    }
}

/// Writes a file for its owner alone, whole or not at all; one that is there stays.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let failed = io("make", path);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(&failed)?;
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let options =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside);
    let mut file = options.map_err(&failed)?;
    let linked = file.write_all(bytes).and_then(|()| file.sync_all());
    let linked = linked.and_then(|()| match std::fs::hard_link(&beside, path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    });
    std::fs::remove_file(&beside).map_err(&failed)?;
    linked.map_err(&failed)?;
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(&failed)
}

/// Bytes as lower-case digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 32 bytes from 64 digits, of either case.
pub(super) fn from_hexadecimal(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_made_once_for_its_owner_and_what_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/backup.key");
        assert!(matches!(BackupKey::read(&path), Err(BackupError::NoKey(_))));
        assert!(matches!(BackupKey::read_or_make(&path, || None), Err(BackupError::Random)));
        let made = BackupKey::read_or_make(&path, || Some([7; 32])).unwrap();
        let again = BackupKey::read_or_make(&path, || Some([8; 32])).unwrap();
        assert_eq!(made.0, again.0);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
        let (one, other) = ([1; 32], [2; 32]);
        assert_ne!(made.of_people(&one), made.of_people(&other));
        assert_ne!(made.of("people", &one).as_ref(), made.of("manifest", &one).as_ref());
        assert_eq!(format!("{made:?}"), "BackupKey");
        std::fs::write(&path, "0".repeat(63)).unwrap();
        assert!(matches!(BackupKey::read(&path), Err(BackupError::NotAKey(_))));
    }
}

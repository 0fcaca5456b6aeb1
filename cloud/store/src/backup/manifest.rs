//! The list of a backup's files, and where its stores stood.
//!
//! In and out: text, one fact a line, the last line a signature of those before it under a key that is made of the key of backups. It
//! is read strictly: what this program would not have written is refused. Names are of two kinds, and none leads anywhere else.

use std::fmt::Write;
use std::path::Path;

use aws_lc_rs::hmac;
use wire::UtcMs;

use super::error::not_whole;
use super::key::{BackupKey, Salt, from_hexadecimal, hexadecimal};
use super::sealed::Listed;
use super::{BackupError, PEOPLE, day_of_name};
use crate::Position;

/// What this program writes and reads.
const FORMAT: u32 = 1;
const FIRST_WORDS: &str = "inverter-connect backup, format ";

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) made: UtcMs,
    /// The program that made it.
    pub(super) program: String,
    /// The newest change of the state store's schema.
    pub(super) schema: String,
    /// Where the state's snapshots stood.
    pub(super) state: Position,
    /// Up to where history had readings.
    pub(super) history: Position,
    /// The last batch of the journal.
    pub(super) journal: u64,
    pub(super) salt: Salt,
    pub(super) files: Vec<Listed>,
}

impl Manifest {
    pub(super) fn write(&self, key: &BackupKey) -> String {
        let mut text = format!("{FIRST_WORDS}{FORMAT}\n");
        let position = |position: Position| format!("{} {}", position.batch, position.index);
        let facts = [
            ("made", self.made.0.to_string()),
            ("program", self.program.clone()),
            ("schema", self.schema.clone()),
            ("state", position(self.state)),
            ("history", position(self.history)),
            ("journal", self.journal.to_string()),
            ("salt", hexadecimal(&self.salt)),
        ];
        let files = self
            .files
            .iter()
            .map(|file| ("file", format!("{} {} {}", file.name, file.bytes, hexadecimal(&file.sha256))));
        for (name, value) in facts.into_iter().chain(files) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name} {value}");
        }
        let signature = hmac::sign(&key.of_manifest(&self.salt), text.as_bytes());
        let _ = writeln!(text, "signed {}", hexadecimal(signature.as_ref()));
        text
    }

    /// Reads what [`Manifest::write`] wrote. `path` is for errors.
    pub(super) fn read(text: &str, key: &BackupKey, path: &Path) -> Result<Self, BackupError> {
        let version = |what: String| BackupError::Version { path: path.to_owned(), what };
        let first = text.lines().next().unwrap_or_default();
        let format = first.strip_prefix(FIRST_WORDS);
        let format = format.ok_or_else(|| not_whole(path, "it does not begin like the list of a backup"))?;
        if format != FORMAT.to_string() {
            return Err(version(format!("format {format}; this program reads format {FORMAT}")));
        }
        let (signed, signature) = text
            .strip_suffix('\n')
            .and_then(|text| text.rsplit_once("\nsigned "))
            .ok_or_else(|| not_whole(path, "its end is missing"))?;
        let signed = format!("{signed}\n");
        let manifest = Self::facts(&signed).ok_or_else(|| not_whole(path, "it is malformed"))?;
        let signature = from_hexadecimal(signature).ok_or_else(|| not_whole(path, "its end is malformed"))?;
        hmac::verify(&key.of_manifest(&manifest.salt), signed.as_bytes(), &signature)
            .map_err(|_| BackupError::Foreign(path.to_owned()))?;
        Ok(manifest)
    }

    fn facts(text: &str) -> Option<Self> {
        let mut lines = text.lines().skip(1);
        let mut fact = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        Some(Self {
            made: UtcMs(fact("made")?.parse().ok()?),
            program: fact("program")?.to_owned(),
            schema: fact("schema")?.to_owned(),
            state: position(fact("state")?)?,
            history: position(fact("history")?)?,
            journal: fact("journal")?.parse().ok()?,
            salt: from_hexadecimal(fact("salt")?)?,
            files: lines.map(listed).collect::<Option<_>>()?,
        })
    }
}

fn position(text: &str) -> Option<Position> {
    let (batch, index) = text.split_once(' ')?;
    Some(Position { batch: batch.parse().ok()?, index: index.parse().ok()? })
}

fn listed(line: &str) -> Option<Listed> {
    let mut words = line.strip_prefix("file ")?.split(' ');
    let mut next = || words.next();
    let (name, bytes, sha256) = (next()?, next()?, next()?);
    let known = name == PEOPLE || day_of_name(name).is_some();
    let listed =
        Listed { name: name.to_owned(), bytes: bytes.parse().ok()?, sha256: from_hexadecimal(sha256)? };
    (known && next().is_none()).then_some(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> (tempfile::TempDir, BackupKey) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), hexadecimal(&[byte; 32])).unwrap();
        let key = BackupKey::read(&folder.path().join("key")).unwrap();
        (folder, key)
    }

    fn example() -> Manifest {
        let file = |name: &str| Listed { name: name.into(), bytes: 7, sha256: [9; 32] };
        Manifest {
            made: UtcMs(1_767_225_600_000),
            program: "0.1.0".into(),
            schema: "m0001_first".into(),
            state: Position { batch: 7, index: 1 },
            history: Position { batch: 7, index: 3 },
            journal: 9,
            salt: [5; 32],
            files: vec![file(PEOPLE), file("2026-01-01.sealed")],
        }
    }

    /// ASVS 5.0: 11.3.3.
    #[test]
    fn it_comes_back_and_no_changed_byte_or_other_key_does() {
        let (_folder, own) = key(1);
        let text = example().write(&own);
        let read = |text: &str, key: &BackupKey| Manifest::read(text, key, Path::new("b/manifest"));
        assert_eq!(read(&text, &own).unwrap(), example());
        assert!(matches!(read(&text, &key(2).1), Err(BackupError::Foreign(_))));
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(read(&changed, &own).is_err(), "byte {at}");
            assert!(read(&text[..at], &own).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn names_that_lead_elsewhere_and_other_formats_are_refused_even_when_they_are_signed() {
        let (_folder, own) = key(1);
        let check = |name: &str| {
            let mut manifest = example();
            manifest.files[1].name = name.into();
            let error = Manifest::read(&manifest.write(&own), &own, Path::new("b/manifest")).unwrap_err();
            assert!(error.to_string().contains("malformed"), "{name}: {error}");
        };
        for name in
            ["../2026-01-01.sealed", "/etc/passwd", "a/2026-01-01.sealed", "2026-1-1.sealed", "", "x.sealed"]
        {
            check(name);
        }
        let (_folder, own) = key(1);
        for format in ["0", "2", "10", ""] {
            let text = example().write(&own).replacen("format 1", &format!("format {format}"), 1);
            let error = Manifest::read(&text, &own, Path::new("b")).unwrap_err().to_string();
            assert!(error.contains("another version") && error.contains("format 1"), "{error}");
        }
    }
}

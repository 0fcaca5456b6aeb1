//! Mails into a folder (maildir: `tmp`, `new`, `cur`), for development and the demo.
//!
//! In: letters. Out: one file each in `new/`, whole or not there, named by when it was written and its Message-ID: the
//! same mail twice is one file. Readable by its owner alone, because mails hold links that let in.

use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{Letter, NotSent, SinkError};

const PARTS: [&str; 3] = ["tmp", "new", "cur"];

/// The folder.
#[derive(Clone, Debug)]
pub struct Maildir {
    folder: PathBuf,
}

impl Maildir {
    /// Makes the folder where it is missing.
    ///
    /// # Errors
    /// [`SinkError::Folder`].
    pub fn open(folder: &Path) -> Result<Self, SinkError> {
        for name in PARTS {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(folder.join(name));
            made.map_err(|source| SinkError::Folder { folder: folder.to_owned(), source })?;
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// Keeps a letter; the answer names the file.
    ///
    /// # Errors
    /// [`NotSent::NoWay`].
    pub async fn keep(&self, letter: &Letter) -> Result<String, NotSent> {
        let (folder, letter) = (self.folder.clone(), letter.clone());
        let name = format!("{}.{}.inverter-connect", letter.written_ms, letter.id);
        let answer = format!("kept as {name}");
        let kept = tokio::task::spawn_blocking(move || write(&folder, &name, &letter.bytes)).await;
        kept.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|error| NotSent::NoWay {
            what: format!("cannot write to the folder {}: {error}", self.folder.display()),
            what_to_do: "Make room or rights there, or name another folder under `mail.maildir`",
        })?;
        Ok(answer)
    }
}

/// Deletes mails that were written before `before`, in milliseconds since 1970, as their names say. How many.
///
/// # Errors
/// The folder or a file of it cannot be used.
pub fn sweep(folder: &Path, before: i64) -> io::Result<usize> {
    let mut deleted = 0;
    for part in PARTS {
        for file in std::fs::read_dir(folder.join(part))? {
            let file = file?;
            let name = file.file_name();
            let written = name.to_str().and_then(|name| name.split('.').next()?.parse::<i64>().ok());
            if written.is_some_and(|written| written < before) {
                std::fs::remove_file(file.path())?;
                deleted += 1;
            }
        }
    }
    Ok(deleted)
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let (part, whole) = (folder.join("tmp").join(name), folder.join("new").join(name));
    let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&part, &whole)?;
    File::open(folder.join("new"))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_are_swept_by_when_they_were_written_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        Maildir::open(folder.path()).unwrap();
        for name in
            ["new/100.a.inverter-connect", "cur/199.b.inverter-connect:2,S", "new/200.c.x", "tmp/notes"]
        {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(sweep(folder.path(), 200).unwrap(), 2);
        assert!(folder.path().join("new/200.c.x").exists() && folder.path().join("tmp/notes").exists());
    }
}

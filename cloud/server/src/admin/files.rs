//! Writes what `admin` makes: certificates for all to read, keys for the owner alone.
//!
//! In: a path and text. Out: a new file. Never overwrites: a lost key cannot be had again.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, bail};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readable {
    /// Everyone: certificates.
    ByAll,
    /// Its owner: private keys.
    ByOwner,
}

/// Writes a new file, its folder made if missing.
///
/// # Errors
/// It exists, or cannot be written.
pub fn write_new(path: &Path, text: &str, readable: Readable) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let mode = if readable == Readable::ByOwner { 0o600 } else { 0o644 };
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!(
                "{} exists already and is not overwritten. Move it away first if it is to be replaced",
                path.display()
            )
        }
        Err(error) => return Err(error).with_context(|| format!("cannot write {}", path.display())),
    };
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Reads a file that an earlier step made.
///
/// # Errors
/// It cannot be read; `hint` says what makes it.
pub fn read(path: &Path, hint: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}. {hint}", path.display()))
}

//! A report against its check.
//!
//! In: a file, its signed line: its own last line, the one beside it, or the one that was named. Out: whether its bytes are those that were
//! signed. The file itself is only hashed, never read as what it is.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use aws_lc_rs::digest;
use fleet::logbook::{Check, Fingerprint, Hash, MOST_LINE, open, without_trailer};

use super::words::{self, plain};
use super::{open as open_file, reading};

/// Looks at a report.
///
/// # Errors
/// There is no check of it, or it cannot be read.
pub(super) fn look(
    file: &Path,
    named: Option<&Path>,
    trusted: &[Fingerprint],
) -> anyhow::Result<(bool, String)> {
    let mut report = open_file(file)?;
    let (trailer, line) = match named {
        Some(check) => (0, beside(check)?.with_context(|| reading(check))?),
        None => found(&mut report, file)?,
    };
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    let opened = match open(line) {
        Ok(opened) => opened,
        Err(flaw) => return Ok((false, format!("NOT as it was signed: the check of the report {flaw}.\n"))),
    };
    let Ok(Some(check)) = opened.says::<Check>() else {
        return Ok((false, "NOT as it was signed: the check is not one of a file.\n".to_owned()));
    };
    let key = opened.key.fingerprint();
    if !trusted.is_empty() && !trusted.contains(&key) {
        return Ok((false, format!("NOT as it was signed: the check is signed by another key, {key}.\n")));
    }
    let (bytes, sha256) = hash(&mut report, trailer).with_context(|| reading(file))?;
    if (bytes, sha256) != (check.bytes, check.sha256) {
        let length = if bytes == check.bytes {
            String::new()
        } else {
            format!(" It has {bytes} bytes and had {}.", check.bytes)
        };
        return Ok((false, format!("NOT as it was signed: the report was changed.{length}\n")));
    }
    let mut said = words::heading(trusted);
    let _ = writeln!(
        said,
        "The report is as it was signed: {bytes} bytes, made {} as {}.",
        check.made_at,
        plain(&check.name)
    );
    said.push_str(&words::signed_by(key, trusted));
    Ok((true, said))
}

/// The report's own last line, or the file beside it; and how many of its last bytes are its check.
fn found(report: &mut File, file: &Path) -> anyhow::Result<(u64, Vec<u8>)> {
    let length = report.metadata().with_context(|| reading(file))?.len();
    let most = MOST_LINE as u64 + 3;
    let mut end = Vec::new();
    report.seek(SeekFrom::Start(length.saturating_sub(most))).with_context(|| reading(file))?;
    report.take(most).read_to_end(&mut end).with_context(|| reading(file))?;
    if let Some((trailer, line)) = without_trailer(&end) {
        return Ok((trailer as u64, line.to_vec()));
    }
    let mut place = file.as_os_str().to_owned();
    place.push(".check");
    let place = PathBuf::from(place);
    match beside(&place)? {
        Some(line) => Ok((0, line)),
        None => bail!(
            "{} is no logbook, and there is no check of it: neither in its last line nor in {}",
            file.display(),
            place.display()
        ),
    }
}

/// A file of one line; none where there is no such file.
fn beside(place: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let file = match File::open(place) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file.with_context(|| reading(place))?,
    };
    let mut line = Vec::new();
    // One byte more than a line may have, so that a longer one is refused.
    file.take(MOST_LINE as u64 + 2).read_to_end(&mut line).with_context(|| reading(place))?;
    Ok(Some(line))
}

/// Length and SHA-256 of all but the last `trailer` bytes.
fn hash(report: &mut File, trailer: u64) -> std::io::Result<(u64, Hash)> {
    let length = report.seek(SeekFrom::End(0))?.saturating_sub(trailer);
    report.seek(SeekFrom::Start(0))?;
    let mut context = digest::Context::new(&digest::SHA256);
    let (mut read, mut part) = (0_u64, vec![0; 64 * 1024]);
    while read < length {
        let most = usize::try_from(length - read).unwrap_or(usize::MAX).min(part.len());
        let Some(room) = part.get_mut(..most) else { break };
        let got = report.read(room)?;
        if got == 0 {
            break;
        }
        context.update(room.get(..got).unwrap_or_default());
        read += got as u64;
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    Ok((read, Hash(hash)))
}

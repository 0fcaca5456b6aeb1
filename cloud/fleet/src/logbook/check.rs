//! The check of a report: one signed line that names a file's bytes by their SHA-256.
//!
//! In: a file's length and hash. Out: a line, which lies beside the file under its name and `.check`, or is the last line of a PDF, where
//! a comment may stand. Never reads a file.

use serde::{Deserialize, Serialize};
use wire::UtcMs;

use super::hex::Hash;
use super::key::{Signer, Unsigned};
use super::line::{MOST_LINE, Statement, seal};
use super::told::time;

/// A file that is what it was when it was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What the file was called.
    pub name: String,
    /// How many bytes it has; in a PDF, those before the line.
    pub bytes: u64,
    /// Their SHA-256.
    pub sha256: Hash,
    /// When it was made.
    #[serde(with = "time")]
    pub made_at: UtcMs,
}

impl Statement for Check {
    const KIND: &'static str = "file";
}

impl Check {
    /// The line for a file, without a line feed.
    ///
    /// # Errors
    /// [`Unsigned`].
    pub fn line(name: &str, bytes: &[u8], made_at: UtcMs, signer: &Signer) -> Result<String, Unsigned> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        seal(&Self { name: name.to_owned(), bytes: length, sha256: Hash::of(bytes), made_at }, signer)
    }
}

/// What the last line of a PDF begins with, where it is a check.
const COMMENT: &[u8] = b"%{\"logbook\":";

/// A PDF with its check as its last line, which is a comment to whoever shows it.
///
/// # Errors
/// [`Unsigned`].
pub fn with_trailer(
    mut pdf: Vec<u8>,
    name: &str,
    made_at: UtcMs,
    signer: &Signer,
) -> Result<Vec<u8>, Unsigned> {
    if !pdf.ends_with(b"\n") {
        pdf.push(b'\n');
    }
    let line = Check::line(name, &pdf, made_at, signer)?;
    pdf.push(b'%');
    pdf.extend_from_slice(line.as_bytes());
    pdf.push(b'\n');
    Ok(pdf)
}

/// How many of a file's last bytes are its check, and the line; `end`: the end of the file, a few kilobytes of it or all.
#[must_use]
pub fn without_trailer(end: &[u8]) -> Option<(usize, &[u8])> {
    let text = end.strip_suffix(b"\n")?;
    let start = text.iter().rposition(|byte| *byte == b'\n')? + 1;
    let last = text.get(start..)?;
    let line = last.starts_with(COMMENT).then(|| last.get(1..)).flatten()?;
    (line.len() <= MOST_LINE).then_some((end.len() - start, line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logbook::open;

    #[test]
    fn a_pdf_carries_its_check_and_other_files_have_theirs_beside() {
        let signer = Signer::from_seed(&[3; 32]).unwrap();
        let at = UtcMs(1_800_000_000_000);
        for pdf in [b"%PDF-1.7\nall of it\n%%EOF".to_vec(), b"%PDF-1.7\n%%EOF\n".to_vec()] {
            let with = with_trailer(pdf, "may.pdf", at, &signer).unwrap();
            let (trailer, line) = without_trailer(&with).unwrap();
            let check: Check = open(line).unwrap().says().unwrap().unwrap();
            let covered = &with[..with.len() - trailer];
            assert!(covered.ends_with(b"%%EOF\n"));
            assert_eq!((check.bytes, check.sha256), (covered.len() as u64, Hash::of(covered)));
            assert_eq!((check.name.as_str(), check.made_at), ("may.pdf", at));
            assert!(with.len() - covered.len() < 1_000, "readers look for %%EOF in the last kilobyte");
        }
        assert_eq!(without_trailer(b"a,b\r\n1,2\r\n"), None);
        assert_eq!(without_trailer(b""), None);
    }
}

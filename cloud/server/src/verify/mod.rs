//! `inverter-connect verify FILE`: is this logbook, entry or report what was signed?
//!
//! In: a file from anywhere, keys that the reader trusts. Out: in words what holds and what does not; exit code 0 where it holds and a key that
//! was named signed it, 1 where it does not, 2 where that could not be told, 3 where it agrees with itself and no key was named: anybody
//! can make a key and sign a file of his own with it. Needs no configuration, no data folder and no network; reads a file of any length in bounded
//! memory, and nothing of a line before its signature held.

mod keys;
mod lines;
mod report;
mod words;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use fleet::logbook::{Fingerprint, Verdict, Verifier};

/// What to verify.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A logbook, one of its entries, or a report.
    file: PathBuf,
    /// The key that must have signed: its fingerprint, or a file with the public key (PEM) or the fingerprint. Several times where a
    /// key was replaced. Without it nobody is proven to have signed: only whether the file agrees with itself is told, by exit code 3.
    #[arg(long, value_name = "FILE|FINGERPRINT")]
    key: Vec<String>,
    /// The signed line of a report, where it is not the report's last line and does not lie beside it as FILE.check.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
}

/// It holds.
const HOLDS: u8 = 0;
/// It does not hold.
const BROKEN: u8 = 1;
/// That could not be told.
const UNKNOWN: u8 = 2;
/// It agrees with itself, and nobody is proven to have signed it: no key was named.
const UNPROVEN: u8 = 3;

/// Verifies, and says in words what came of it.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    match look(arguments) {
        Ok((holds, words)) => {
            print!("{words}");
            ExitCode::from(match (holds, arguments.key.is_empty()) {
                (false, _) => BROKEN,
                (true, true) => UNPROVEN,
                (true, false) => HOLDS,
            })
        }
        Err(error) => {
            eprintln!("inverter-connect: {error:#}. Whether it holds could not be told");
            ExitCode::from(UNKNOWN)
        }
    }
}

fn look(arguments: &Arguments) -> anyhow::Result<(bool, String)> {
    let trusted = keys::trusted(&arguments.key)?;
    let file = &arguments.file;
    if arguments.check.is_none() && is_book(file)? {
        let verdict = book(file, trusted.clone())?;
        return Ok((verdict.holds(), words::book(&verdict, &trusted)));
    }
    report::look(file, arguments.check.as_deref(), &trusted)
}

/// Whether a file is one of signed lines: it begins as they do. The check of a report is one, too, and is asked for with its report.
fn is_book(file: &Path) -> anyhow::Result<bool> {
    const BEGINS: &[u8] = br#"{"logbook":"#;
    const CHECK: &[u8] = br#"{"logbook":1,"kind":"file""#;
    let mut start = Vec::new();
    open(file)?.take(CHECK.len() as u64).read_to_end(&mut start).with_context(|| reading(file))?;
    if start.starts_with(CHECK) {
        bail!(
            "{} is the check of a report; give the report, and the check will be found beside it",
            file.display()
        );
    }
    Ok(start.starts_with(BEGINS))
}

fn book(file: &Path, trusted: Vec<Fingerprint>) -> anyhow::Result<Verdict> {
    let mut verifier = Verifier::new(trusted);
    let mut lines = lines::Lines::of(BufReader::new(open(file)?));
    while let Some(line) = lines.next_line().with_context(|| reading(file))? {
        match line {
            Some(line) => verifier.line(line),
            None => verifier.overlong(),
        }
    }
    Ok(verifier.finish())
}

fn open(file: &Path) -> anyhow::Result<File> {
    let opened = File::open(file).with_context(|| reading(file))?;
    if opened.metadata().with_context(|| reading(file))?.is_dir() {
        bail!("{} is a folder", file.display());
    }
    Ok(opened)
}

fn reading(file: &Path) -> String {
    format!("cannot read {}", file.display())
}

//! What is wrong with a file, one sentence each.
//!
//! In: where and what. Out: words for whoever checks it.

use super::key::Fingerprint;
use super::line::Flaw;

/// One thing that is wrong. Lines and entries are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// A line is not what was signed, or no line at all.
    #[error("line {line} {flaw}{}", by_place(*.entry))]
    Line {
        /// Which line.
        line: u64,
        /// The entry that should stand there.
        entry: Option<u64>,
        /// What is wrong.
        flaw: Flaw,
    },
    /// A line is signed by a key that was not named.
    #[error("line {line} is signed by another key: {key}")]
    Foreign {
        /// Which line.
        line: u64,
        /// Whose.
        key: Fingerprint,
    },
    /// A line belongs to another logbook.
    #[error("line {line} is of another logbook")]
    OtherBook {
        /// Which line.
        line: u64,
    },
    /// A line stands where it does not belong.
    #[error("line {line} does not belong there: {why}")]
    Misplaced {
        /// Which line.
        line: u64,
        /// Why not.
        why: &'static str,
    },
    /// Entries that are not there.
    #[error("{}", missing(*.from, *.to))]
    Missing {
        /// The first of them.
        from: u64,
        /// The last of them.
        to: u64,
    },
    /// An entry stands after a later one.
    #[error("entry {number} stands after entry {after}")]
    Order {
        /// Which.
        number: u64,
        /// The later one.
        after: u64,
    },
    /// An entry is there more than once.
    #[error("entry {number} is there more than once (line {line})")]
    Twice {
        /// Which.
        number: u64,
        /// The second time.
        line: u64,
    },
    /// An entry does not hold the hash of the one before it.
    #[error(
        "entry {number} does not follow what stands before it: that is another entry than was written then"
    )]
    Chain {
        /// Which.
        number: u64,
    },
    /// The file has no opening line.
    #[error("the beginning is missing: there is no opening line")]
    NoOpening,
    /// The file has no closing line.
    #[error("the end is missing: there is no closing line, so entries after {last} may have been there")]
    NoClosing {
        /// The last entry that is there.
        last: u64,
    },
    /// The closing line tells of another last entry.
    #[error("the closing line is of another last entry than is there")]
    OtherEnd,
    /// There is nothing.
    #[error("the file is empty")]
    Empty,
}

fn by_place(entry: Option<u64>) -> String {
    entry.map(|number| format!(" (by its place, entry {number})")).unwrap_or_default()
}

fn missing(from: u64, to: u64) -> String {
    if from == to {
        format!("entry {from} is missing")
    } else {
        format!("entries {from} to {to} are missing")
    }
}

//! Whether a file of lines is what was written, line by line.
//!
//! In: lines from anywhere, in their order; keys that the caller trusts, or none. Out: a [`Verdict`] with what is wrong, each thing once and
//! by its place. Keeps no line: a file may be longer than memory. Without a trusted key a file can only be found to agree with itself.

use super::book::{Checkpoint, Closing, Opening};
use super::entry::Entry;
use super::finding::Finding;
use super::hex::Hash;
use super::key::{Fingerprint, PublicKey};
use super::line::{Flaw, Opened, open};

/// Most findings that are kept; the rest is counted.
const MOST_FINDINGS: usize = 100;
/// Most keys that are told apart.
const MOST_KEYS: usize = 16;

/// Checks one file.
#[derive(Debug, Default)]
pub struct Verifier {
    trusted: Vec<Fingerprint>,
    lines: u64,
    opening: Option<Opening>,
    checkpoint: Option<Checkpoint>,
    closing: Option<Closing>,
    book: Option<String>,
    /// Number and hash of the last entry in order.
    last: u64,
    hash: Hash,
    /// Lines since it that are not what was signed: each may have been an entry.
    spoiled: u64,
    /// The first line is not what was signed: the opening was there.
    began: bool,
    entries: u64,
    first: Option<u64>,
    /// The first line, where it is an entry and nothing followed.
    alone: Option<Box<Entry>>,
    keys: Vec<KeyUse>,
    findings: Vec<Finding>,
    more: u64,
}

/// A key and what it signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// Which.
    pub key: PublicKey,
    /// The first and the last entry signed by it.
    pub entries: Option<(u64, u64)>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The opening line.
    pub opening: Option<Opening>,
    /// What went before the first entry.
    pub checkpoint: Option<Checkpoint>,
    /// The closing line.
    pub closing: Option<Closing>,
    /// The one entry that the file is.
    pub alone: Option<Box<Entry>>,
    /// Entries whose signature holds.
    pub entries: u64,
    /// The lowest number and the highest.
    pub range: Option<(u64, u64)>,
    /// Keys that signed.
    pub keys: Vec<KeyUse>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// More that is wrong and not in the list.
    pub more: u64,
}

impl Verdict {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.findings.is_empty() && self.more == 0
    }
}

impl Verifier {
    /// `trusted`: every key that may have signed; none: whichever did.
    #[must_use]
    pub fn new(trusted: Vec<Fingerprint>) -> Self {
        Self { trusted, ..Self::default() }
    }

    /// The next line, without its line feed.
    pub fn line(&mut self, line: &[u8]) {
        self.lines += 1;
        self.alone = None;
        let opened = match open(line) {
            Ok(opened) => opened,
            Err(flaw) => return self.spoil(flaw),
        };
        let key = opened.key.fingerprint();
        if !self.trusted.is_empty() && !self.trusted.contains(&key) {
            self.find(Finding::Foreign { line: self.lines, key });
            return self.skip();
        }
        if self.closing.is_some() {
            return self.misplaced("the closing line is the last one");
        }
        match self.stated(&opened, line) {
            Ok(true) => {}
            Ok(false) => self.spoil(Flaw::Unknown),
            Err(flaw) => self.spoil(flaw),
        }
    }

    /// A line that was longer than any is.
    pub fn overlong(&mut self) {
        self.lines += 1;
        self.alone = None;
        self.spoil(Flaw::Form);
    }

    /// All lines were given.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        let alone = self.alone.take();
        if self.lines == 0 {
            self.find(Finding::Empty);
        } else if alone.is_some() {
            // Taken out of its file, an entry is good or not by itself.
            self.findings.retain(|finding| !matches!(finding, Finding::Missing { .. } | Finding::NoOpening));
        } else {
            self.close();
        }
        let range = self.first.map(|first| (first, self.last));
        let Self { opening, checkpoint, closing, entries, keys, findings, more, .. } = self;
        Verdict { opening, checkpoint, closing, alone, entries, range, keys, findings, more }
    }

    /// What a line states, put into its place. Whether it is known.
    fn stated(&mut self, opened: &Opened<'_>, line: &[u8]) -> Result<bool, Flaw> {
        if let Some(entry) = opened.says::<Entry>()? {
            self.entry(entry, opened.key, Hash::of(line));
        } else if let Some(opening) = opened.says::<Opening>()? {
            self.sign(opened.key, None);
            if self.lines == 1 {
                self.book = Some(opening.book.clone());
                self.opening = Some(opening);
            } else {
                self.misplaced("an opening line is the first one");
            }
        } else if let Some(checkpoint) = opened.says::<Checkpoint>()? {
            self.sign(opened.key, None);
            if !self.of_book(&checkpoint.book) {
                return Ok(true);
            }
            if self.entries > 0 || self.checkpoint.is_some() || self.spoiled > 0 {
                self.misplaced("what went stands before the entries");
                return Ok(true);
            }
            (self.last, self.hash) = (checkpoint.last, checkpoint.hash);
            self.checkpoint = Some(checkpoint);
        } else if let Some(closing) = opened.says::<Closing>()? {
            self.sign(opened.key, None);
            if self.of_book(&closing.book) {
                self.closing = Some(closing);
            }
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn entry(&mut self, entry: Entry, key: PublicKey, hash: Hash) {
        if !self.of_book(&entry.book) {
            return;
        }
        let (number, previous) = (entry.number, entry.previous);
        if self.lines == 1 {
            self.find(Finding::NoOpening);
            self.alone = Some(Box::new(entry));
        }
        self.sign(key, Some(number));
        if number <= self.last {
            return self.earlier(number);
        }
        let gap = number - self.last - 1;
        if gap > self.spoiled {
            self.find(Finding::Missing { from: self.next(), to: number - 1 });
        }
        // After a gap, the hash of what stood before is not known.
        if gap == 0 && previous != self.hash {
            self.find(Finding::Chain { number });
        }
        self.first.get_or_insert(number);
        self.entries += 1;
        (self.last, self.hash, self.spoiled) = (number, hash, 0);
    }

    /// An entry that should have come before: one of those that were missed, or one that is there already.
    fn earlier(&mut self, number: u64) {
        if self.checkpoint.as_ref().is_some_and(|gone| number <= gone.last) {
            return self.misplaced("an entry that went, by the line that says so");
        }
        let holds = |finding: &Finding| matches!(finding, Finding::Missing { from, to } if (*from..=*to).contains(&number));
        let Some(at) = self.findings.iter().position(holds) else {
            return self.find(Finding::Twice { number, line: self.lines });
        };
        if let Finding::Missing { from, to } = self.findings.remove(at) {
            let rest = [(from, number - 1), (number + 1, to)].into_iter().filter(|(from, to)| from <= to);
            rest.for_each(|(from, to)| self.find(Finding::Missing { from, to }));
        }
        self.entries += 1;
        self.first = self.first.map(|first| first.min(number));
        self.find(Finding::Order { number, after: self.last });
    }

    fn close(&mut self) {
        let last = self.last;
        if self.opening.is_none() && !self.began && !self.findings.contains(&Finding::NoOpening) {
            self.find(Finding::NoOpening);
        }
        let Some(closing) = self.closing.clone() else {
            // A last line that was changed was the closing, no entry.
            if let Some(Finding::Line { line, entry, .. }) = self.findings.last_mut()
                && *line == self.lines
            {
                *entry = None;
            }
            return self.find(Finding::NoClosing { last });
        };
        if closing.last >= self.next() {
            self.find(Finding::Missing { from: self.next(), to: closing.last });
        } else if closing.last < last || (closing.last == last && closing.hash != self.hash) {
            self.find(Finding::OtherEnd);
        }
    }

    /// The number of the entry that should stand next.
    fn next(&self) -> u64 {
        self.last.saturating_add(self.spoiled).saturating_add(1)
    }

    fn spoil(&mut self, flaw: Flaw) {
        let entry = (self.lines > 1 && self.closing.is_none()).then(|| self.next());
        self.find(Finding::Line { line: self.lines, entry, flaw });
        self.skip();
    }

    /// This line may have been an entry; the first one was the opening.
    fn skip(&mut self) {
        if self.lines == 1 {
            self.began = true;
        } else if self.closing.is_none() {
            self.spoiled += 1;
        }
    }

    fn of_book(&mut self, book: &str) -> bool {
        let own = self.book.get_or_insert_with(|| book.to_owned()) == book;
        if !own {
            self.find(Finding::OtherBook { line: self.lines });
            self.skip();
        }
        own
    }

    fn misplaced(&mut self, why: &'static str) {
        self.find(Finding::Misplaced { line: self.lines, why });
    }

    fn sign(&mut self, key: PublicKey, number: Option<u64>) {
        let at = self.keys.iter().position(|known| known.key == key);
        if at.is_none() && self.keys.len() < MOST_KEYS {
            self.keys.push(KeyUse { key, entries: None });
        }
        if let (Some(known), Some(number)) = (self.keys.iter_mut().find(|known| known.key == key), number) {
            let (first, last) = known.entries.unwrap_or((number, number));
            known.entries = Some((first.min(number), last.max(number)));
        }
    }

    fn find(&mut self, finding: Finding) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }
}

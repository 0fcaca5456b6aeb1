//! Reports of many inverters, made while nobody waits.
//!
//! In: a report to make, whose it is. Out: how far it is, then its files. They are in memory alone, bounded in number and size, for seven
//! days at most and until their oldest record is thirty days old where no logbook keeps it (decision 28): nothing of them is on the disk,
//! and a restart ends them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use fleet::retention::KEPT_MS;
use fleet::{AccountKey, InverterKey};
use tokio::sync::Semaphore;
use wire::UtcMs;
use wire::time::DAY_MS;

use super::model::Report;

/// Made at once.
const AT_ONCE: usize = 2;
/// Of one account, at once or ready.
pub const OF_ACCOUNT: usize = 3;
/// Of all.
const OF_ALL: usize = 100;
/// Bytes of all that are ready; the oldest goes.
const MOST_BYTES: usize = 128 << 20;
/// No file stays longer, milliseconds.
const LONGEST_MS: i64 = 7 * DAY_MS;

/// The files of a report.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Number of the report.
    pub number: String,
    /// To sign.
    pub pdf: Bytes,
    /// For a spreadsheet.
    pub csv: Bytes,
    /// Its data.
    pub json: Bytes,
    /// The signed lines of the CSV and of the JSON.
    pub checks: [Bytes; 2],
}

/// How far an export is.
#[derive(Clone, Debug)]
pub enum Progress {
    /// So many of its inverters are read.
    Working(usize),
    /// All are read; the files are laid out.
    LayingOut,
    /// Done; kept until then.
    Ready(Files, UtcMs),
    /// Not made.
    Failed,
    /// Deleted while it was made: nobody sees it any more, and its place is taken until that ends.
    Unwanted,
}

/// An export.
#[derive(Clone, Debug)]
pub struct Export {
    /// Names it in an address.
    pub id: String,
    /// Whose.
    pub account: AccountKey,
    /// Of what.
    pub title: String,
    /// Of which inverters.
    pub inverters: Arc<[InverterKey]>,
    /// When it was asked for.
    pub asked_at: UtcMs,
    /// How far it is.
    pub progress: Progress,
}

/// Every export of this process.
pub struct Exports {
    all: Mutex<Vec<Export>>,
    slots: Arc<Semaphore>,
}

impl Default for Exports {
    fn default() -> Self {
        Self { all: Mutex::default(), slots: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Exports {
    fn locked(&self) -> MutexGuard<'_, Vec<Export>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters one; not where there are too many already.
    pub fn enter(&self, export: Export) -> bool {
        let mut all = self.locked();
        forget(&mut all, export.asked_at);
        let own = all.iter().filter(|other| other.account == export.account).count();
        let fits = own < OF_ACCOUNT && all.len() < OF_ALL;
        if fits {
            all.push(export);
        }
        fits
    }

    /// The slot in which one is made; others wait for it.
    #[must_use]
    pub fn slots(&self) -> Arc<Semaphore> {
        Arc::clone(&self.slots)
    }

    /// One of an account.
    #[must_use]
    pub fn find(&self, account: AccountKey, id: &str, now: UtcMs) -> Option<Export> {
        let mut all = self.locked();
        forget(&mut all, now);
        all.iter().find(|export| export.is(account, id)).cloned()
    }

    /// Whether it is worth going on with one that is made.
    #[must_use]
    pub fn is_wanted(&self, id: &str) -> bool {
        let all = self.locked();
        all.iter().any(|export| export.id == id && !export.is_unwanted())
    }

    /// Every one of an account, the newest first.
    #[must_use]
    pub fn of(&self, account: AccountKey, now: UtcMs) -> Vec<Export> {
        let mut all = self.locked();
        forget(&mut all, now);
        all.iter()
            .rev()
            .filter(|export| export.account == account && !export.is_unwanted())
            .cloned()
            .collect()
    }

    /// Says how far one is.
    pub fn note(&self, id: &str, progress: Progress) {
        let mut all = self.locked();
        let over = !progress.goes_on();
        if let Some(export) = all.iter_mut().find(|export| export.id == id && !export.is_unwanted()) {
            export.progress = progress;
        }
        if over {
            all.retain(|export| export.id != id || !export.is_unwanted());
        }
        // The oldest of those that are ready goes first.
        while bytes(&all) > MOST_BYTES && all.iter().filter(|one| one.is_ready()).count() > 1 {
            if let Some(at) = all.iter().position(Export::is_ready) {
                all.remove(at);
            }
        }
    }

    /// Takes one away. Whether it was there. One that is made still counts until that ends: whoever begins and deletes in turn has no more of
    /// them than anybody.
    pub fn remove(&self, account: AccountKey, id: &str) -> bool {
        let mut all = self.locked();
        let Some(at) = all.iter().position(|export| export.is(account, id)) else { return false };
        if all.get(at).is_some_and(|export| export.progress.goes_on()) {
            all.iter_mut().skip(at).take(1).for_each(|export| export.progress = Progress::Unwanted);
        } else {
            all.remove(at);
        }
        true
    }

    /// Takes away whatever is over at `now`. The sweep of what is thirty days old calls it; looking at one does, too.
    pub fn sweep(&self, now: UtcMs) {
        forget(&mut self.locked(), now);
    }
}

impl Progress {
    /// It is made yet.
    const fn goes_on(&self) -> bool {
        matches!(self, Self::Working(_) | Self::LayingOut)
    }
}

impl Export {
    fn is(&self, account: AccountKey, id: &str) -> bool {
        self.account == account && self.id == id && !self.is_unwanted()
    }

    fn is_unwanted(&self) -> bool {
        matches!(self.progress, Progress::Unwanted)
    }

    fn is_ready(&self) -> bool {
        matches!(self.progress, Progress::Ready(..))
    }
}

fn bytes(all: &[Export]) -> usize {
    let of = |export: &Export| match &export.progress {
        Progress::Ready(files, _) => files.pdf.len() + files.csv.len() + files.json.len(),
        _ => 0,
    };
    all.iter().map(of).sum()
}

fn forget(all: &mut Vec<Export>, now: UtcMs) {
    all.retain(|export| match export.progress {
        Progress::Ready(_, until) => now < until,
        Progress::Failed => now.since(export.asked_at) < DAY_MS,
        Progress::Working(_) | Progress::LayingOut | Progress::Unwanted => true,
    });
}

/// Until when the files of a report are kept: no longer than a record in them that no logbook keeps. What is older than thirty days came out of
/// a logbook.
#[must_use]
pub fn until(report: &Report) -> UtcMs {
    let longest = report.made_at.plus_ms(LONGEST_MS);
    let forgets = || report.inverters.iter().filter(|sheet| sheet.forgets);
    let tests = forgets().flat_map(|sheet| sheet.tests.iter().map(|test| test.started));
    let outages = forgets().flat_map(|sheet| sheet.outages.iter().map(|outage| outage.started));
    let goes = tests.chain(outages).filter(|started| *started > report.made_at.plus_ms(-KEPT_MS)).min();
    goes.map_or(longest, |oldest| longest.min(oldest.plus_ms(KEPT_MS)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn export(id: &str, account: i64, progress: Progress) -> Export {
        Export {
            id: id.to_owned(),
            account: AccountKey(account),
            title: String::new(),
            inverters: Arc::new([]),
            asked_at: UtcMs(0),
            progress,
        }
    }

    fn ready(bytes: usize, until: i64) -> Progress {
        Progress::Ready(Files { pdf: Bytes::from(vec![0; bytes]), ..Files::default() }, UtcMs(until))
    }

    #[test]
    fn files_go_when_their_time_is_over_and_nobody_elses_are_found() {
        let exports = Exports::default();
        assert!(exports.enter(export("a", 1, ready(10, 1_000))));
        assert!(exports.find(AccountKey(1), "a", UtcMs(999)).is_some());
        assert!(exports.find(AccountKey(2), "a", UtcMs(999)).is_none());
        assert!(exports.find(AccountKey(1), "a", UtcMs(1_000)).is_none());
        assert!(exports.of(AccountKey(1), UtcMs(0)).is_empty(), "gone is gone");
    }

    /// ASVS 5.0: 2.3.2.
    #[test]
    fn they_are_few_and_small_together() {
        let exports = Exports::default();
        for id in ["a", "b", "c"] {
            assert!(exports.enter(export(id, 1, Progress::Working(0))));
        }
        assert!(!exports.enter(export("d", 1, Progress::Working(0))), "three of one account");
        assert!(exports.enter(export("e", 2, Progress::Working(0))));
        exports.note("a", ready(MOST_BYTES / 2, 1_000));
        exports.note("b", ready(MOST_BYTES / 2, 1_000));
        assert!(exports.find(AccountKey(1), "a", UtcMs(0)).is_some());
        exports.note("c", ready(MOST_BYTES / 2, 1_000));
        assert!(exports.find(AccountKey(1), "a", UtcMs(0)).is_none(), "the oldest went");
        assert!(exports.remove(AccountKey(1), "b") && !exports.remove(AccountKey(1), "b"));
    }

    #[test]
    fn one_that_was_deleted_while_it_was_made_counts_until_that_ends() {
        let exports = Exports::default();
        for id in ["a", "b", "c"] {
            assert!(exports.enter(export(id, 1, Progress::Working(0))));
        }
        assert!(exports.remove(AccountKey(1), "a") && !exports.remove(AccountKey(1), "a"));
        assert!(exports.find(AccountKey(1), "a", UtcMs(0)).is_none() && !exports.is_wanted("a"));
        assert_eq!(exports.of(AccountKey(1), UtcMs(0)).len(), 2);
        assert!(!exports.enter(export("d", 1, Progress::Working(0))), "it is being made");
        exports.note("a", Progress::Working(5));
        assert!(!exports.enter(export("d", 1, Progress::Working(0))), "and still is");
        exports.note("a", ready(10, 1_000));
        assert!(exports.find(AccountKey(1), "a", UtcMs(0)).is_none());
        assert!(exports.enter(export("d", 1, Progress::Working(0))));
    }

    #[test]
    fn without_a_logbook_no_file_outlives_the_thirty_days_of_its_oldest_record() {
        let mut report = samples::plain();
        let week = report.made_at.plus_ms(LONGEST_MS);
        assert!(report.inverters.iter().all(|sheet| !sheet.forgets) && until(&report) == week);
        report.inverters.iter_mut().for_each(|sheet| sheet.forgets = true);
        assert!(until(&report) > report.made_at, "what is a year old came out of a logbook");
        let started = report.made_at.plus_ms(-28 * DAY_MS);
        for sheet in &mut report.inverters {
            sheet.outages.clear();
            sheet.tests.truncate(1);
            sheet.tests[0].started = started;
        }
        assert_eq!(until(&report), started.plus_ms(KEPT_MS));
        report.inverters.iter_mut().for_each(|sheet| sheet.forgets = false);
        assert_eq!(until(&report), week, "another one's logbook keeps it");
    }
}

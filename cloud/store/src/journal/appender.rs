//! The committer: one thread that makes everything waiting durable by one commit.
//!
//! In: entries with tickets from any number of threads. Out: `on_commit` with the same, in order, after the commit.
//! While one commit runs, the next batch gathers: under load that alone makes large batches, so there is no delay on
//! purpose. Bounding what waits is the caller's business (it reserves before it appends).

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use wire::UtcMs;

use super::segment::{Segment, list};
use super::{Entry, JournalError, Position, batch};
use crate::OLDEST_SQLITE;

/// Where and how the journal is kept.
#[derive(Clone, Debug)]
pub struct Config {
    /// The journal's own folder; made if missing.
    pub directory: PathBuf,
    /// A segment is closed when its first and newest entry are this far apart, milliseconds.
    pub segment_length_ms: i64,
    /// A segment is closed when it holds this many bytes.
    pub segment_bytes: u64,
    /// Waits this long before each commit: plays a slower disk in benchmarks. Zero otherwise.
    pub added_commit_delay: Duration,
}

impl Config {
    /// Five minutes or 256 MiB a segment: few files in a busy day, and a kill leaves at most one of them to index.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            segment_length_ms: 300_000,
            segment_bytes: 256 << 20,
            added_commit_delay: Duration::ZERO,
        }
    }
}

/// A batch that is on disk.
#[derive(Debug)]
pub struct Committed<T> {
    /// Its number.
    pub batch: u64,
    /// Its entries with the callers' tickets, in order; their index is their place here.
    pub entries: Vec<(Entry, T)>,
}

/// The way in. Clones share one committer; the last one dropped flushes and closes.
pub struct Appender<T> {
    shared: Arc<Shared<T>>,
    committer: Arc<Committer<T>>,
}

struct Shared<T> {
    waiting: Mutex<Waiting<T>>,
    work: Condvar,
    directory: PathBuf,
}

struct Waiting<T> {
    entries: Vec<(Entry, T)>,
    closing: bool,
    failed: bool,
}

/// Ends the thread when the last appender goes, and holds the folder's lock until then.
struct Committer<T> {
    shared: Arc<Shared<T>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    _lock: File,
}

/// Opens the journal for writing: a new segment after the last one, a committer thread, the folder locked.
///
/// `on_commit` runs on the committer's thread after each commit and delays the next one: it hands on and returns.
/// `on_failure` runs once if a write, fsync or commit fails; after it nothing is committed or acknowledged and every
/// waiting ticket is dropped. The only right answer is to end the process: what the disk holds is then unknown.
///
/// # Errors
/// [`JournalError`]: in use by another server, SQLite too old, the folder or file unusable.
pub fn open<T: Send + 'static>(
    config: Config,
    on_commit: impl FnMut(Committed<T>) + Send + 'static,
    on_failure: impl FnOnce(JournalError) + Send + 'static,
) -> Result<Appender<T>, JournalError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(JournalError::OldSqlite { found: rusqlite::version() });
    }
    let lock = lock(&config.directory)?;
    let next_batch = next_batch(&config.directory)?;
    let segment = Segment::create(&config.directory, next_batch)?;
    let shared = Arc::new(Shared {
        waiting: Mutex::new(Waiting { entries: Vec::new(), closing: false, failed: false }),
        work: Condvar::new(),
        directory: config.directory.clone(),
    });
    let writer = Writer { config, segment, next_batch, segment_began: None, blob: Vec::new() };
    let thread = std::thread::Builder::new()
        .name("journal".into())
        .spawn({
            let shared = Arc::clone(&shared);
            move || run(&shared, writer, on_commit, on_failure)
        })
        .map_err(JournalError::Thread)?;
    let committer =
        Arc::new(Committer { shared: Arc::clone(&shared), thread: Mutex::new(Some(thread)), _lock: lock });
    Ok(Appender { shared, committer })
}

impl<T> Appender<T> {
    /// Queues an entry. Never blocks on the disk; `ticket` comes back through `on_commit`, or is dropped if the
    /// journal has failed.
    pub fn append(&self, entry: Entry, ticket: T) {
        let mut waiting = self.shared.lock();
        if waiting.failed || waiting.closing {
            // Outside the lock: a ticket's drop may do anything.
            drop(waiting);
            drop(ticket);
            return;
        }
        let idle = waiting.entries.is_empty();
        waiting.entries.push((entry, ticket));
        drop(waiting);
        if idle {
            self.shared.work.notify_one();
        }
    }

    /// Entries that wait for the next commit.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.lock().entries.len()
    }

    /// Whether a commit has failed: nothing is acknowledged any more.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.shared.lock().failed
    }

    /// Deletes every closed segment whose entries all stand at or before `through`. Returns how many.
    ///
    /// # Errors
    /// [`JournalError::Io`] where a file cannot be removed.
    pub fn delete_through(&self, through: Position) -> Result<usize, JournalError> {
        super::delete_through(&self.shared.directory, through)
    }

    /// Commits what waits, then ends the committer. What is appended by other clones afterwards is dropped.
    pub fn close(self) {
        self.committer.close();
    }
}

impl<T> Clone for Appender<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), committer: Arc::clone(&self.committer) }
    }
}

impl<T> Shared<T> {
    /// A panic elsewhere leaves the queue itself whole: entries are pushed and taken in one step.
    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Committer<T> {
    fn close(&self) {
        self.shared.lock().closing = true;
        self.shared.work.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != std::thread::current().id()) {
            // A panic on that thread was printed there; there is nothing to add.
            let _ = thread.join();
        }
    }
}

impl<T> Drop for Committer<T> {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the committer's thread owns.
struct Writer {
    config: Config,
    segment: Segment,
    next_batch: u64,
    segment_began: Option<UtcMs>,
    blob: Vec<u8>,
}

fn run<T>(
    shared: &Shared<T>,
    mut writer: Writer,
    mut on_commit: impl FnMut(Committed<T>),
    on_failure: impl FnOnce(JournalError),
) {
    let error = loop {
        let Some(entries) = next_entries(shared) else { return };
        match writer.commit(&entries) {
            // The acknowledgement comes after the commit; the other way round turns the ledger test of
            // `tests/it/journal_kill.rs` red, because a kill between the two loses what was acknowledged.
            Ok(batch) => {
                let committed = Committed { batch, entries };
                if catch_unwind(AssertUnwindSafe(|| on_commit(committed))).is_err() {
                    break JournalError::Acknowledging;
                }
            }
            Err(error) => break error,
        }
    };
    let mut waiting = shared.lock();
    waiting.failed = true;
    let dropped = std::mem::take(&mut waiting.entries);
    drop(waiting);
    on_failure(error);
    drop(dropped);
}

/// Everything that waits; sleeps while nothing does. `None` once closing and empty.
fn next_entries<T>(shared: &Shared<T>) -> Option<Vec<(Entry, T)>> {
    let mut waiting = shared
        .work
        .wait_while(shared.lock(), |waiting| waiting.entries.is_empty() && !waiting.closing)
        .unwrap_or_else(PoisonError::into_inner);
    let entries = std::mem::take(&mut waiting.entries);
    (!entries.is_empty()).then_some(entries)
}

impl Writer {
    fn commit<T>(&mut self, entries: &[(Entry, T)]) -> Result<u64, JournalError> {
        let newest = entries.last().map_or(UtcMs(0), |(entry, _)| entry.received_at);
        let began = *self.segment_began.get_or_insert(newest);
        let too_long = newest.since(began) >= self.config.segment_length_ms;
        if self.segment.bytes > 0 && (too_long || self.segment.bytes >= self.config.segment_bytes) {
            self.segment = Segment::create(&self.config.directory, self.next_batch)?;
            self.segment_began = Some(newest);
        }
        batch::encode(entries.iter().map(|(entry, _)| entry), &mut self.blob);
        if !self.config.added_commit_delay.is_zero() {
            std::thread::sleep(self.config.added_commit_delay);
        }
        let number = self.next_batch;
        self.segment.commit(number, &self.blob)?;
        self.next_batch = number.saturating_add(1);
        Ok(number)
    }
}

/// Makes the folder and takes its lock, which the system gives back when the process ends, however it ends.
pub(super) fn lock(directory: &Path) -> Result<File, JournalError> {
    let failed = |doing| move |source| JournalError::Io { doing, path: directory.to_owned(), source };
    std::fs::create_dir_all(directory).map_err(failed("create"))?;
    let path = directory.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed("open the lock of"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => return Err(JournalError::InUse(directory.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => return Err(failed("lock")(source)),
    }
    // The folder itself must survive a power cut; the files in it are SQLite's care.
    for folder in [Some(directory), directory.parent()].into_iter().flatten() {
        if folder.as_os_str().is_empty() {
            continue;
        }
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("make durable"))?;
    }
    Ok(file)
}

/// The number after the last committed batch; empty segments at the end are removed, as their names would clash.
fn next_batch(directory: &Path) -> Result<u64, JournalError> {
    let mut next = 1;
    for segment in list(directory)?.iter().rev() {
        if let Some(last) = segment.last()? {
            return Ok(last.saturating_add(1));
        }
        segment.delete()?;
        next = segment.first;
    }
    Ok(next)
}

//! One thread that turns the journal into state, history and events.
//!
//! In: on start the snapshots and the journal after them; then each committed batch. Out: readings in history,
//! snapshots with events and position (at most ten seconds behind), turns of alarms and how people's acts ended (at once),
//! states for pages (a few times a second).
//! Acknowledgements do not wait for it; when it falls behind, the budget of `ingest` slows the devices.

mod effects;
mod saver;
mod schedule;
mod states;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use fleet::InverterState;
use store::Position;
use store::history::{History, HistoryError};
use store::journal::{Entry, JournalError};
use store::state::{Snapshots, StateError, StateStore};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::announcer::Announcer;
use crate::dead_man::Beat;
use crate::ingest::{Batch, Reservation};
use crate::live::LiveStates;
use saver::{Saver, Writes};
use states::States;

pub use schedule::NextDue;

/// Pages see a change at most this much later.
const SHOW_EVERY: Duration = Duration::from_millis(200);
/// A kill costs replaying at most about this much (decision 8: ≤ 10 s).
const SAVE_EVERY: Duration = Duration::from_secs(5);
/// While replaying: a server that is killed again and again must get on all the same.
const SAVE_REPLAY_EVERY: Duration = Duration::from_millis(500);
/// How soon the saver is looked at again while something waits to be written at once.
const WRITE_AGAIN: Duration = Duration::from_millis(10);
/// Entries replayed between looks at the clock.
const REPLAY_STRIDE: u64 = 256;

/// What the pipeline did since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Reports applied, replayed ones too.
    pub reports: AtomicU64,
    /// Readings stored.
    pub readings: AtomicU64,
    /// Payloads kept out of the telemetry.
    pub quarantined: AtomicU64,
    /// Snapshots written.
    pub snapshots: AtomicU64,
    /// Entries replayed at the start, so far.
    pub replayed: AtomicU64,
    /// 1 once everything of earlier runs is replayed.
    pub following: AtomicU64,
    /// Entries applied after those.
    pub entries: AtomicU64,
    /// When all that had been told before was last found to be saved.
    pub saved: Beat,
}

/// Why the pipeline, and with it the server, ends.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The state store.
    #[error(transparent)]
    State(StateError),
    /// The journal cannot be read back.
    #[error(transparent)]
    Journal(JournalError),
    /// The history cannot be made durable.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A snapshot is not one of this version.
    #[error(
        "the snapshot of inverter number {key} cannot be read ({source}). Was a newer version used on this data_dir? \
         Use that one"
    )]
    Snapshot {
        /// Whose.
        key: u32,
        /// Why.
        source: minicbor::decode::Error,
    },
    /// A background task was cancelled or panicked.
    #[error("a background task ended: {0}")]
    Stopped(tokio::task::JoinError),
    /// The thread cannot be started.
    #[error("cannot start the pipeline's thread: {0}")]
    Thread(std::io::Error),
}

/// What the pipeline works with.
pub struct Parts {
    /// Folder of the journal.
    pub journal: PathBuf,
    /// Where readings go.
    pub history: Arc<History>,
    /// Where snapshots and events go.
    pub state: StateStore,
    /// Links in letters lead there.
    pub origin: Arc<str>,
    /// Writes what alarms turned, and to whom they matter.
    pub announcer: Arc<Announcer>,
    /// What pages see.
    pub live: Arc<LiveStates>,
    /// What it did.
    pub counters: Arc<Counters>,
    /// When it needs to be told that time has passed.
    pub due: Arc<NextDue>,
    /// Committed batches; the first must come without anybody's doing (`CloudUp`), as replay ends before it.
    pub batches: Receiver<Batch>,
    /// Runs the state store's queries.
    pub runtime: Handle,
    /// A replay ends early when the server stops: the journal keeps the rest.
    pub stopping: CancellationToken,
}

/// Starts the thread. It ends in order when the sender of `batches` is dropped, after a last snapshot.
///
/// # Errors
/// [`PipelineError::Thread`]; later ones are the thread's result.
pub fn start(
    parts: Parts,
    snapshots: Snapshots,
    on_end: impl FnOnce(Result<(), PipelineError>) + Send + 'static,
) -> Result<(), PipelineError> {
    let thread = std::thread::Builder::new().name("pipeline".into());
    thread.spawn(move || on_end(run(parts, snapshots))).map(drop).map_err(PipelineError::Thread)
}

fn run(parts: Parts, snapshots: Snapshots) -> Result<(), PipelineError> {
    let mut pipeline = Pipeline::new(parts, snapshots)?;
    // Everything before the first new batch is what an earlier run left behind.
    let Ok(first) = pipeline.parts.batches.recv() else { return Ok(()) };
    if pipeline.replay(first.batch)? {
        pipeline.batch(first);
        pipeline.follow()?;
    }
    pipeline.saver.wait()?;
    pipeline.save();
    pipeline.saver.wait()
}

struct Pipeline {
    parts: Parts,
    states: States,
    saver: Saver,
    shown: Instant,
    saved: Instant,
}

impl Pipeline {
    fn new(parts: Parts, snapshots: Snapshots) -> Result<Self, PipelineError> {
        let decode = |(key, bytes): (fleet::InverterKey, Vec<u8>)| {
            let state = InverterState::from_snapshot(&bytes);
            state.map(|state| (key, state)).map_err(|source| PipelineError::Snapshot { key: key.0, source })
        };
        let loaded = snapshots.states.into_iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        let mut states = States::new(Arc::clone(&parts.history), Arc::clone(&parts.counters));
        states.load(loaded, snapshots.position, snapshots.watched_until);
        states.show(&parts.live);
        let writes = Writes {
            store: parts.state.clone(),
            history: Arc::clone(&parts.history),
            journal: parts.journal.clone(),
            origin: Arc::clone(&parts.origin),
            announcer: Arc::clone(&parts.announcer),
        };
        let saver = Saver::new(parts.runtime.clone(), writes, snapshots.position);
        Ok(Self { parts, states, saver, shown: Instant::now(), saved: Instant::now() })
    }

    /// Applies what the journal holds after the snapshots and before `until`. `false` if the server stops before that.
    fn replay(&mut self, until: u64) -> Result<bool, PipelineError> {
        let began = Instant::now();
        let (journal, after) = (self.parts.journal.clone(), self.states.position());
        let mut entries = 0_u64;
        let ended = store::journal::replay(&journal, after, |position: Position, entry: Entry| {
            if position.batch >= until {
                return Err(Replay::Done);
            }
            entries += 1;
            self.states.take(position, entry, None);
            if entries.is_multiple_of(REPLAY_STRIDE) { self.pause(entries) } else { Ok(()) }
        });
        match ended {
            Ok(()) | Err(Replay::Done) => {}
            Err(Replay::Stopped) => return Ok(false),
            Err(Replay::Failed(error)) => return Err(error),
        }
        self.parts.counters.replayed.store(entries, Ordering::Relaxed);
        // Whoever sees that it follows sees what there is to be seen.
        self.states.show(&self.parts.live);
        self.parts.counters.following.store(1, Ordering::Release);
        if self.saver.takes_snapshot()? {
            self.save();
        }
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(entries, ms, "the journal is replayed");
        Ok(true)
    }

    /// What must not wait for the end of a long replay.
    fn pause(&mut self, entries: u64) -> Result<(), Replay> {
        self.parts.counters.replayed.store(entries, Ordering::Relaxed);
        if self.parts.stopping.is_cancelled() {
            return Err(Replay::Stopped);
        }
        if self.saved.elapsed() >= SAVE_REPLAY_EVERY && self.saver.takes_snapshot().map_err(Replay::Failed)? {
            self.save();
        }
        Ok(())
    }

    fn follow(&mut self) -> Result<(), PipelineError> {
        self.parts.counters.saved.beat();
        loop {
            match self.parts.batches.recv_timeout(self.patience()) {
                Ok(batch) => self.batch(batch),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if self.states.has_unshown() && self.shown.elapsed() >= SHOW_EVERY {
                self.states.show(&self.parts.live);
                self.shown = Instant::now();
            }
            // A snapshot that is due comes first, and takes the effects along: effects that never pause would else keep it
            // from beginning for ever.
            if self.saved.elapsed() >= SAVE_EVERY && self.saver.takes_snapshot()? {
                self.save();
            }
            if self.states.has_effects() && self.saver.takes_effects()? {
                self.show_turns();
                self.saver.write(self.states.effects());
            }
        }
    }

    /// Letters about alarms tell of what pages show: that must be what they were raised by.
    fn show_turns(&mut self) {
        if self.states.has_turns() {
            self.states.show(&self.parts.live);
            self.shown = Instant::now();
        }
    }

    /// How long to sleep where no batch comes.
    fn patience(&self) -> Duration {
        if self.states.has_effects() {
            WRITE_AGAIN
        } else if self.states.has_unshown() {
            SHOW_EVERY.saturating_sub(self.shown.elapsed())
        } else {
            SAVE_EVERY
        }
    }

    fn batch(&mut self, batch: Batch) {
        let entries = batch.entries.len() as u64;
        let mut spent = Reservation::nothing();
        for (index, (entry, mut ticket)) in (0_u32..).zip(batch.entries) {
            self.states.take(Position { batch: batch.batch, index }, entry, ticket.report.take());
            ticket.spend(&mut spent);
        }
        self.parts.due.set(self.states.next_due());
        self.parts.counters.entries.fetch_add(entries, Ordering::Relaxed);
        drop(spent);
    }

    fn save(&mut self) {
        self.saved = Instant::now();
        // Nothing is being written now: a snapshot begins only when the one before it is done.
        self.parts.counters.saved.beat();
        if self.saver.saved() == self.states.position() {
            return;
        }
        self.show_turns();
        self.saver.start(self.states.unsaved());
        self.parts.counters.snapshots.fetch_add(1, Ordering::Relaxed);
    }
}

/// Why a replay ends before the journal does.
enum Replay {
    Done,
    Stopped,
    Failed(PipelineError),
}

impl From<JournalError> for Replay {
    fn from(error: JournalError) -> Self {
        Self::Failed(error.into())
    }
}

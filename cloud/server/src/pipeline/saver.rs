//! Writes beside the pipeline, in two lanes: what is to be seen at once, and snapshots.
//!
//! In: effects; what changed, with the position it stands at. Out: effects in transactions of their own; history made
//! durable, one transaction with snapshots and position, then journal segments deleted that nothing needs any more. The
//! order is what makes a kill harmless (see `store`): history and effects first, then snapshots with the position, then the
//! journal. A snapshot takes the effects before its position through their lane and waits for them; effects never wait for
//! a snapshot. In each lane one thing at a time, so that effects are written in order.

use std::path::PathBuf;
use std::sync::Arc;

use store::Position;
use store::history::History;
use store::journal::JournalError;
use store::state::{StateError, StateStore};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::PipelineError;
use super::effects::Effects;
use super::states::Unsaved;
use crate::announcer::Announcer;

/// At most one snapshot and one batch of effects are being written.
pub struct Saver {
    runtime: Handle,
    writes: Writes,
    effects: Lane,
    snapshot: Lane,
    saved: Position,
}

/// Where everything goes.
#[derive(Clone)]
pub struct Writes {
    /// Snapshots, events, effects.
    pub store: StateStore,
    /// Readings.
    pub history: Arc<History>,
    /// Folder of the journal, whose segments are deleted.
    pub journal: PathBuf,
    /// Links in letters lead there.
    pub origin: Arc<str>,
    /// Turns of alarms go through it.
    pub announcer: Arc<Announcer>,
}

/// What is being written.
#[derive(Default)]
struct Lane(Option<JoinHandle<Result<(), PipelineError>>>);

impl Lane {
    fn is_free(&mut self, runtime: &Handle) -> Result<bool, PipelineError> {
        match &self.0 {
            Some(running) if running.is_finished() => self.wait(runtime).map(|()| true),
            Some(_) => Ok(false),
            None => Ok(true),
        }
    }

    fn wait(&mut self, runtime: &Handle) -> Result<(), PipelineError> {
        match self.0.take() {
            Some(running) => runtime.block_on(running).map_err(PipelineError::Stopped)?,
            None => Ok(()),
        }
    }
}

impl Saver {
    /// The store stands at `saved`.
    pub fn new(runtime: Handle, writes: Writes, saved: Position) -> Self {
        Self { runtime, writes, effects: Lane::default(), snapshot: Lane::default(), saved }
    }

    /// Whether effects may be written.
    ///
    /// # Errors
    /// The last ones, or a snapshot, failed.
    pub fn takes_effects(&mut self) -> Result<bool, PipelineError> {
        self.snapshot.is_free(&self.runtime)?;
        self.effects.is_free(&self.runtime)
    }

    /// Whether a new snapshot may begin.
    ///
    /// # Errors
    /// The last one, or effects, failed.
    pub fn takes_snapshot(&mut self) -> Result<bool, PipelineError> {
        Ok(self.effects.is_free(&self.runtime)? && self.snapshot.is_free(&self.runtime)?)
    }

    /// The position of the last snapshot begun.
    pub fn saved(&self) -> Position {
        self.saved
    }

    /// Writes effects; [`Saver::takes_effects`] must have said so.
    pub fn write(&mut self, effects: Effects) {
        let writes = self.writes.clone();
        self.effects = Lane(Some(self.runtime.spawn(async move { writes.effects(effects).await })));
    }

    /// Begins a snapshot; [`Saver::takes_snapshot`] must have said so.
    pub fn start(&mut self, mut unsaved: Unsaved) {
        self.saved = unsaved.position;
        let (written, before) = oneshot::channel();
        let (effects, writes) = (std::mem::take(&mut unsaved.effects), self.writes.clone());
        self.effects = Lane(Some(self.runtime.spawn(async move {
            writes.effects(effects).await?;
            // Nobody hears it where the snapshot failed before.
            let _ = written.send(());
            Ok(())
        })));
        let writes = self.writes.clone();
        self.snapshot = Lane(Some(self.runtime.spawn(async move { writes.snapshot(unsaved, before).await })));
    }

    /// Waits for what is being written.
    ///
    /// # Errors
    /// It failed.
    pub fn wait(&mut self) -> Result<(), PipelineError> {
        // Effects that failed leave their snapshot unwritten without a failure of its own.
        self.effects.wait(&self.runtime)?;
        self.snapshot.wait(&self.runtime)
    }
}

impl Writes {
    async fn effects(&self, effects: Effects) -> Result<(), PipelineError> {
        Ok(effects.write(&self.store, &self.origin, &self.announcer).await?)
    }

    /// `effects`: those before the position are written.
    async fn snapshot(self, unsaved: Unsaved, effects: oneshot::Receiver<()>) -> Result<(), PipelineError> {
        let (history, position) = (Arc::clone(&self.history), unsaved.position);
        blocking(move || history.checkpoint(position)).await?;
        // Before the position moves past them. Where they failed their own lane says so, and it does not move.
        if effects.await.is_err() {
            return Ok(());
        }
        self.store.quarantine(&unsaved.quarantine).await?;
        let (states, events, records) = (&unsaved.states, &unsaved.events, &unsaved.records);
        self.store.commit_snapshots(states, events, records, position, unsaved.watched_until).await?;
        blocking(move || store::journal::delete_through(&self.journal, position)).await.map(drop)
    }
}

async fn blocking<T: Send + 'static, E: Into<PipelineError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, PipelineError> {
    tokio::task::spawn_blocking(work).await.map_err(PipelineError::Stopped)?.map_err(Into::into)
}

impl From<StateError> for PipelineError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl From<JournalError> for PipelineError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

//! Writes snapshots beside the pipeline, one at a time.
//!
//! In: what changed, with the position it stands at; effects that are to be seen at once. Out: one transaction in the
//! state store, then journal segments deleted that nothing needs any more. The order is what makes a kill harmless (see
//! `store`): history first, then effects, then snapshots with the position, then the journal. All in one lane, so that
//! the position never passes an effect that is not written.

use std::path::PathBuf;
use std::sync::Arc;

use store::Position;
use store::journal::JournalError;
use store::state::{StateError, StateStore};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::PipelineError;
use super::effects::Effects;
use super::states::Unsaved;
use crate::announcer::Announcer;

/// At most one snapshot is being written.
pub struct Saver {
    runtime: Handle,
    store: StateStore,
    journal: PathBuf,
    /// Links in letters lead there.
    origin: Arc<str>,
    announcer: Arc<Announcer>,
    running: Option<JoinHandle<Result<(), PipelineError>>>,
    saved: Position,
}

impl Saver {
    /// Writes to `store` and deletes segments of the journal in `journal`. The store stands at `saved`.
    pub fn new(
        runtime: Handle,
        store: StateStore,
        journal: PathBuf,
        origin: Arc<str>,
        announcer: Arc<Announcer>,
        saved: Position,
    ) -> Self {
        Self { runtime, store, journal, origin, announcer, running: None, saved }
    }

    /// Whether a new snapshot may begin.
    ///
    /// # Errors
    /// The last one failed.
    pub fn is_ready(&mut self) -> Result<bool, PipelineError> {
        match &self.running {
            Some(running) if running.is_finished() => self.wait().map(|()| true),
            Some(_) => Ok(false),
            None => Ok(true),
        }
    }

    /// The position of the last snapshot begun.
    pub fn saved(&self) -> Position {
        self.saved
    }

    /// Writes effects without a snapshot; [`Saver::is_ready`] must have said so.
    pub fn write(&mut self, effects: Effects) {
        let (store, origin) = (self.store.clone(), Arc::clone(&self.origin));
        let announcer = Arc::clone(&self.announcer);
        let writing = async move { Ok(effects.write(&store, &origin, &announcer).await?) };
        self.running = Some(self.runtime.spawn(writing));
    }

    /// Begins a snapshot; [`Saver::is_ready`] must have said so.
    pub fn start(&mut self, unsaved: Unsaved) {
        self.saved = unsaved.position;
        let (store, journal, origin) = (self.store.clone(), self.journal.clone(), Arc::clone(&self.origin));
        let announcer = Arc::clone(&self.announcer);
        self.running = Some(self.runtime.spawn(async move {
            unsaved.effects.write(&store, &origin, &announcer).await?;
            // Before the position moves past them.
            store.quarantine(&unsaved.quarantine).await?;
            let (states, events) = (&unsaved.states, &unsaved.events);
            store.commit_snapshots(states, events, unsaved.position, unsaved.watched_until).await?;
            let deletion = move || store::journal::delete_through(&journal, unsaved.position);
            match tokio::task::spawn_blocking(deletion).await {
                Ok(deleted) => deleted.map(drop).map_err(PipelineError::from),
                Err(stopped) => Err(PipelineError::Stopped(stopped)),
            }
        }));
    }

    /// Waits for the running snapshot, if any.
    ///
    /// # Errors
    /// It failed.
    pub fn wait(&mut self) -> Result<(), PipelineError> {
        match self.running.take() {
            Some(running) => self.runtime.block_on(running).map_err(PipelineError::Stopped)?,
            None => Ok(()),
        }
    }
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

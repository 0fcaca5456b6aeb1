//! The announcer: when alarms take a turn, the right people are written to.
//!
//! In: turns of alarms from the pipeline, in order; time. Out: events, alarms, incidents and messages in the outbox, all of
//! one batch in one transaction (decision 8), and word to the notifier. A turn whose event is there already changes nothing,
//! so that a replay writes to nobody twice. What is due later (grouping, follow-ups, a ladder's next step, reminders) is made when its time has
//! come. Who is told what, `fleet::notice` decides; what it says, `web::mail::alarms`. Never sends.

mod due;
mod escalate;
mod hands;
mod names;
mod people;
mod tell;
mod turns;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use store::state::{StateError, StateStore};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wire::UtcMs;

use crate::clock::{self, Clock};
use crate::dead_man::Beat;
use crate::live::LiveStates;

pub use people::{People, Person};
pub use turns::Turn;

/// What is due is told at most this much later, and its own transaction.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Turns of one transaction: a storm is some of these, and nobody else's write waits long.
const TURNS_AT_ONCE: usize = 5_000;
/// Incidents, and reminders, of one transaction.
const DUE_AT_ONCE: u64 = 500;

/// Tells of alarms.
pub struct Announcer {
    store: StateStore,
    live: Arc<LiveStates>,
    /// Links lead there.
    origin: Arc<str>,
    /// Rung when a message was queued.
    queued: Arc<Notify>,
    /// Since when somebody who acknowledges would be heard, milliseconds since 1970.
    watched: AtomicI64,
    /// When it was last seen what is due.
    pub looked: Beat,
}

impl Announcer {
    /// Writes to `store`; letters tell of what `live` shows.
    #[must_use]
    pub fn new(store: StateStore, live: Arc<LiveStates>, origin: Arc<str>, queued: Arc<Notify>) -> Self {
        let (watched, looked) = (AtomicI64::new(i64::MIN), Beat::default());
        Self { store, live, origin, queued, watched, looked }
    }

    /// Writes turns and what follows from them.
    ///
    /// # Errors
    /// [`StateError`]: what was written before stays, and writing it again is harmless.
    pub async fn turns(&self, turns: &[Turn]) -> Result<(), StateError> {
        for part in turns.chunks(TURNS_AT_ONCE) {
            // Somebody else changed the same incident, and so got on. On one database file nobody can.
            while !turns::write(self, part).await? {
                tracing::warn!("an incident was changed by somebody else; trying again");
            }
        }
        Ok(())
    }

    /// Makes what is due at `now`.
    ///
    /// # Errors
    /// [`StateError`]: the next call makes it.
    pub async fn due(&self, now: UtcMs) -> Result<(), StateError> {
        due::make(self, now).await
    }

    /// From `now` on the cloud is there: time before that is no time in which nobody acknowledged.
    pub fn watch_from(&self, now: UtcMs) {
        self.watched.store(now.0, Ordering::Relaxed);
    }

    fn watched(&self) -> UtcMs {
        UtcMs(self.watched.load(Ordering::Relaxed))
    }

    /// Makes what becomes due with time, until told to stop. Nothing before all earlier acts are `known`: somebody may have
    /// acknowledged just before the cloud went away.
    pub async fn run(
        self: Arc<Self>,
        clock: Clock,
        known: impl Fn() -> bool + Send,
        stopping: CancellationToken,
    ) {
        let (mut failing, mut watching) = (false, false);
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = clock::sleep(LOOK_EVERY) => {}
            }
            if !watching {
                if !known() {
                    continue;
                }
                self.watch_from(clock());
                watching = true;
            }
            let looked = self.due(clock()).await;
            if let Err(error) = &looked
                && !failing
            {
                tracing::error!(%error, "what is due about alarms could not be made; trying again");
            }
            failing = looked.is_err();
            if !failing {
                self.looked.beat();
            }
        }
    }
}

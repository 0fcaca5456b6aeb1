//! Keeps the logbooks: what waits is entered, signed; what is older than its organization chose goes.
//!
//! In: what the store lets wait, inverters as they are known now, the installation's key. Out: entries within some seconds, each once
//! however often the server dies; every ten minutes, where the clock may be believed, a signed word of what went. Decides nothing of what is
//! kept: `fleet::logbook` and the organizations do.

mod draft;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet::logbook::{Checkpoint, Hash, Signer, seal, years};
use store::state::{BookKey, Draft, Logbook, StateError, StateStore};
use tokio_util::sync::CancellationToken;
use wire::UtcMs;

use crate::clock::{self, Clock};
use crate::live::LiveStates;
use crate::serve::Retention;

/// What waits is entered at most this much later.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Looks between two at what is too old.
const LOOKS_A_SWEEP: u32 = 120;
/// Entries of one transaction: nobody's write waits for more.
const AT_ONCE: u64 = 50;
/// Left after a full one at the least and at the most.
const REST: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// Keeps the logbooks of one store.
#[derive(Debug)]
pub struct Keeper {
    store: StateStore,
    live: Arc<LiveStates>,
    signer: Arc<Signer>,
}

impl Keeper {
    /// Keeps those of `store`, signed by `signer`.
    #[must_use]
    pub fn new(store: StateStore, live: Arc<LiveStates>, signer: Arc<Signer>) -> Self {
        Self { store, live, signer }
    }

    /// Enters what waits. How many entries were written.
    ///
    /// # Errors
    /// [`StateError`]: what was not entered still waits.
    pub async fn look(&self, now: UtcMs) -> Result<u64, StateError> {
        self.store.drop_given_up(Duration::MAX).await?;
        self.store.fill_logbooks().await?;
        let mut written = 0;
        loop {
            let began = Instant::now();
            let waiting = self.store.logbook_waiting(AT_ONCE).await?;
            if waiting.is_empty() {
                return Ok(written);
            }
            let full = waiting.len() as u64 == AT_ONCE;
            let (mut books, mut gone) = (BTreeMap::<BookKey, Vec<Draft>>::new(), Vec::new());
            for one in waiting {
                match draft::of(&self.store, &self.live, &one).await? {
                    Some(draft) => books.entry(one.book).or_default().push(draft),
                    None => gone.push(one.id),
                }
            }
            for (book, drafts) in books {
                written += self.store.enter(book, drafts, now, &self.signer).await?;
            }
            if !gone.is_empty() {
                self.store.drop_waiting(&gone).await?;
            }
            // Who waits for the writer asks for it now and then: between two pieces it must be free for longer than that.
            if full {
                tokio::time::sleep(began.elapsed().clamp(REST.0, REST.1)).await;
            }
        }
    }

    /// Lets go what is older than its organization chose. How many entries.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn let_go(&self, now: UtcMs) -> Result<u64, StateError> {
        let mut gone = 0;
        for book in self.store.logbooks().await? {
            gone += self.let_go_of(&book, now).await?;
        }
        Ok(gone)
    }

    async fn let_go_of(&self, book: &Logbook, now: UtcMs) -> Result<u64, StateError> {
        let Some(kept_ms) = years(book.years) else { return Ok(0) };
        let before = now.plus_ms(-kept_ms);
        let mut gone = 0;
        // Some at a time, each with its own signed word: nobody's write waits for all of them.
        loop {
            let began = Instant::now();
            let Some(last) = self.store.last_entry_before(book.key, before).await? else { return Ok(gone) };
            let checkpoint = Checkpoint {
                book: book.place.book.clone(),
                last: last.number,
                hash: Hash::of(last.line.as_bytes()),
                before,
                gone_at: now,
            };
            let line = seal(&checkpoint, &self.signer)?;
            gone += self.store.drop_entries(book.key, last.number, &line).await?;
            tokio::time::sleep(began.elapsed().clamp(REST.0, REST.1)).await;
        }
    }

    /// Looks again and again until told to end.
    pub async fn run(self, clock: Clock, retention: Arc<Retention>, stopping: CancellationToken) {
        let (mut failing, mut looks) = (false, 0_u32);
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = clock::sleep(LOOK_EVERY) => {}
            }
            let now = clock();
            let mut done = self.look(now).await;
            if done.is_ok() && looks.is_multiple_of(LOOKS_A_SWEEP) && retention.may_go(now) {
                done = self.let_go(now).await;
            }
            looks = looks.wrapping_add(1);
            if let Err(error) = &done
                && !failing
            {
                tracing::error!(%error, "logbooks could not be kept; trying again");
            }
            failing = done.is_err();
        }
    }
}

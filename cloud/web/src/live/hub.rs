//! One task that turns pulses into news for every open stream.
//!
//! In: pulses, the store's change counter, ended sessions. Out: [`News`] on a broadcast channel, a few a second at most.
//! Runs only while somebody listens. A stream that lags is told so by the channel and starts afresh.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fleet::{AccountKey, InverterKey};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::rendered::Rendered;
use crate::sign_in::secret::SecretHash;
use crate::{Context, Error};

/// Pulses within this time make one batch: bounds queries and renderings to ten a second.
const BATCH: Duration = Duration::from_millis(100);
/// Without pulses the change counter is asked this often, so that a taken grant ends a quiet stream soon.
const QUIET: Duration = Duration::from_millis(500);
/// Batches that a slow stream may be behind before it has to start afresh.
const BEHIND: usize = 64;
/// Open pages per account (decision 32).
const STREAMS_PER_ACCOUNT: usize = 10;

/// What happened.
#[derive(Clone, Debug)]
pub enum News {
    /// These inverters changed; `generation` is the store's change counter, asked after they did.
    Changed {
        /// Which.
        inverters: Arc<HashSet<InverterKey>>,
        /// Pulses were missed: any may have changed.
        all: bool,
        /// The store's change counter.
        generation: u64,
    },
    /// A session ended.
    SessionEnded(SecretHash),
    /// A session has a new token: the old one's hash, the new one's.
    SessionRenewed(SecretHash, SecretHash),
}

/// News for open streams, and who has how many open.
#[derive(Debug, Default)]
pub struct Hub {
    channel: Arc<Mutex<Option<broadcast::Sender<News>>>>,
    open: Arc<Mutex<HashMap<AccountKey, usize>>>,
    rendered: Rendered,
}

/// One open stream's place; given back when dropped.
#[derive(Debug)]
pub struct Place {
    account: AccountKey,
    open: Arc<Mutex<HashMap<AccountKey, usize>>>,
}

impl Hub {
    /// Takes one of the account's places.
    ///
    /// # Errors
    /// [`Error::TooManyStreams`].
    pub fn place(&self, account: AccountKey) -> Result<Place, Error> {
        let mut open = lock(&self.open);
        let count = open.entry(account).or_insert(0);
        if *count >= STREAMS_PER_ACCOUNT {
            return Err(Error::TooManyStreams);
        }
        *count += 1;
        Ok(Place { account, open: Arc::clone(&self.open) })
    }

    /// News from now on. Starts the task if nobody listened before.
    pub fn listen(&self, context: &Context) -> broadcast::Receiver<News> {
        let mut channel = lock(&self.channel);
        if let Some(sender) = &*channel {
            return sender.subscribe();
        }
        let (sender, receiver) = broadcast::channel(BEHIND);
        *channel = Some(sender.clone());
        tokio::spawn(run(context.clone(), sender, Arc::clone(&self.channel)));
        receiver
    }

    /// Tells open streams that a session ended.
    pub fn session_ended(&self, hash: SecretHash) {
        self.tell(News::SessionEnded(hash));
    }

    /// Tells open streams that a session goes on under another token.
    pub fn session_renewed(&self, old: SecretHash, new: SecretHash) {
        self.tell(News::SessionRenewed(old, new));
    }

    fn tell(&self, news: News) {
        if let Some(sender) = &*lock(&self.channel) {
            // Nobody listening is no loss.
            let _ = sender.send(news);
        }
    }

    /// Fragments rendered lately.
    pub fn rendered(&self) -> &Rendered {
        &self.rendered
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        if let Some(count) = open.get_mut(&self.account) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.account);
            }
        }
    }
}

async fn run(
    context: Context,
    sender: broadcast::Sender<News>,
    channel: Arc<Mutex<Option<broadcast::Sender<News>>>>,
) {
    let mut pulses = context.live().pulses();
    let mut last_generation = None;
    loop {
        let mut inverters = HashSet::new();
        let mut all = false;
        match tokio::time::timeout(QUIET, pulses.recv()).await {
            Ok(Ok(inverter)) => {
                inverters.insert(inverter);
                tokio::time::sleep(BATCH).await;
                all = drain(&mut pulses, &mut inverters);
            }
            Ok(Err(RecvError::Lagged(_))) => all = true,
            // The pipeline is gone: the process is ending; grants are still watched.
            Ok(Err(RecvError::Closed)) => tokio::time::sleep(QUIET).await,
            Err(_) => {}
        }
        {
            let mut channel = lock(&channel);
            if sender.receiver_count() == 0 {
                *channel = None;
                return;
            }
        }
        let generation = match context.state().change_counter().await {
            Ok(generation) => generation,
            Err(error) => {
                // Without an answer nothing may be said: what is not checked is not shown.
                tracing::error!("live updates wait, the change counter is not readable: {error}");
                continue;
            }
        };
        if !inverters.is_empty() || all || last_generation != Some(generation) {
            last_generation = Some(generation);
            // Nobody listening is no loss.
            let _ = sender.send(News::Changed { inverters: Arc::new(inverters), all, generation });
        }
    }
}

/// Takes what is waiting; says whether some was missed.
fn drain(pulses: &mut broadcast::Receiver<InverterKey>, inverters: &mut HashSet<InverterKey>) -> bool {
    let mut missed = false;
    loop {
        match pulses.try_recv() {
            Ok(inverter) => {
                inverters.insert(inverter);
            }
            Err(broadcast::error::TryRecvError::Lagged(_)) => missed = true,
            Err(_) => return missed,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

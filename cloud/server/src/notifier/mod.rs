//! The notifier: mails leave the outbox, and what the mail server said stays as a receipt.
//!
//! In: the outbox, looked at twice a second and as soon as a message is queued that must not wait; where mails go, from the configuration. Out: every mail at least once and
//! under one Message-ID, at most one sender per mail at a time; what could not be sent waits and is tried again until it
//! is not worth sending. Never sends in the clear, never writes a mail's words or addresses to the log. Nothing waits for
//! it: without a way to send, mails stay in the outbox until their time is over.

mod back_off;
mod counters;
mod error;
mod hand;
mod letter;
mod maildir;
mod smtp;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use store::state::{MailState, StateError, StateStore};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

pub use counters::Counters;
pub use error::{NotSent, SinkError};
pub use letter::{Letter, Letterhead};
pub use maildir::Maildir;
pub use smtp::Smtp;

use crate::clock::Clock;
use hand::Hand;

/// How soon a mail that was queued is seen where nobody told of it: by another process, or due later.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Giving up what is past its time, and counting what waits.
const SURVEY_EVERY: Duration = Duration::from_secs(5);
/// Mails on their way at a time: one slow mail holds up no other, and a mail server is not flooded.
const AT_A_TIME: usize = 4;
/// A stop waits this long for mails in hand. One that takes longer is sent again after its lease.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Where mails go.
#[derive(Debug)]
pub enum Sink {
    /// To a mail server.
    Smtp(Smtp),
    /// Into a folder, in development.
    Maildir(Maildir),
}

impl Sink {
    async fn send(&self, letter: &Letter) -> Result<String, NotSent> {
        match self {
            Self::Smtp(smtp) => smtp.send(letter).await,
            Self::Maildir(maildir) => maildir.keep(letter).await,
        }
    }
}

/// How mails are sent.
#[derive(Debug)]
pub struct Way {
    /// Where to.
    pub sink: Sink,
    /// From whom.
    pub head: Letterhead,
}

/// Sends until told to stop, and then ends the mails in hand. `queued` tells of messages that must not wait.
pub async fn run(
    state: StateStore,
    clock: Clock,
    way: Option<Way>,
    counters: Arc<Counters>,
    queued: Arc<Notify>,
    stopping: CancellationToken,
) {
    let hand =
        way.map(|way| Arc::new(Hand::new(state.clone(), Arc::clone(&clock), way, Arc::clone(&counters))));
    let mut in_hand = JoinSet::new();
    let mut look = tokio::time::interval(LOOK_EVERY);
    let mut survey = tokio::time::interval(SURVEY_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    survey.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        let looked = tokio::select! {
            () = stopping.cancelled() => break,
            _ = survey.tick() => give_up_and_count(&state, &clock, &counters).await,
            () = queued.notified() => take_some(hand.as_ref(), &mut in_hand).await,
            _ = look.tick() => take_some(hand.as_ref(), &mut in_hand).await,
            Some(_) = in_hand.join_next() => take_some(hand.as_ref(), &mut in_hand).await,
        };
        if let Err(error) = &looked
            && !failing
        {
            tracing::error!(%error, "the outbox cannot be read or written; trying again, mails wait");
        }
        failing = looked.is_err();
    }
    let rest = async { while in_hand.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_PATIENCE, rest).await.is_err() {
        tracing::warn!("a mail was still being sent; it may be sent once more after the next start");
    }
}

/// Takes mails in hand while there are any due and hands free.
async fn take_some(hand: Option<&Arc<Hand>>, in_hand: &mut JoinSet<()>) -> Result<(), StateError> {
    let Some(hand) = hand else { return Ok(()) };
    while in_hand.len() < AT_A_TIME {
        let Some(taken) = hand.take().await? else { return Ok(()) };
        in_hand.spawn(Arc::clone(hand).deliver(taken));
    }
    Ok(())
}

async fn give_up_and_count(state: &StateStore, clock: &Clock, counters: &Counters) -> Result<(), StateError> {
    let now = clock();
    let expired = state.expire_mails(now).await?;
    if expired > 0 {
        counters.expired(expired);
        tracing::warn!(count = expired, "mails were not worth sending any more and are given up");
    }
    let waiting =
        state.mail_counts().await?.iter().find(|(state, _)| *state == MailState::Queued).map(|(_, n)| *n);
    counters.waiting(waiting.unwrap_or(0), state.oldest_queued_mail().await?.map(|at| now.since(at)));
    Ok(())
}

//! The notifier: messages leave the outbox, and what whoever took them said stays as a receipt.
//!
//! In: the outbox, looked at twice a second and as soon as a message is queued that must not wait; ways by channel, from the
//! configuration. Out: every message at least once and under one id, at most one sender per message at a time; what could
//! not be sent waits and is tried again until it is not worth sending. Each channel has hands of its own: one that is slow
//! holds up no other. Never sends in the clear, never writes a message's words or addresses to the log. Nothing waits for
//! it: without a way to send, mails stay in the outbox until their time is over.

mod answers;
mod back_off;
mod counters;
mod error;
mod hand;
mod letter;
mod maildir;
pub mod push;
mod receipts;
mod smtp;
pub mod text;
mod trouble;
mod ways;
pub mod webhook;

use std::sync::Arc;
use std::time::Duration;

use fleet::notice::{Channel, Channels};
use store::state::{StateError, StateStore};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

pub use counters::Counters;
pub use error::{NotSent, SinkError};
pub use letter::{Letter, Letterhead};
pub use maildir::{Maildir, sweep as sweep_maildir};
pub use smtp::Smtp;
pub use ways::{Hooks, Ways};

use crate::clock::Clock;
use hand::Hand;

/// How soon a mail that was queued is seen where nobody told of it: by another process, or due later.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Giving up what is past its time, and counting what waits.
const SURVEY_EVERY: Duration = Duration::from_secs(5);
/// The hands of each channel: one slow receiver holds up no other, and a mail server is not flooded.
const HANDS: [Hands; 4] = [
    Hands { channel: Channel::Email, sending: 4, lent: 16 },
    Hands { channel: Channel::Text, sending: 4, lent: 8 },
    Hands { channel: Channel::Push, sending: 8, lent: 16 },
    Hands { channel: Channel::Webhook, sending: 8, lent: 16 },
];
/// Messages past their time that go by the next way in one look.
const GIVEN_UP_AT_ONCE: usize = 100;
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

/// What a channel takes at a time.
struct Hands {
    channel: Channel,
    /// Messages on their way.
    sending: usize,
    /// Messages lent by the outbox: those on their way, those that wait for their turn, those whose receipts are written.
    lent: usize,
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
/// `origin`: where people find our pages, for what is worded anew.
pub async fn run(
    state: StateStore,
    clock: Clock,
    ways: Ways,
    origin: String,
    counters: Arc<Counters>,
    queued: Arc<Notify>,
    stopping: CancellationToken,
) {
    let hand = Hand::new(state.clone(), Arc::clone(&clock), ways, origin, Arc::clone(&counters));
    let mut in_hand = InHand {
        hand: Arc::new(hand),
        counters: Arc::clone(&counters),
        tasks: JoinSet::new(),
        busy: HANDS.map(|hands| (hands.channel, 0)),
    };
    let mut look = tokio::time::interval(LOOK_EVERY);
    let mut survey = tokio::time::interval(SURVEY_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    survey.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        let looked = tokio::select! {
            () = stopping.cancelled() => break,
            _ = survey.tick() => give_up_and_count(&state, &clock, &in_hand.hand, &counters).await,
            () = queued.notified() => in_hand.take_some().await,
            _ = look.tick() => in_hand.take_some().await,
            Some(done) = in_hand.tasks.join_next() => {
                in_hand.free(done);
                in_hand.take_some().await
            }
        };
        if let Err(error) = &looked
            && !failing
        {
            tracing::error!(%error, "the outbox cannot be read or written; trying again, mails wait");
        }
        failing = looked.is_err();
    }
    let rest = async { while in_hand.tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_PATIENCE, rest).await.is_err() {
        tracing::warn!("a message was still being sent; it may be sent once more after the next start");
    }
}

/// What is being sent.
struct InHand {
    hand: Arc<Hand>,
    counters: Arc<Counters>,
    tasks: JoinSet<Channel>,
    busy: [(Channel, usize); 4],
}

impl InHand {
    /// Takes messages in hand while there are any due and hands free for them.
    async fn take_some(&mut self) -> Result<(), StateError> {
        loop {
            let free: Vec<(Channel, usize)> = HANDS.iter().filter_map(|hands| self.free_of(hands)).collect();
            let Some(most) = free.iter().map(|(_, room)| *room).min() else { return Ok(()) };
            let by: Vec<Channel> = free.into_iter().map(|(channel, _)| channel).collect();
            let taken = self.hand.take(Channels::of(&by), most).await?;
            if taken.is_empty() {
                return Ok(());
            }
            for taken in taken {
                self.count(taken.channel(), 1);
                self.tasks.spawn(Arc::clone(&self.hand).deliver(taken));
            }
        }
    }

    /// How many more a channel takes, where that is worth a commit.
    fn free_of(&self, hands: &Hands) -> Option<(Channel, usize)> {
        let busy =
            self.busy.iter().find(|(channel, _)| *channel == hands.channel).map_or(0, |(_, busy)| *busy);
        let room = hands.lent.saturating_sub(busy);
        (room * 4 >= hands.lent && self.hand.sends(hands.channel)).then_some((hands.channel, room))
    }

    /// A hand is free. One that panicked never tells whose it was; then all are counted anew.
    fn free(&mut self, done: Result<Channel, tokio::task::JoinError>) {
        match done {
            Ok(channel) => self.count(channel, -1),
            Err(_) if self.tasks.is_empty() => {
                for (channel, busy) in &mut self.busy {
                    *busy = 0;
                    self.counters.in_hand(*channel, 0);
                }
            }
            Err(_) => {}
        }
    }

    fn count(&mut self, channel: Channel, by: isize) {
        if let Some((_, busy)) = self.busy.iter_mut().find(|(other, _)| *other == channel) {
            *busy = busy.saturating_add_signed(by);
            self.counters.in_hand(channel, *busy);
        }
    }
}

async fn give_up_and_count(
    state: &StateStore,
    clock: &Clock,
    hand: &Hand,
    counters: &Counters,
) -> Result<(), StateError> {
    let now = clock();
    let mut expired = state.expire_mails(now).await?;
    // What must not be missed goes by the next way, one at a time; the rest of many is left to the next look, so that
    // sending is not held up.
    for _ in 0..GIVEN_UP_AT_ONCE {
        if !hand.give_up_one().await? {
            break;
        }
        expired += 1;
    }
    if expired > 0 {
        counters.expired(expired);
        tracing::warn!(count = expired, "messages were not worth sending any more and are given up");
    }
    let oldest = state.oldest_queued_mail().await?;
    let due = state.untried_by_channel(now).await?;
    let untried: Vec<_> = due.into_iter().map(|(channel, at)| (channel, now.since(at))).collect();
    counters.waiting(&state.queued_by_channel().await?, &untried, oldest.map(|at| now.since(at)));
    counters.surveyed.beat();
    Ok(())
}

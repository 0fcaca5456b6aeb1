//! One message in hand: lent by the outbox, sent, its receipt written.
//!
//! In: the outbox, ways to send. Out: the message on its way or put off, and a receipt in either case; what must not be
//! missed goes by the next way where one fails. Some are lent at once and wait for their turn to be sent, so that neither
//! lending nor receipts take a commit each. The lease is short and renewed meanwhile, so that a message whose sender died is
//! soon taken up again; a lease that is lost ends the try.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use fleet::notice::{Channel, Channels, Periodical};
use store::state::{DueMail, NextWay, Note, Noted, StateError, StateStore, Worded};
use tokio::sync::Semaphore;
use web::mail::notes::{self, Headline};
use wire::UtcMs;

use super::counters::Outcome;
use super::receipts::Receipts;
use super::trouble::Trouble;
use super::{Counters, HANDS, NotSent, Ways, back_off};
use crate::clock::Clock;

/// How long a mail is lent; after a crash it waits this long.
const LEASE_MS: i64 = 30_000;
/// Well before the lease is over.
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// Tries to write a receipt: a mail that was sent must not look as if it were not.
const RECEIPT_TRIES: u32 = 5;
const RECEIPT_PAUSE: Duration = Duration::from_secs(1);
/// What must not be missed and was not taken for so long goes by the next way, too, milliseconds.
const NEXT_WAY_AFTER_MS: i64 = 2 * 60_000;
/// Tries of a text that nobody answered: each may have arrived, and costs.
const UNANSWERED_TRIES: u32 = 3;

/// Sends mails, one call each.
pub struct Hand {
    state: StateStore,
    clock: Clock,
    ways: Ways,
    origin: String,
    counters: Arc<Counters>,
    trouble: Trouble,
    receipts: Receipts,
    /// Those on their way at a time, by channel.
    turns: [(Channel, Semaphore); 4],
}

/// A mail and the lease by which it is ours.
pub struct Taken {
    mail: DueMail,
    lease: String,
}

impl Taken {
    /// By which channel it goes.
    pub const fn channel(&self) -> Channel {
        self.mail.channel
    }
}

impl Hand {
    pub fn new(state: StateStore, clock: Clock, ways: Ways, origin: String, counters: Arc<Counters>) -> Self {
        let (receipts, trouble) = (Receipts::new(state.clone()), Trouble::default());
        let turns = HANDS.map(|hands| (hands.channel, Semaphore::new(hands.sending)));
        Self { state, clock, ways, origin, counters, trouble, receipts, turns }
    }

    /// Whether mails can be sent at all. Without, they wait; what cannot go by another channel is refused.
    pub fn sends(&self, channel: Channel) -> bool {
        channel != Channel::Email || self.ways.mail.is_some()
    }

    /// Takes messages that are due by these channels, at most `most`.
    pub async fn take(&self, by: Channels, most: usize) -> Result<Vec<Taken>, StateError> {
        // No chance, no lease: one used before would be somebody else's.
        let (Some(high), Some(low)) = (random(), random()) else { return Ok(Vec::new()) };
        let lease = format!("{high:016x}{low:016x}");
        let now = (self.clock)();
        let mails = self.state.claim_messages(&lease, (by, most as u64), now, now.plus_ms(LEASE_MS)).await?;
        Ok(mails.into_iter().map(|mail| Taken { mail, lease: lease.clone() }).collect())
    }

    /// Gives up one message that is past its time and must not be missed, once it is on its next way. Whether there was one.
    pub async fn give_up_one(&self) -> Result<bool, StateError> {
        let (Some(high), Some(low)) = (random(), random()) else { return Ok(false) };
        let lease = format!("{high:016x}{low:016x}");
        let now = (self.clock)();
        let Some(mail) = self.state.claim_expired(&lease, now, now.plus_ms(LEASE_MS)).await? else {
            return Ok(false);
        };
        self.next_way(&mail, &Err(NotSent::Refused("nobody took it in time".to_owned()))).await?;
        self.state.note_message(mail.id, &lease, Noted::Expired).await?;
        Ok(true)
    }

    /// Sends it and writes what became of it.
    pub async fn deliver(self: Arc<Self>, taken: Taken) -> Channel {
        self.deliver_one(&taken).await;
        taken.mail.channel
    }

    async fn deliver_one(&self, taken: &Taken) {
        let sent = tokio::select! {
            sent = self.send_in_turn(&taken.mail) => sent,
            () = self.keep(taken) => {
                tracing::warn!(mail = taken.mail.id, "a mail was taken by another sender in the middle of sending");
                return;
            }
        };
        self.tell(&taken.mail, &sent);
        for _ in 0..RECEIPT_TRIES {
            match self.note(taken, &sent).await {
                Some(true) => return,
                Some(false) => return tracing::warn!(mail = taken.mail.id, "a mail was not ours any more"),
                None => tokio::time::sleep(RECEIPT_PAUSE).await,
            }
        }
    }

    async fn send_in_turn(&self, mail: &DueMail) -> Result<String, NotSent> {
        let turns = self.turns.iter().find(|(channel, _)| *channel == mail.channel).map(|(_, turns)| turns);
        let _turn = match turns {
            Some(turns) => turns.acquire().await.ok(),
            None => None,
        };
        self.send(mail).await
    }

    async fn send(&self, mail: &DueMail) -> Result<String, NotSent> {
        self.may(mail).await?;
        self.ways.send(&self.state, &self.origin, mail, (self.clock)()).await
    }

    /// Access may have been taken, or the account shut out, since the message was queued: then nothing is sent.
    async fn may(&self, mail: &DueMail) -> Result<(), NotSent> {
        if Periodical::from_name(&mail.kind).is_some() {
            return crate::calendar::may_go(&self.state, mail, (self.clock)()).await;
        }
        if mail.kind == web::mail::power_loss::KIND {
            return crate::calendar::may_still_go(&self.state, mail, (self.clock)()).await;
        }
        let Some((account, incident)) = mail.account.zip(mail.incident) else { return Ok(()) };
        match self.state.may_be_told(account, incident, (self.clock)()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(NotSent::Withheld("access to all that it tells of ended before it was sent")),
            Err(error) => Err(NotSent::Deferred(format!("whether it may be sent is not known: {error}"))),
        }
    }

    /// Returns when the mail is not ours any more.
    async fn keep(&self, taken: &Taken) {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            let until = (self.clock)().plus_ms(LEASE_MS);
            match self.state.keep_mail(taken.mail.id, &taken.lease, until).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, mail = taken.mail.id, "a mail in hand could not be kept")
                }
            }
        }
    }

    /// Ids, kinds and numbers only: answers may repeat an address.
    fn tell(&self, mail: &DueMail, sent: &Result<String, NotSent>) {
        let (id, kind, attempts, channel) = (mail.id, &mail.kind, mail.attempts, mail.channel.name());
        let (outcome, words) = match sent {
            Ok(_) => (Outcome::Sent, "a message is on its way"),
            Err(NotSent::Refused(_)) => {
                (Outcome::Failed, "a message was refused for good; its receipt says why")
            }
            Err(NotSent::Withheld(_)) => (Outcome::Withheld, "a message was not sent; its receipt says why"),
            Err(NotSent::Unknown(_)) => (Outcome::Unknown, "nobody answered; a message may have arrived"),
            Err(NotSent::Deferred(_) | NotSent::NoWay { .. }) => {
                (Outcome::Delayed, "a message was put off; its receipt says why")
            }
        };
        self.counters.count(mail.channel, outcome);
        if let Some(works) = way_works(mail.channel, sent) {
            self.counters.way(mail.channel, works);
        }
        match sent {
            Ok(_) => self.trouble.over(mail.channel),
            Err(no_way @ NotSent::NoWay { .. }) => {
                return self.trouble.tell(mail.channel, &no_way.to_string());
            }
            Err(_) => {}
        }
        if outcome == Outcome::Failed {
            tracing::warn!(message = id, channel, kind, attempts, "{words}");
        } else {
            tracing::info!(message = id, channel, kind, attempts, "{words}");
        }
    }

    /// Writes what came of it. What must not be missed is on its next way before the receipt says that this one failed: a
    /// server that dies in between tries again, and the next way is named so that it is queued once. Whether the message
    /// was still ours; `None`: it could not be written.
    async fn note(&self, taken: &Taken, sent: &Result<String, NotSent>) -> Option<bool> {
        if let Err(error) = self.next_way(&taken.mail, sent).await {
            tracing::error!(%error, message = taken.mail.id, "the next way of a message was not found; trying again");
            return None;
        }
        let (id, lease) = (taken.mail.id, taken.lease.clone());
        self.receipts.write(Note { id, lease, noted: self.noted(&taken.mail, sent) }).await
    }

    fn noted(&self, mail: &DueMail, sent: &Result<String, NotSent>) -> Noted {
        match sent {
            Ok(answer) => Noted::Sent(answer.clone()),
            Err(NotSent::Refused(why)) => Noted::Failed(why.clone()),
            Err(why @ NotSent::Withheld(_)) => Noted::Withheld(why.to_string()),
            Err(NotSent::Unknown(why)) if given_up(mail) => Noted::Unknown(why.clone()),
            Err(later @ (NotSent::Deferred(_) | NotSent::Unknown(_) | NotSent::NoWay { .. })) => {
                Noted::Delayed { due: self.next_try(mail), answer: later.to_string() }
            }
        }
    }

    /// What must not be missed goes by the next way.
    async fn next_way(&self, mail: &DueMail, sent: &Result<String, NotSent>) -> Result<(), StateError> {
        let now = (self.clock)();
        let fails = match sent {
            Ok(_) | Err(NotSent::Withheld(_)) => false,
            Err(NotSent::Refused(_)) => true,
            Err(NotSent::Unknown(_)) if given_up(mail) => true,
            Err(_) => now.since(mail.queued_at) >= NEXT_WAY_AFTER_MS,
        };
        // That somebody has taken it wakes nobody by another way.
        if !fails || mail.incident.is_none() || mail.kind == web::mail::alarms::TAKEN {
            return Ok(());
        }
        let headline = Headline::of(mail.channel, &mail.subject, &mail.text);
        let letter = match notes::letter_again(&self.origin, &headline, mail.channel) {
            Ok(letter) => letter,
            Err(error) => {
                tracing::error!(%error, message = mail.id, "the next way of a message has no words");
                return Ok(());
            }
        };
        let text = notes::text_again(&self.origin, &headline);
        let json = notes::push(&self.origin, &headline);
        let worded = Worded { mail: (&letter.subject, &letter.text, &letter.html), text: &text, json: &json };
        match self.state.go_by_next_way(mail, worded, now).await? {
            NextWay::By(channel) => {
                self.counters.count(channel, Outcome::NextWay);
                let by = channel.name();
                tracing::warn!(message = mail.id, by, "a message failed and goes by the next way");
            }
            NextWay::None => {
                tracing::error!(
                    message = mail.id,
                    "a message failed, and there is no other way to that person"
                );
            }
            NextWay::NotCritical => {}
        }
        Ok(())
    }

    fn next_try(&self, mail: &DueMail) -> UtcMs {
        (self.clock)().plus_ms(back_off::wait_ms(mail.attempts, random().unwrap_or(0)))
    }
}

/// Whether our way works, as far as this try tells. Push services and webhooks are other people's: that one of them puts a
/// message off says nothing about ours, and neither does a message that was refused or withheld.
fn way_works(channel: Channel, sent: &Result<String, NotSent>) -> Option<bool> {
    let ours = matches!(channel, Channel::Email | Channel::Text);
    match sent {
        Ok(_) => Some(true),
        Err(NotSent::NoWay { .. }) => Some(false),
        Err(NotSent::Deferred(_) | NotSent::Unknown(_)) => ours.then_some(false),
        Err(NotSent::Refused(_) | NotSent::Withheld(_)) => None,
    }
}

/// Texts that nobody answers are not sent for ever.
fn given_up(mail: &DueMail) -> bool {
    mail.channel == Channel::Text && mail.attempts >= UNANSWERED_TRIES
}

fn random() -> Option<u64> {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).ok()?;
    Some(u64::from_le_bytes(bytes))
}

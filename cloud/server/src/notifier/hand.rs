//! One mail in hand: lent by the outbox, sent, its receipt written.
//!
//! In: the outbox, a way to send. Out: the mail on its way or put off, and a receipt in either case. The lease is short
//! and renewed while sending, so that a mail whose sender died is soon taken up again; a lease that is lost ends the try.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use store::state::{DueMail, StateError, StateStore};
use wire::UtcMs;

use super::trouble::Trouble;
use super::{Counters, NotSent, Way, back_off};
use crate::clock::Clock;

/// How long a mail is lent; after a crash it waits this long.
const LEASE_MS: i64 = 30_000;
/// Well before the lease is over.
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// Tries to write a receipt: a mail that was sent must not look as if it were not.
const RECEIPT_TRIES: u32 = 5;
const RECEIPT_PAUSE: Duration = Duration::from_secs(1);

/// Sends mails, one call each.
pub struct Hand {
    state: StateStore,
    clock: Clock,
    way: Way,
    counters: Arc<Counters>,
    trouble: Trouble,
}

/// A mail and the lease by which it is ours.
pub struct Taken {
    mail: DueMail,
    lease: String,
}

impl Hand {
    pub fn new(state: StateStore, clock: Clock, way: Way, counters: Arc<Counters>) -> Self {
        Self { state, clock, way, counters, trouble: Trouble::default() }
    }

    /// Takes the next mail that is due, if there is one.
    pub async fn take(&self) -> Result<Option<Taken>, StateError> {
        // No chance, no lease: one used before would be somebody else's.
        let (Some(high), Some(low)) = (random(), random()) else { return Ok(None) };
        let lease = format!("{high:016x}{low:016x}");
        let now = (self.clock)();
        let mail = self.state.claim_mail(&lease, now, now.plus_ms(LEASE_MS)).await?;
        Ok(mail.map(|mail| Taken { mail, lease }))
    }

    /// Sends it and writes what became of it.
    pub async fn deliver(self: Arc<Self>, taken: Taken) {
        let sent = tokio::select! {
            sent = self.send(&taken.mail) => sent,
            () = self.keep(&taken) => {
                tracing::warn!(mail = taken.mail.id, "a mail was taken by another sender in the middle of sending");
                return;
            }
        };
        self.tell(&taken.mail, &sent);
        for _ in 0..RECEIPT_TRIES {
            match self.receipt(&taken, &sent).await {
                Ok(true) => return,
                Ok(false) => return tracing::warn!(mail = taken.mail.id, "a mail was not ours any more"),
                Err(error) => {
                    tracing::error!(%error, mail = taken.mail.id, "a receipt could not be written; trying again");
                    tokio::time::sleep(RECEIPT_PAUSE).await;
                }
            }
        }
    }

    async fn send(&self, mail: &DueMail) -> Result<String, NotSent> {
        self.may(mail).await?;
        let letter = self.way.head.write(mail).map_err(|error| NotSent::Refused(error.to_string()))?;
        self.way.sink.send(&letter).await
    }

    /// Access may have been taken, or the account shut out, since the message was queued: then nothing is sent.
    async fn may(&self, mail: &DueMail) -> Result<(), NotSent> {
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
        let (id, kind, attempts) = (mail.id, &mail.kind, mail.attempts);
        match sent {
            Ok(_) => {
                self.counters.sent();
                self.trouble.over();
                tracing::info!(mail = id, kind, attempts, "a mail is on its way");
            }
            Err(NotSent::Refused(_)) => {
                self.counters.failed();
                tracing::warn!(
                    mail = id,
                    kind,
                    attempts,
                    "a mail was refused for good; its receipt says why"
                );
            }
            Err(NotSent::Withheld(why)) => {
                self.counters.withheld();
                tracing::info!(mail = id, kind, why, "a message was not sent");
            }
            Err(NotSent::Deferred(_)) => {
                self.counters.delayed();
                tracing::info!(mail = id, kind, attempts, "a mail was put off; its receipt says why");
            }
            Err(no_way @ NotSent::NoWay { .. }) => {
                self.counters.delayed();
                self.trouble.tell(&no_way.to_string());
            }
        }
    }

    /// Whether it was still ours.
    async fn receipt(&self, taken: &Taken, sent: &Result<String, NotSent>) -> Result<bool, StateError> {
        let (id, lease) = (taken.mail.id, taken.lease.as_str());
        match sent {
            Ok(answer) => self.state.mail_sent(id, lease, answer).await,
            Err(NotSent::Refused(why)) => self.state.mail_failed(id, lease, why).await,
            Err(why @ NotSent::Withheld(_)) => self.state.mail_withheld(id, lease, &why.to_string()).await,
            Err(later @ (NotSent::Deferred(_) | NotSent::NoWay { .. })) => {
                self.state.mail_delayed(id, lease, self.next_try(&taken.mail), &later.to_string()).await
            }
        }
    }

    fn next_try(&self, mail: &DueMail) -> UtcMs {
        (self.clock)().plus_ms(back_off::wait_ms(mail.attempts, random().unwrap_or(0)))
    }
}

fn random() -> Option<u64> {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).ok()?;
    Some(u64::from_le_bytes(bytes))
}

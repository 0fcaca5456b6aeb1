//! What applying an entry changes elsewhere in the state store, at once: turns of alarms, how attempts at pairing ended.
//!
//! In: turns and outcomes from the inverters' owner, in order. Out: of turns rows and messages, many in one transaction; of
//! attempts rows, grants, the audit log and letters, one transaction each. Written again after a kill and harmless then: a
//! turn that is there and the first outcome of an attempt stay. Decides nothing.

use fleet::pairing::{End, Outcome};
use fleet::{AccountKey, InverterKey};
use store::state::{Email, NewMail, StateError, StateStore};
use web::mail::Letter;
use wire::UtcMs;

use crate::announcer::{Announcer, Turn};

/// How an attempt at pairing ended, or that time went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// An attempt ended.
    Ended(Outcome),
    /// It is this late: attempts whose time is over end.
    Expire(UtcMs),
}

/// Several, each kind in order.
#[derive(Debug, Default)]
pub struct Effects {
    pairings: Vec<Effect>,
    turns: Vec<Turn>,
}

impl Effects {
    /// Adds one. Of ticks in a row only the last matters.
    pub fn push(&mut self, effect: Effect) {
        if let (Effect::Expire(_), Some(last @ Effect::Expire(_))) = (effect, self.pairings.last_mut()) {
            *last = effect;
        } else {
            self.pairings.push(effect);
        }
    }

    /// Adds several.
    pub fn extend(&mut self, effects: impl IntoIterator<Item = Effect>) {
        effects.into_iter().for_each(|effect| self.push(effect));
    }

    /// Adds turns of alarms.
    pub fn turned(&mut self, turns: impl IntoIterator<Item = Turn>) {
        self.turns.extend(turns);
    }

    /// Forgets the turns of an inverter that was given up.
    pub fn forget(&mut self, inverter: InverterKey) {
        self.turns.retain(|turn| turn.event.inverter != inverter);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pairings.is_empty() && self.turns.is_empty()
    }

    /// Whether alarms took a turn.
    pub fn has_turns(&self) -> bool {
        !self.turns.is_empty()
    }

    /// Writes all: alarms first, as somebody waits for word of them.
    ///
    /// # Errors
    /// [`StateError`]: what was written before it stays, which is harmless.
    pub async fn write(
        self,
        store: &StateStore,
        origin: &str,
        announcer: &Announcer,
    ) -> Result<(), StateError> {
        announcer.turns(&self.turns).await?;
        for effect in self.pairings {
            match effect {
                Effect::Ended(outcome) => end(store, origin, &outcome).await?,
                Effect::Expire(through) => drop(store.expire_pairings(through).await?),
            }
        }
        Ok(())
    }
}

async fn end(store: &StateStore, origin: &str, outcome: &Outcome) -> Result<(), StateError> {
    let letters =
        if outcome.end == End::Paired { letters(store, origin, outcome).await? } else { Vec::new() };
    let keys: Vec<_> =
        letters.iter().map(|(to, ..)| format!("paired/{}/{}", outcome.attempt.0, to.0)).collect();
    let mails: Vec<NewMail<'_>> =
        letters.iter().zip(&keys).map(|((_, to, letter), key)| letter.notice(to, key, outcome.at)).collect();
    if store.end_pairing(outcome, &mails).await? {
        tracing::info!(attempt = outcome.attempt.0, end = outcome.end.name(), "an attempt at pairing ended");
    }
    Ok(())
}

/// To everybody who has access already (decision 29).
async fn letters(
    store: &StateStore,
    origin: &str,
    outcome: &Outcome,
) -> Result<Vec<(AccountKey, Email, Letter)>, StateError> {
    let told = match store.pairing_to_tell(outcome.attempt, outcome.at).await {
        // A row that cannot be read keeps a letter back, not the pairing: it is in the audit log, which they can read.
        Err(error) if !matches!(error, StateError::Database { .. }) => {
            tracing::error!(%error, "holders are not told of a pairing");
            None
        }
        told => told?,
    };
    let Some(paired) = told else { return Ok(Vec::new()) };
    match web::mail::pairing::paired(origin, &paired, outcome.at) {
        Ok(letter) => {
            Ok(paired.holders.into_iter().map(|(key, email)| (key, email, letter.clone())).collect())
        }
        Err(error) => {
            tracing::error!(%error, "holders are not told of a pairing: the letter was not written");
            Ok(Vec::new())
        }
    }
}

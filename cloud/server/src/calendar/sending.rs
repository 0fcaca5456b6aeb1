//! Whether a letter of the calendar may still go, at the moment of sending.
//!
//! In: a letter from the outbox. Out: yes, or why not. Whoever may not see any more what one of its lines is about does not
//! get it: it is written anew with what is left.

use std::collections::HashSet;

use fleet::InverterKey;
use store::state::{DueMail, StateError, StateStore};
use wire::UtcMs;

use super::reader::visible;
use crate::notifier::NotSent;

const NOBODY: NotSent = NotSent::Withheld("the account that it was for is gone or disabled");

/// Asks again what was asked when the letter was written.
///
/// # Errors
/// [`NotSent::Withheld`], [`NotSent::Deferred`] where it is not known.
pub async fn may_go(store: &StateStore, mail: &DueMail, now: UtcMs) -> Result<(), NotSent> {
    if sees_all(store, mail, now).await? {
        return Ok(());
    }
    store.write_letter_anew(&mail.key, now).await.map_err(unknown)?;
    Err(NotSent::Withheld("access to something that it lists ended; it is written anew with what is left"))
}

/// The same of a letter that is written once.
///
/// # Errors
/// As [`may_go`].
pub async fn may_still_go(store: &StateStore, mail: &DueMail, now: UtcMs) -> Result<(), NotSent> {
    if sees_all(store, mail, now).await? {
        return Ok(());
    }
    Err(NotSent::Withheld("access to something that it lists ended before it was sent"))
}

fn unknown(error: StateError) -> NotSent {
    NotSent::Deferred(format!("whether it may be sent is not known: {error}"))
}

/// Whether the reader may still see all that a letter lists.
async fn sees_all(store: &StateStore, mail: &DueMail, now: UtcMs) -> Result<bool, NotSent> {
    let key = mail.account.ok_or(NOBODY)?;
    let account = store.account(key).await.map_err(unknown)?;
    if account.is_none_or(|account| account.disabled) {
        return Err(NOBODY);
    }
    let listed = store.listed_in_letter(&mail.key).await.map_err(unknown)?.ok_or(NOBODY)?;
    let seen: HashSet<InverterKey> =
        visible(store, key, now).await.map_err(unknown)?.into_iter().map(|row| row.inverter.key).collect();
    Ok(listed.iter().all(|key| seen.contains(key)))
}

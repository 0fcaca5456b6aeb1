//! Second factors of accounts: who has one, who must, and what follows a change of them.
//!
//! In: an account or a caller. Out: yes, or [`Error::SecondFactor`], which leads to the page where one is set up. The
//! rules are `fleet::factors`'s.

use std::net::IpAddr;

use fleet::AccountKey;
use fleet::audit::Verb;
use fleet::factors::Held;
use http::{HeaderMap, HeaderValue};
use store::state::{Account, Act};

use super::secret::{Secret, SecretHash};
use super::{act, recovery, session};
use crate::caller::Caller;
use crate::{Context, Error};

/// The second factors that an account has.
///
/// # Errors
/// [`Error::Internal`].
pub async fn held(context: &Context, account: AccountKey) -> Result<Held, Error> {
    let held = context.state().factors(account).await;
    held.map_err(|error| Error::internal("look up second factors", error))
}

/// Whether an account has what is asked of it. `demanded`: an organization demands a second factor of its members.
///
/// # Errors
/// [`Error::Internal`].
pub async fn satisfied(context: &Context, account: &Account, demanded: bool) -> Result<bool, Error> {
    let held = held(context, account.key).await?;
    Ok(fleet::factors::satisfied(held, account.operator, demanded))
}

/// The caller must have what is asked of them. Ask it before every page of an operator, with `demanded` before what an
/// organization holds.
///
/// # Errors
/// [`Error::SecondFactor`], [`Error::Internal`].
pub async fn require(context: &Context, caller: &Caller, demanded: bool) -> Result<(), Error> {
    if satisfied(context, &caller.account, demanded).await? { Ok(()) } else { Err(Error::SecondFactor) }
}

/// An act of the caller on their own factors, for the log.
///
/// # Errors
/// [`Error::Internal`].
pub fn own_act(context: &Context, caller: &Caller, verb: Verb, detail: &str) -> Result<Act, Error> {
    Ok(act::of(context, caller, verb)?.of_account(caller.account.key).with_detail(detail))
}

/// A set of recovery codes for an account, as they are shown, and as they are kept.
///
/// # Errors
/// [`Error::Internal`].
pub fn recovery_set(context: &Context, account: AccountKey) -> Result<(Vec<String>, Vec<SecretHash>), Error> {
    let codes = recovery::set().map_err(|error| Error::internal("make recovery codes", error))?;
    let hashes = codes.iter().map(|code| context.vault().hash(account, code)).collect();
    Ok((codes, hashes))
}

/// After a change: the sessions that it ended say so to their pages, and the caller's own goes on under a new token.
///
/// # Errors
/// [`Error::SignIn`], [`Error::Internal`].
pub async fn changed(
    context: &Context,
    caller: &Caller,
    headers: &HeaderMap,
    ended: &[SecretHash],
) -> Result<HeaderValue, Error> {
    for hash in ended {
        context.hub().session_ended(*hash);
    }
    session::renew(context, caller, headers, false).await
}

/// A name for a letter that is written once.
pub(crate) fn letter_key() -> Result<String, Error> {
    Secret::new().map(|secret| secret.reveal()).map_err(|error| Error::internal("name a letter", error))
}

/// Where somebody acts from, for letters.
pub(crate) fn from(address: Option<IpAddr>) -> Option<String> {
    address.map(|address| address.to_canonical().to_string())
}

//! Proving by a password who one is.
//!
//! In: an address or an account, a password as typed. Out: the account, or nothing, after the growing delay. The same
//! work for an account that is not there or disabled.

use std::net::IpAddr;

use store::state::{Account, Email};

use super::delay::Source;
use super::password::{self, PasswordError};
use crate::{Context, Error};

/// The account of an address, if the password is its own.
///
/// # Errors
/// [`Error::Busy`], [`Error::Internal`].
pub async fn by_password(
    context: &Context,
    email: &str,
    password: String,
    address: Option<IpAddr>,
) -> Result<Option<Account>, Error> {
    let email = Email::parse(email).ok();
    let name = email.as_ref().map_or("", Email::as_str);
    let source = Source::from(address);
    let wait = context.delays().attempt(name, source, context.now());
    tokio::time::sleep(wait).await;
    let account = match &email {
        Some(email) => context.state().account_by_email(email).await,
        None => Ok(None),
    };
    let account = account.map_err(|error| Error::internal("look up an account", error))?;
    let account = account.filter(|account| !account.disabled);
    let too_long = password.len() > password::MAX_BYTES;
    let stored = account.as_ref().filter(|_| !too_long).map(|account| account.password_hash.clone());
    let right = context.verifier().verify(password, stored).await.map_err(|error| match error {
        PasswordError::Busy => Error::Busy,
        other => Error::internal("verify a password", other),
    })?;
    if right {
        context.delays().succeeded(name, source);
        return Ok(account);
    }
    Ok(None)
}

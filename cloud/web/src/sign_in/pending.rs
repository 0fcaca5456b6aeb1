//! A sign-in half-way: the password was right, the second factor is to come.
//!
//! In: an account that has one. Out: a cookie of its own for five minutes, which opens nothing but the next step. It is
//! used up by the right code, by five wrong ones, or by time.

use fleet::factors::{PENDING_MS, WRONG_CODES};
use http::{HeaderMap, HeaderValue};
use store::state::{Account, PendingSignIn};

use super::secret::Secret;
use super::session;
use crate::{Context, Error};

/// Name of the cookie.
pub const COOKIE: &str = "__Host-sign-in";

/// The cookie that takes the cookie away.
pub const GONE: HeaderValue =
    HeaderValue::from_static("__Host-sign-in=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");

/// Notes that the password of `account` was right; the cookie for the next step.
///
/// # Errors
/// [`Error::Internal`].
pub async fn begin(context: &Context, account: &Account, remember: bool) -> Result<HeaderValue, Error> {
    let secret = Secret::new().map_err(|error| Error::internal("begin a sign-in", error))?;
    let new = PendingSignIn {
        token_hash: secret.hash(),
        account: account.key,
        expires_at: context.now().plus_ms(PENDING_MS),
        remember,
    };
    let begun = context.state().begin_sign_in(&new).await;
    begun.map_err(|error| Error::internal("begin a sign-in", error))?;
    let (token, seconds) = (secret.reveal(), PENDING_MS / 1000);
    let cookie = format!("{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    HeaderValue::from_str(&cookie).map_err(|error| Error::internal("make a cookie", error))
}

/// The sign-in that the request's browser began, while it counts.
///
/// # Errors
/// [`Error::Internal`].
pub async fn find(context: &Context, headers: &HeaderMap) -> Result<Option<(PendingSignIn, Account)>, Error> {
    let Some(secret) = session::named(headers, COOKIE) else { return Ok(None) };
    let found = context.state().pending_sign_in(&secret.hash(), context.now()).await;
    found.map_err(|error| Error::internal("look up a sign-in", error))
}

/// Counts a wrong code. Whether that was the last: the password is asked again then.
///
/// # Errors
/// [`Error::Internal`].
pub async fn failed(context: &Context, pending: &PendingSignIn) -> Result<bool, Error> {
    let failures = context.state().sign_in_failed(&pending.token_hash).await;
    let failures = failures.map_err(|error| Error::internal("count a wrong code", error))?;
    if failures < WRONG_CODES {
        return Ok(false);
    }
    end(context, pending).await?;
    Ok(true)
}

/// Uses the sign-in up. Whether it was there: two requests with one cookie make one session.
///
/// # Errors
/// [`Error::Internal`].
pub async fn end(context: &Context, pending: &PendingSignIn) -> Result<bool, Error> {
    let ended = context.state().end_sign_in(&pending.token_hash).await;
    ended.map_err(|error| Error::internal("end a sign-in", error))
}

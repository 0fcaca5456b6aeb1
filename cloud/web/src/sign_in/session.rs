//! Sessions: a cookie with 256 random bits, looked up by their hash.
//!
//! In: the Cookie header, now. Out: the session and its account while both count. How long that is says
//! `fleet::session`. A live stream is not activity. The cookie is `__Host-`: our host, https, whole path. The token is
//! changed at every proof and at every change of factors.

use std::net::IpAddr;

use fleet::audit::Verb;
use fleet::session::{Life, REMEMBERED_MS, Standing};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use store::state::{Account, NewSession, Session};

use super::proof::Way;
use super::secret::{Secret, SecretHash};
use super::{act, proof};
use crate::caller::Caller;
use crate::{Context, Error};

/// Name of the cookie; the prefix makes browsers refuse it from anybody but this host over https.
pub const COOKIE: &str = "__Host-session";
/// How exactly "last seen" is kept: one write a minute, not one a request.
const GRAIN_MS: i64 = 60_000;

/// The secret of the request's session.
#[must_use]
pub fn secret(headers: &HeaderMap) -> Option<Secret> {
    named(headers, COOKIE)
}

/// The secret of the cookie called `wanted`; more than one such cookie is nobody's.
pub(super) fn named(headers: &HeaderMap, wanted: &str) -> Option<Secret> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == wanted);
    let (_, value) = found.next()?;
    if found.next().is_some() { None } else { Secret::parse(value) }
}

/// A session that counts.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its row.
    pub session: Session,
    /// Whose.
    pub account: Account,
    /// What for.
    pub standing: Standing,
}

/// The session of a hash while it counts, without noting its use.
///
/// # Errors
/// [`Error::Internal`].
pub async fn look(context: &Context, hash: &SecretHash) -> Result<Option<Found>, Error> {
    let now = context.now();
    let found = context.state().session(hash, now).await;
    let found = found.map_err(|error| Error::internal("look up a session", error))?;
    let counting = |(session, account): (Session, Account)| {
        session.life.standing(now).map(|standing| Found { session, account, standing })
    };
    Ok(found.and_then(counting))
}

/// The session of a hash while it counts; notes that it is used.
///
/// # Errors
/// [`Error::Internal`].
pub async fn using(context: &Context, hash: &SecretHash) -> Result<Option<Found>, Error> {
    let found = look(context, hash).await?;
    let now = context.now();
    if let Some(Found { session, .. }) = &found
        && now.since(session.life.last_seen_at) >= GRAIN_MS
    {
        let touched = context.state().touch_session(hash, session.life.used(now)).await;
        touched.map_err(|error| Error::internal("note a session's use", error))?;
    }
    Ok(found)
}

/// Makes a session for somebody who has just proved who they are, and the cookie that opens it. A device is remembered
/// only if its owner ticked that, and never an operator's. `way`: how they did, for the audit log.
///
/// # Errors
/// [`Error::Internal`].
pub async fn start(
    context: &Context,
    account: &Account,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
    remember: bool,
    way: Way,
) -> Result<HeaderValue, Error> {
    let secret = Secret::new().map_err(|error| Error::internal("make a session", error))?;
    let life = Life::begin(context.now(), remember && !account.operator);
    let address = peer.map(|address| address.to_string());
    let new = NewSession {
        token_hash: secret.hash(),
        account: account.key,
        life,
        user_agent: user_agent(headers),
        address: address.as_deref(),
    };
    let act = proof::own(context, account, Verb::SignIn, peer)?.with_detail(way.words());
    let made = context.state().create_session(new, &act).await;
    made.map_err(|error| Error::internal("make a session", error))?;
    cookie(&secret, life)
}

/// Gives the caller's session a new token. With a `proof` its life begins anew, too.
///
/// # Errors
/// [`Error::SignIn`] where the session ended meanwhile, [`Error::Internal`].
pub async fn renew(
    context: &Context,
    caller: &Caller,
    headers: &HeaderMap,
    proof: bool,
) -> Result<HeaderValue, Error> {
    let old = caller.session.as_ref().ok_or(Error::SignIn)?;
    let found = look(context, old).await?.ok_or(Error::SignIn)?.session;
    let secret = Secret::new().map_err(|error| Error::internal("renew a session", error))?;
    let life = if proof { Life::begin(context.now(), found.life.remembered) } else { found.life };
    let address = caller.address.map(|address| address.to_string()).or(found.address);
    let new = NewSession {
        token_hash: secret.hash(),
        account: caller.account.key,
        life,
        user_agent: user_agent(headers),
        address: address.as_deref(),
    };
    let renewed = context.state().rotate_session(old, new).await;
    if !renewed.map_err(|error| Error::internal("renew a session", error))? {
        return Err(Error::SignIn);
    }
    context.hub().session_renewed(*old, secret.hash());
    cookie(&secret, life)
}

/// The caller ends a session of their own, this one or another. Whether there was one.
///
/// # Errors
/// [`Error::Internal`].
pub async fn end_own(
    context: &Context,
    caller: &Caller,
    hash: &SecretHash,
    verb: Verb,
) -> Result<bool, Error> {
    let act = act::of(context, caller, verb)?.of_account(caller.account.key);
    let ended = context.state().end_session(caller.account.key, hash, &act).await;
    let ended = ended.map_err(|error| Error::internal("end a session", error))?;
    if ended {
        context.hub().session_ended(*hash);
    }
    Ok(ended)
}

/// Signs out: ends the session of a cookie, whatever it still counts for.
///
/// # Errors
/// [`Error::Internal`].
pub async fn sign_out(context: &Context, hash: &SecretHash, peer: Option<IpAddr>) -> Result<(), Error> {
    match look(context, hash).await? {
        None => end(context, hash).await,
        Some(Found { account, .. }) => {
            let act = proof::own(context, &account, Verb::SignOut, peer)?;
            let ended = context.state().end_session(account.key, hash, &act).await;
            ended.map_err(|error| Error::internal("end a session", error))?;
            context.hub().session_ended(*hash);
            Ok(())
        }
    }
}

/// Ends a session and its live streams, because another takes its place.
///
/// # Errors
/// [`Error::Internal`].
pub async fn end(context: &Context, hash: &SecretHash) -> Result<(), Error> {
    let ended = context.state().delete_session(hash).await;
    ended.map_err(|error| Error::internal("end a session", error))?;
    context.hub().session_ended(*hash);
    Ok(())
}

/// Ends all sessions of the caller's account but this one. How many.
///
/// # Errors
/// [`Error::Internal`].
pub async fn end_others(context: &Context, caller: &Caller) -> Result<usize, Error> {
    let act = act::of(context, caller, Verb::SessionEndAll)?.of_account(caller.account.key);
    let ended = context.state().end_other_sessions(caller.account.key, caller.session.as_ref(), &act).await;
    let ended = ended.map_err(|error| Error::internal("end sessions", error))?;
    for hash in &ended {
        context.hub().session_ended(*hash);
    }
    Ok(ended.len())
}

fn user_agent(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("")
}

fn cookie(secret: &Secret, life: Life) -> Result<HeaderValue, Error> {
    let keep = if life.remembered { format!("; Max-Age={}", REMEMBERED_MS / 1000) } else { String::new() };
    let cookie = format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax{keep}", secret.reveal());
    HeaderValue::from_str(&cookie).map_err(|error| Error::internal("make a cookie", error))
}

/// Where a session ends: what the browser kept of its pages goes. Not its storage, which would end push messages.
pub const NOTHING_KEPT: (HeaderName, HeaderValue) =
    (HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\""));

/// The cookie that takes the cookie away.
pub const GONE: HeaderValue =
    HeaderValue::from_static("__Host-session=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cookies: &[&str], expect: bool) {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        assert_eq!(secret(&headers).is_some(), expect, "{cookies:?}");
    }

    /// ASVS 5.0: 3.3.3, 7.2.1, 15.3.7.
    #[test]
    fn exactly_one_well_formed_cookie_counts() {
        let token = Secret::new().unwrap().reveal();
        check(&[&format!("a=b; __Host-session={token}")], true);
        check(&[&format!("__Host-session={token}"), "other=1"], true);
        check(&[&format!("session={token}")], false);
        check(&[&format!("__Host-session={token}; __Host-session={token}")], false);
        check(&["__Host-session=short"], false);
        check(&[], false);
    }
}

//! Sessions: a cookie with 256 random bits, looked up by their hash.
//!
//! In: the Cookie header, now. Out: the session and its account while both count. Idle one hour ends it, twelve hours
//! in all end it, whatever happens. A live stream is not activity. The cookie is `__Host-`: our host, https, whole path.

use http::{HeaderMap, HeaderValue, header};
use store::state::{Account, NewSession, Session};
use wire::UtcMs;

use super::secret::{Secret, SecretHash};
use crate::{Context, Error};

/// Name of the cookie; the prefix makes browsers refuse it from anybody but this host over https.
pub const COOKIE: &str = "__Host-session";
/// Without a request for this long the session is over, milliseconds.
pub const IDLE_MS: i64 = 60 * 60_000;
/// After this long the session is over, milliseconds.
pub const ABSOLUTE_MS: i64 = 12 * 60 * 60_000;
/// How exactly "last seen" is kept: one write a minute, not one a request.
const GRAIN_MS: i64 = 60_000;

/// The secret of the request's cookie; more than one such cookie is nobody's.
#[must_use]
pub fn secret(headers: &HeaderMap) -> Option<Secret> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE);
    let (_, value) = found.next()?;
    if found.next().is_some() { None } else { Secret::parse(value) }
}

/// The session of a hash while it counts, without noting its use.
///
/// # Errors
/// [`Error::Internal`].
pub async fn look(context: &Context, hash: &SecretHash) -> Result<Option<(Session, Account)>, Error> {
    let now = context.now();
    let found = context.state().session(hash, now).await;
    let found = found.map_err(|error| Error::internal("look up a session", error))?;
    Ok(found.filter(|(session, _)| now < ends(session)))
}

/// The session of a hash while it counts; notes that it is used.
///
/// # Errors
/// [`Error::Internal`].
pub async fn using(context: &Context, hash: &SecretHash) -> Result<Option<(Session, Account)>, Error> {
    let found = look(context, hash).await?;
    let now = context.now();
    if let Some((session, _)) = &found
        && now.since(session.last_seen_at) >= GRAIN_MS
    {
        let touched = context.state().touch_session(hash, now).await;
        touched.map_err(|error| Error::internal("note a session's use", error))?;
    }
    Ok(found)
}

/// When a session ends if it is not used again.
#[must_use]
pub fn ends(session: &Session) -> UtcMs {
    session.last_seen_at.plus_ms(IDLE_MS).min(session.expires_at)
}

/// Makes a session and the cookie that opens it.
///
/// # Errors
/// [`Error::Internal`].
pub async fn start(
    context: &Context,
    account: &Account,
    headers: &HeaderMap,
    address: Option<&str>,
) -> Result<HeaderValue, Error> {
    let secret = Secret::new().map_err(|error| Error::internal("make a session", error))?;
    let now = context.now();
    let new = NewSession {
        token_hash: secret.hash(),
        account: account.key,
        created_at: now,
        expires_at: now.plus_ms(ABSOLUTE_MS),
        user_agent: headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or(""),
        address,
    };
    context.state().create_session(new).await.map_err(|error| Error::internal("make a session", error))?;
    let cookie = format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax", secret.reveal());
    HeaderValue::from_str(&cookie).map_err(|error| Error::internal("make a cookie", error))
}

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

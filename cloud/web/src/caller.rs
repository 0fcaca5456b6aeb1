//! Who makes a request.
//!
//! In: a cookie, or a bearer token on the API. Out: a [`Caller`], or [`Error::SignIn`]. A page takes no token, so that a
//! token's reach is the API's; a wrong token is refused even beside a good cookie. A remembered device that is not
//! active any more may look, acknowledge and shelve: every other unsafe request of it is refused here, by its route.

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath};
use fleet::session::Standing;
use http::request::Parts;
use http::{HeaderMap, header};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use fleet::AccountKey;
use store::state::{Account, TokenReach};
use wire::UtcMs;

use crate::paced::Kind;
use crate::sign_in::secret::{Secret, SecretHash};
use crate::sign_in::{failed, fresh, session};
use crate::{Context, Error};

/// An account that proved itself.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub account: Account,
    /// The session's hash; `None` for a token.
    pub session: Option<SecretHash>,
    /// What the session counts for. A token is always active.
    pub standing: Standing,
    /// When the person last proved who they are; `None` for a token, which proves nothing of a person.
    pub confirmed_at: Option<UtcMs>,
    /// What a token may be used for; `None` for a session, which reaches what the account does.
    pub token: Option<TokenReach>,
    /// Where the request comes from, as far as the door says.
    pub address: Option<IpAddr>,
}

/// Whose request it was found to be, for who sees the answer only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known(Arc<OnceLock<AccountKey>>);

impl Known {
    /// The account; `None` while nobody has looked, or where it is nobody's.
    pub(crate) fn account(&self) -> Option<AccountKey> {
        self.0.get().copied()
    }
}

fn note(parts: &Parts, account: &Account) {
    if let Some(Known(known)) = parts.extensions.get::<Known>() {
        let _ = known.set(account.key);
    }
}

/// A caller on the API: by cookie or by bearer token.
#[derive(Clone, Debug)]
pub struct ApiCaller(pub Caller);

impl FromRequestParts<Context> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Error> {
        let secret = session::secret(&parts.headers).ok_or(Error::SignIn)?;
        let hash = secret.hash();
        let session::Found { session, account, standing } =
            session::using(context, &hash).await?.ok_or(Error::SignIn)?;
        note(parts, &account);
        let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        if standing == Standing::Remembered && !fresh::remembered_may(&parts.method, path) {
            return Err(Error::Reauthenticate);
        }
        Ok(Self {
            account,
            session: Some(hash),
            standing,
            confirmed_at: Some(session.life.confirmed_at),
            token: None,
            address: address(&parts.extensions),
        })
    }
}

impl FromRequestParts<Context> for ApiCaller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Error> {
        match bearer(&parts.headers) {
            None => Caller::from_request_parts(parts, context).await.map(Self),
            Some(secret) => match by_token(context, parts, secret).await? {
                Some(caller) => Ok(Self(caller)),
                None => {
                    let from = address(&parts.extensions);
                    failed::note(context, Kind::Token, "a token that is none", None, from);
                    Err(Error::SignIn)
                }
            },
        }
    }
}

/// Notes a token's use once in this long, milliseconds.
const GRAIN_MS: i64 = 60_000;

async fn by_token(context: &Context, parts: &Parts, secret: Option<Secret>) -> Result<Option<Caller>, Error> {
    let Some(secret) = secret else { return Ok(None) };
    let now = context.now();
    let found = context.state().token_by_hash(&secret.hash(), now).await;
    let found = found.map_err(|error| Error::internal("look up a token", error))?;
    let Some((token, account)) = found else { return Ok(None) };
    note(parts, &account);
    if token.last_used_at.is_none_or(|last| now.since(last) >= GRAIN_MS) {
        let touched = context.state().touch_token(token.key, now).await;
        touched.map_err(|error| Error::internal("note a token's use", error))?;
    }
    Ok(Some(Caller {
        account,
        session: None,
        standing: Standing::Active,
        confirmed_at: None,
        token: Some(token.reach),
        address: address(&parts.extensions),
    }))
}

/// `None`: no Authorization header. `Some(None)`: one that is not a bearer token of ours.
fn bearer(headers: &HeaderMap) -> Option<Option<Secret>> {
    let value = headers.get(header::AUTHORIZATION)?;
    let parsed = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") { Secret::parse(token.trim()) } else { None }
    });
    Some(parsed)
}

/// Where a request comes from, as far as the accept loop said.
pub fn address(parts: &http::Extensions) -> Option<IpAddr> {
    parts.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip())
}

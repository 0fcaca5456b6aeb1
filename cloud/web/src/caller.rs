//! Who makes a request.
//!
//! In: a cookie, or a bearer token on the API. Out: a [`Caller`], or [`Error::SignIn`]. A page takes no token, so that a
//! token's reach is the API's; a wrong token is refused even beside a good cookie.

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;
use http::{HeaderMap, header};
use std::net::{IpAddr, SocketAddr};
use store::state::Account;

use crate::sign_in::secret::{Secret, SecretHash};
use crate::sign_in::session;
use crate::{Context, Error};

/// An account that proved itself.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub account: Account,
    /// The session's hash; `None` for a token.
    pub session: Option<SecretHash>,
}

/// A caller on the API: by cookie or by bearer token.
#[derive(Clone, Debug)]
pub struct ApiCaller(pub Caller);

impl FromRequestParts<Context> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Error> {
        let secret = session::secret(&parts.headers).ok_or(Error::SignIn)?;
        let hash = secret.hash();
        let (_, account) = session::using(context, &hash).await?.ok_or(Error::SignIn)?;
        Ok(Self { account, session: Some(hash) })
    }
}

impl FromRequestParts<Context> for ApiCaller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Error> {
        match bearer(&parts.headers) {
            None => Caller::from_request_parts(parts, context).await.map(Self),
            Some(secret) => by_token(context, secret.ok_or(Error::SignIn)?).await.map(Self),
        }
    }
}

/// Notes a token's use once in this long, milliseconds.
const GRAIN_MS: i64 = 60_000;

async fn by_token(context: &Context, secret: Secret) -> Result<Caller, Error> {
    let now = context.now();
    let found = context.state().token_by_hash(&secret.hash(), now).await;
    let found = found.map_err(|error| Error::internal("look up a token", error))?;
    let (token, account) = found.ok_or(Error::SignIn)?;
    if token.last_used_at.is_none_or(|last| now.since(last) >= GRAIN_MS) {
        let touched = context.state().touch_token(token.key, now).await;
        touched.map_err(|error| Error::internal("note a token's use", error))?;
    }
    Ok(Caller { account, session: None })
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

//! Confirming with a passkey who one is, before what is dangerous.
//!
//! In: what the page's script got from an authenticator. Out: what the script asks it; the same session under a new token
//! with a fresh proof.

use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use http::header;
use serde::Deserialize;

use super::sign_in::{local, with_return};
use super::sign_in_passkey::{FIELDS, asked};
use crate::caller::Caller;
use crate::sign_in::proof::{self, Assertion};
use crate::sign_in::session;
use crate::webauthn::challenge::Purpose;
use crate::webauthn::options::Get;
use crate::{Context, Error};

/// The form that the script fills in.
#[derive(Deserialize)]
pub struct Answer {
    #[serde(flatten)]
    assertion: Assertion,
    #[serde(default)]
    next: String,
}

/// `GET /confirm/passkey`
pub async fn options(State(context): State<Context>, caller: Caller) -> Result<Json<Get>, Error> {
    asked(&context, Purpose::Confirm(caller.account.key))
}

/// `POST /confirm/passkey`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    request: Request,
) -> Result<Response, Error> {
    let headers = request.headers().clone();
    let form = Form::<Answer>::from_request(request, &()).await;
    let Form(Answer { assertion, next }) = form.map_err(|_| Error::Request(FIELDS.to_owned()))?;
    let purpose = Purpose::Confirm(caller.account.key);
    let proved = proof::by_passkey(&context, &assertion, purpose, caller.address).await?;
    if !proved.is_ok_and(|account| account.key == caller.account.key) {
        let again = format!("{}&why=passkey", with_return("/confirm", &next));
        return Ok(Redirect::to(&again).into_response());
    }
    let cookie = session::renew(&context, &caller, &headers, true).await?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(local(&next))).into_response())
}

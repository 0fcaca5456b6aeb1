//! Signing in with a passkey alone: it is something that one has, and its owner was verified by it.
//!
//! In: what the page's script got from an authenticator. Out: what the script asks it; a session and a redirect, or the
//! sign-in page with a sentence.

use axum::extract::{FromRequest, Request, State};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::{Form, Json};
use http::header;
use serde::Deserialize;

use super::sign_in::{end_the_one_before, local};
use crate::sign_in::proof::{self, Assertion, Way};
use crate::sign_in::{pending, session};
use crate::webauthn::Refused;
use crate::webauthn::challenge::Purpose;
use crate::webauthn::options::Get;
use crate::{Context, Error, caller};

/// The form that the script fills in.
#[derive(Deserialize)]
pub struct Answer {
    #[serde(flatten)]
    assertion: Assertion,
    #[serde(default)]
    next: String,
    remember: Option<String>,
}

/// `GET /sign-in/passkey`
pub async fn options(State(context): State<Context>) -> Result<Json<Get>, Error> {
    asked(&context, Purpose::SignIn)
}

/// What an authenticator is asked for `purpose`.
pub(super) fn asked(context: &Context, purpose: Purpose) -> Result<Json<Get>, Error> {
    let challenge = context.challenges().make(purpose, context.now());
    let challenge = challenge.map_err(|error| Error::internal("make a challenge", error))?;
    Ok(Json(Get::new(&challenge, context.party())))
}

/// `POST /sign-in/passkey`
pub async fn submit(State(context): State<Context>, request: Request) -> Result<Response, Error> {
    let address = caller::address(request.extensions());
    let headers = request.headers().clone();
    let Answer { assertion, next, remember } = read(request).await?;
    let account = match proof::by_passkey(&context, &assertion, Purpose::SignIn, address).await? {
        Ok(account) => account,
        Err(Refused::Expired) => return Ok(Redirect::to("/sign-in?why=late").into_response()),
        Err(Refused::Counter) => return Ok(Redirect::to("/sign-in?why=stopped").into_response()),
        Err(_) => return Ok(Redirect::to("/sign-in?why=passkey").into_response()),
    };
    if let Some((half, _)) = pending::find(&context, &headers).await? {
        pending::end(&context, &half).await?;
    }
    end_the_one_before(&context, &headers).await?;
    let remember = remember.is_some();
    let cookie = session::start(&context, &account, &headers, address, remember, Way::Passkey).await?;
    let cookies = [(header::SET_COOKIE, cookie), (header::SET_COOKIE, pending::GONE)];
    Ok((AppendHeaders(cookies), Redirect::to(local(&next))).into_response())
}

async fn read(request: Request) -> Result<Answer, Error> {
    let form = Form::<Answer>::from_request(request, &()).await;
    let Form(answer) = form.map_err(|_| Error::Request(FIELDS.to_owned()))?;
    Ok(answer)
}

/// What to send instead.
pub(super) const FIELDS: &str =
    "Send the fields id, client_data, authenticator_data, signature and user_handle as a form.";

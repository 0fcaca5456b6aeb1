//! Confirming who one is, before what is dangerous.
//!
//! In: the password again, with a code where the account has a second factor; where to go afterwards. Out: the same
//! session under a new token with a fresh proof, and a redirect. Wrong ones cost the growing delay of signing in.

use askama::Template;
use axum::Form;
use axum::extract::{FromRequest, Query, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use fleet::factors::Held;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::html;
use super::sign_in::{local, with_return};
use crate::caller::Caller;
use crate::sign_in::proof::Proved;
use crate::sign_in::{factors, proof, session};
use crate::{Context, Error};

#[derive(Template)]
#[template(path = "confirm.html")]
struct Page<'a> {
    email: &'a str,
    next: &'a str,
    held: Held,
    failed: bool,
    passkey_failed: bool,
}

/// Query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Arrival {
    next: String,
    why: String,
}

/// The form.
#[derive(Deserialize)]
pub struct Proof {
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

/// `GET /confirm`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Query(arrival): Query<Arrival>,
) -> Result<Response, Error> {
    let held = factors::held(&context, caller.account.key).await?;
    let (email, next) = (caller.account.email.as_str(), local(&arrival.next));
    let passkey_failed = arrival.why == "passkey";
    html(&Page { email, next, held, failed: false, passkey_failed }).map(IntoResponse::into_response)
}

/// `POST /confirm`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    request: Request,
) -> Result<Response, Error> {
    let headers = request.headers().clone();
    let form = Form::<Proof>::from_request(request, &()).await;
    let Form(form) = form.map_err(|_| Error::Request("Send the field password as a form.".to_owned()))?;
    let next = local(&form.next);
    if !proved(&context, &caller, form.password, &form.code).await? {
        let held = factors::held(&context, caller.account.key).await?;
        let email = caller.account.email.as_str();
        let page = html(&Page { email, next, held, failed: true, passkey_failed: false })?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let cookie = session::renew(&context, &caller, &headers, true).await?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response())
}

async fn proved(context: &Context, caller: &Caller, password: String, code: &str) -> Result<bool, Error> {
    let email = caller.account.email.as_str();
    match proof::by_password(context, email, password, caller.address).await? {
        Some(Proved { account, .. }) if account.key != caller.account.key => Ok(false),
        Some(Proved { account, held }) if held.any() => {
            proof::by_code(context, &account, code, caller.address).await.map(|way| way.is_some())
        }
        Some(_) => Ok(true),
        None => Ok(false),
    }
}

/// The page that returns to `target` afterwards.
pub(crate) fn address_with_return(target: &str) -> String {
    with_return("/confirm", target)
}

/// The page of ours that a form was sent from.
pub(crate) fn came_from(headers: &HeaderMap, origin: &str) -> String {
    let from = headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let path = from.and_then(|from| from.strip_prefix(origin)).filter(|path| path.starts_with('/'));
    local(path.unwrap_or("/fleet")).to_owned()
}

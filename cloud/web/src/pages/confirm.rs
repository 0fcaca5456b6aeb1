//! Confirming who one is, before what is dangerous.
//!
//! In: the password again, where to go afterwards. Out: the same session under a new token with a fresh proof, and a
//! redirect. Wrong passwords cost the growing delay of signing in.

use askama::Template;
use axum::Form;
use axum::extract::{FromRequest, Query, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::html;
use super::sign_in::{local, with_return};
use crate::caller::Caller;
use crate::sign_in::{proof, session};
use crate::{Context, Error};

#[derive(Template)]
#[template(path = "confirm.html")]
struct Page<'a> {
    email: &'a str,
    next: &'a str,
    failed: bool,
}

/// Query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Arrival {
    next: String,
}

/// The form.
#[derive(Deserialize)]
pub struct Proof {
    password: String,
    #[serde(default)]
    next: String,
}

/// `GET /confirm`
pub async fn show(caller: Caller, Query(arrival): Query<Arrival>) -> Result<Response, Error> {
    let page = Page { email: caller.account.email.as_str(), next: local(&arrival.next), failed: false };
    html(&page).map(IntoResponse::into_response)
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
    let email = caller.account.email.as_str();
    let proved = proof::by_password(&context, email, form.password, caller.address).await?;
    if proved.is_none_or(|account| account.key != caller.account.key) {
        let page = html(&Page { email, next, failed: true })?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let cookie = session::renew(&context, &caller, &headers, true).await?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response())
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

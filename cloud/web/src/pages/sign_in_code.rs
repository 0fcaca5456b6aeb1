//! The second step of signing in: a code.
//!
//! In: the cookie of a sign-in half-way, a code of the authenticator app or a recovery code. Out: a session and a
//! redirect; the same page for a wrong code; the sign-in page after five, or when five minutes are over.

use askama::Template;
use axum::Form;
use axum::extract::{FromRequest, Query, Request, State};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use store::state::Account;
use wire::UtcMs;

use super::html;
use super::sign_in::{end_the_one_before, local};
use crate::sign_in::{factors, pending, proof, session};
use crate::{Context, Error, caller, mail};

#[derive(Template)]
#[template(path = "sign_in_code.html")]
struct Page<'a> {
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
pub struct Step {
    code: String,
    #[serde(default)]
    next: String,
}

/// `GET /sign-in/code`
pub async fn show(
    State(context): State<Context>,
    Query(arrival): Query<Arrival>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    match pending::find(&context, &headers).await? {
        Some(_) => html(&Page { next: local(&arrival.next), failed: false }).map(IntoResponse::into_response),
        None => Ok(again("late")),
    }
}

/// `POST /sign-in/code`
pub async fn submit(State(context): State<Context>, request: Request) -> Result<Response, Error> {
    let address = caller::address(request.extensions());
    let headers = request.headers().clone();
    let form = Form::<Step>::from_request(request, &()).await;
    let Form(Step { code, next }) =
        form.map_err(|_| Error::Request("Send the field code as a form.".to_owned()))?;
    let next = local(&next);
    let Some((sign_in, account)) = pending::find(&context, &headers).await? else { return Ok(again("late")) };
    let Some(way) = proof::by_code(&context, &account, &code, address).await? else {
        if pending::failed(&context, &sign_in).await? {
            tell(&context, &account, address).await?;
            return Ok(again("codes"));
        }
        let page = html(&Page { next, failed: true })?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    if !pending::end(&context, &sign_in).await? {
        return Ok(again("late"));
    }
    end_the_one_before(&context, &headers).await?;
    let cookie = session::start(&context, &account, &headers, address, sign_in.remember, way).await?;
    let cookies = [(header::SET_COOKIE, cookie), (header::SET_COOKIE, pending::GONE)];
    Ok((AppendHeaders(cookies), Redirect::to(next)).into_response())
}

fn again(why: &str) -> Response {
    let gone = [(header::SET_COOKIE, pending::GONE)];
    (gone, Redirect::to(&format!("/sign-in?why={why}"))).into_response()
}

/// Hours between two letters of this kind.
const LETTER_EVERY_MS: i64 = 3_600_000;

/// Who types wrong codes has the password: the owner should know, once an hour.
async fn tell(context: &Context, account: &Account, address: Option<std::net::IpAddr>) -> Result<(), Error> {
    let UtcMs(now) = context.now();
    let from = factors::from(address);
    let letter = mail::factors::wrong_codes(context.origin(), context.now(), from.as_deref())?;
    let key = format!("wrong-codes-{}-{}", account.key.0, now.div_euclid(LETTER_EVERY_MS));
    let queued = context.state().queue_mail(letter.notice(&account.email, &key, context.now())).await;
    queued.map_err(|error| Error::internal("queue a letter", error))
}

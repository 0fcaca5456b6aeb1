//! Signing in and out.
//!
//! In: an address, a password, where to go afterwards. Out: a fresh session, or the next step where the account has a
//! second factor, and a redirect; or the same page with the same words whether the account exists or not. The session
//! that was there before ends.

use askama::Template;
use axum::Form;
use axum::extract::{FromRequest, Query, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use fleet::factors::may_guard;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::html;
use crate::sign_in::proof::{Proved, Way};
use crate::sign_in::{pending, proof, session};
use crate::{Context, Error, caller};

/// Longest address of a page to return to.
const MAX_NEXT: usize = 500;

#[derive(Default, Template)]
#[template(path = "sign_in.html")]
struct Page<'a> {
    email: &'a str,
    next: &'a str,
    remember: bool,
    failed: bool,
    notice: Option<&'static str>,
    problem: Option<&'static str>,
}

/// Query of the sign-in page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Arrival {
    next: String,
    why: String,
}

/// The form.
#[derive(Deserialize)]
pub struct Credentials {
    email: String,
    password: String,
    #[serde(default)]
    next: String,
    /// Ticked: anything.
    remember: Option<String>,
}

/// Why somebody is here: value, whether it is a problem, words.
const WHY: [(&str, bool, &str); 9] = [
    ("out", false, "You are signed out."),
    ("reset", false, "Your password is changed. Sign in with the new one."),
    ("deleted", false, "Your account is deleted. A last mail says so."),
    ("ended", false, "Your session ended. Sign in to go on."),
    ("late", true, "That took more than five minutes. Type the password again."),
    ("codes", true, "Too many wrong codes. Type the password again. We have told you by e-mail."),
    (
        "weak",
        true,
        "Your second factor was stopped, and this password is too short to do without one. Ask for a new password below.",
    ),
    ("passkey", true, "That passkey is not known here. Sign in with your password."),
    ("stopped", true, "That passkey was stopped, as a copy of it may be about. Sign in with your password."),
];

/// `GET /sign-in`
pub async fn show(
    State(context): State<Context>,
    Query(arrival): Query<Arrival>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let next = local(&arrival.next);
    if let Some(secret) = session::secret(&headers)
        && session::look(&context, &secret.hash()).await?.is_some()
    {
        return Ok(Redirect::to(next).into_response());
    }
    let page = html(&Page { next, ..arrived(&arrival.why) })?;
    // Led here by a page whose session was ended elsewhere, or was over.
    Ok(if arrival.why == "ended" {
        ([session::NOTHING_KEPT], page).into_response()
    } else {
        page.into_response()
    })
}

fn arrived(why: &str) -> Page<'static> {
    match WHY.iter().find(|(value, ..)| *value == why) {
        Some((_, false, words)) => Page { notice: Some(words), ..Page::default() },
        Some((_, true, words)) => Page { problem: Some(words), ..Page::default() },
        None => Page::default(),
    }
}

/// `POST /sign-in`
pub async fn submit(State(context): State<Context>, request: Request) -> Result<Response, Error> {
    let address = caller::address(request.extensions());
    let headers = request.headers().clone();
    let form = Form::<Credentials>::from_request(request, &()).await;
    let Form(form) = form.map_err(|refused| match refused.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge,
        _ => Error::Request("Send the fields email and password as a form.".to_owned()),
    })?;
    let Credentials { email, password, next, remember } = form;
    let (next, remember) = (local(&next), remember.is_some());
    let Some(Proved { account, held }) = proof::by_password(&context, &email, password, address).await?
    else {
        let page = html(&Page { email: &email, next, remember, failed: true, ..Page::default() })?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    // The factor that stood beside a short password was stopped: alone it opens nothing (decision 30).
    if may_guard(account.password_stands_alone, held).is_err() {
        return Ok(Redirect::to("/sign-in?why=weak").into_response());
    }
    if held.any() {
        let cookie = pending::begin(&context, &account, remember).await?;
        let step = Redirect::to(&with_return("/sign-in/code", next));
        return Ok(([(header::SET_COOKIE, cookie)], step).into_response());
    }
    end_the_one_before(&context, &headers).await?;
    let cookie = session::start(&context, &account, &headers, address, remember, Way::Password).await?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response())
}

/// A browser has one session: what it was signed in to, it is not any more.
pub(super) async fn end_the_one_before(context: &Context, headers: &HeaderMap) -> Result<(), Error> {
    match session::secret(headers) {
        Some(old) => session::end(context, &old.hash()).await,
        None => Ok(()),
    }
}

/// `POST /sign-out`
pub async fn out(State(context): State<Context>, request: Request) -> Result<Response, Error> {
    if let Some(secret) = session::secret(request.headers()) {
        session::sign_out(&context, &secret.hash(), caller::address(request.extensions())).await?;
    }
    let gone = [(header::SET_COOKIE, session::GONE), session::NOTHING_KEPT];
    Ok((gone, Redirect::to("/sign-in?why=out")).into_response())
}

/// The sign-in page that returns to `target` afterwards.
#[must_use]
pub fn address_with_return(target: &str) -> String {
    if target == "/" || target == "/fleet" {
        return "/sign-in".to_owned();
    }
    with_return("/sign-in", target)
}

/// `page` with `target` as its `next`.
pub(crate) fn with_return(page: &str, target: &str) -> String {
    let mut address = format!("{page}?next=");
    for byte in local(target).bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            address.push(char::from(byte));
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    address
}

/// Only a path of ours may be returned to.
pub(crate) fn local(next: &str) -> &str {
    let ours = next.starts_with('/')
        && !next.starts_with("//")
        && next.len() <= MAX_NEXT
        && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if ours { next } else { "/fleet" }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 5.0: 1.2.2, 3.7.2.
    #[test]
    fn only_our_own_paths_are_returned_to() {
        assert_eq!(local("/inverters/x?range=7d"), "/inverters/x?range=7d");
        for foreign in
            ["//evil.example", "https://evil.example", "/\\evil.example", "", "fleet", "/a b", "/a\n"]
        {
            assert_eq!(local(foreign), "/fleet", "{foreign:?}");
        }
        assert_eq!(address_with_return("/inverters/x?range=7d"), "/sign-in?next=/inverters/x%3Frange%3D7d");
    }
}

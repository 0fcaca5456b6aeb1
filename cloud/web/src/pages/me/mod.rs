//! One's own account.
//!
//! In: a caller. Out: `/me`, where name, address and password are shown and changed. Whatever opens the account to
//! others asks for a fresh proof first, and is told to its address.

pub mod address;
pub mod address_confirm;
pub mod data;
pub mod delete;
pub mod export;
mod kept;
pub mod name;
pub mod password;
mod terms;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use serde::Deserialize;

use super::shell::Shell;
use super::{html, notice};
use crate::caller::Caller;
use crate::mail::instant;
use crate::{Context, Error, access, random};

#[derive(Template)]
#[template(path = "me.html")]
struct Page<'a> {
    shell: Shell,
    name: &'a str,
    email: &'a str,
    since: String,
    said: Option<&'static str>,
}

/// Query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Arrival {
    done: String,
}

/// What was done just now: value in the address, words.
const DONE: [(&str, &str); 4] = [
    ("name", "Your name is saved."),
    ("password", "Your password is changed. Other devices are signed out."),
    (
        "password-tokens",
        "Your password is changed. Other devices are signed out, and API tokens do not work any more.",
    ),
    ("address", "Your address is changed. Sign in with it from now on."),
];

/// `GET /me`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Query(arrival): Query<Arrival>,
) -> Result<Html<String>, Error> {
    access::own_account(&context, &caller)?;
    let account = &caller.account;
    html(&Page {
        shell: Shell::new(&caller, context.now(), None, "/me"),
        name: &account.name,
        email: account.email.as_str(),
        since: instant(account.created_at),
        said: notice::find(&DONE, &arrival.done),
    })
}

/// Where a request came from, for letters.
fn place(caller: &Caller) -> Option<String> {
    caller.address.map(|address| address.to_canonical().to_string())
}

/// A name for a mail that no other has.
fn mail_key() -> Result<String, Error> {
    let secret = crate::sign_in::secret::Secret::new();
    secret
        .map(|secret| secret.reveal())
        .map_err(|error: random::RandomFailed| Error::internal("name a mail", error))
}

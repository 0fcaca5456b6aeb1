//! `/me/notifications/phones/{phone}`: typing in the code that was sent.
//!
//! In: a fresh proof, six digits. Out: a number that is verified, told to the account's address; or how many more may be
//! tried. Somebody else's number is not there.

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::response::{Html, Response};
use fleet::AccountKey;
use fleet::audit::Verb;
use serde::Deserialize;
use store::state::{CodeTried, Phone};

use super::super::shell::Shell;
use super::super::{again, form, html};
use super::{back, key, own_act};
use crate::caller::Caller;
use crate::mail::channels::{self as letters, Change};
use crate::sign_in::{factors, fresh};
use crate::{Context, Error, access};

#[derive(Template)]
#[template(path = "notifications_phone_code.html")]
struct Page {
    shell: Shell,
    id: String,
    number: String,
    /// No code counts any more.
    over: bool,
    /// So many more may be tried, after a wrong one.
    left: Option<u32>,
}

/// The form.
#[derive(Deserialize)]
struct Typed {
    code: String,
}

/// `GET /me/notifications/phones/{phone}`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Html<String>, Error> {
    let own = access::own_account(&context, &caller)?;
    fresh::require(&context, &caller)?;
    let phone = waiting(&context, own, &id).await?;
    let over = phone.code_until.is_none_or(|until| until <= context.now());
    html(&page(&context, &caller, phone, over, None))
}

/// `POST /me/notifications/phones/{phone}`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Error> {
    let own = access::own_account(&context, &caller)?;
    fresh::require(&context, &caller)?;
    let phone = waiting(&context, own, &id).await?;
    let Typed { code } = form(request, "the field code").await?;
    let digits: String = code.chars().filter(char::is_ascii_digit).collect();
    let hash = context.vault().hash_telephone_code(own, phone.number.as_str(), &digits);
    let what = format!("ends in {}", phone.number.ending());
    let act = own_act(&context, &caller, Verb::PhoneAdd, &what)?;
    let (now, key, from) = (context.now(), key()?, factors::from(caller.address));
    let letter = letters::changed(context.origin(), Change::PhoneAdded, &what, now, from.as_deref())?;
    let letter = letter.notice(&caller.account.email, &key, now);
    let tried = context.state().confirm_phone(own, &id, &hash, &act, &[letter]).await;
    match tried.map_err(|error| Error::internal("verify a telephone", error))? {
        CodeTried::Right => Ok(back("phone")),
        CodeTried::Wrong(0) | CodeTried::Over => again(&page(&context, &caller, phone, true, None)),
        CodeTried::Wrong(left) => again(&page(&context, &caller, phone, false, Some(left))),
        CodeTried::NotThere => Err(Error::NotFound),
    }
}

/// The caller's own number that waits for its code.
async fn waiting(context: &Context, own: AccountKey, id: &str) -> Result<Phone, Error> {
    let phones = context.state().phones(own).await;
    let phones = phones.map_err(|error| Error::internal("look up a telephone", error))?;
    let waits = |phone: &Phone| phone.public_id == id && phone.verified_at.is_none();
    phones.into_iter().find(waits).ok_or(Error::NotFound)
}

fn page(context: &Context, caller: &Caller, phone: Phone, over: bool, left: Option<u32>) -> Page {
    let shell = Shell::new(caller, context.now(), None, "/me/notifications/phones");
    Page { shell, id: phone.public_id, number: phone.number.to_string(), over, left }
}

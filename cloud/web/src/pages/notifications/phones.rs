//! Telephones: a number is typed and gets a code; one is removed.
//!
//! In: a fresh proof, a number. Out: a code on its way, alike for a number that others use; or a number that gets nothing
//! more. How many codes are sent is limited by account and by number: text messages cost, and are abused for it.

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use fleet::audit::Verb;
use fleet::notice::{CODE_DIGITS, CODE_MS, Channel, PhoneNumber};
use serde::Deserialize;
use store::state::{NewNote, NewPhone, PhoneBegun};

use super::super::shell::Shell;
use super::super::{again, form, html};
use super::{PATH, back, key, own_act};
use crate::caller::Caller;
use crate::mail::channels::{self as letters, Change};
use crate::mail::{NOTICE_MS, notes};
use crate::sign_in::{factors, fresh};
use crate::{Context, Error, access, random};

#[derive(Template)]
#[template(path = "notifications_phone.html")]
struct Page<'a> {
    shell: Shell,
    typed: &'a str,
    countries: Vec<String>,
    wrong: Option<&'static str>,
}

/// The form.
#[derive(Deserialize)]
struct Typed {
    number: String,
}

const NO_NUMBER: &str = "That is not a number with its country. Write it like +1 617 555 0119.";
const ABROAD: &str = "We send no texts to that country.";
const THERE: &str = "You have that number already.";
const TOO_MANY: &str = "You have three numbers. Remove one first.";
const TOO_OFTEN: &str = "Five codes were sent today. Try again tomorrow.";

/// `GET /me/notifications/phones/new`
pub async fn new(State(context): State<Context>, caller: Caller) -> Result<Html<String>, Error> {
    fresh::require(&context, &caller)?;
    html(&page(&context, &caller, "", None))
}

/// `POST /me/notifications/phones/new`
pub async fn begin(
    State(context): State<Context>,
    caller: Caller,
    request: Request,
) -> Result<Response, Error> {
    let own = access::own_account(&context, &caller)?;
    fresh::require(&context, &caller)?;
    let Typed { number: typed } = form(request, "the field number").await?;
    let retype = |wrong| again(&page(&context, &caller, &typed, Some(wrong)));
    let Ok(number) = PhoneNumber::parse(&typed) else { return retype(NO_NUMBER) };
    let countries = context.ways().countries;
    if !countries.iter().any(|country| number.as_str().starts_with(country.as_str())) {
        return retype(ABROAD);
    }
    let no_chance = |error| Error::internal("make a code", error);
    let code = random::digits(CODE_DIGITS).map_err(no_chance)?;
    let public_id = random::public_id().map_err(no_chance)?;
    let (now, key) = (context.now(), key()?);
    let text = notes::phone_code(&code);
    let text = NewNote {
        key: &key,
        channel: Channel::Text,
        account: own,
        to: number.as_str(),
        kind: notes::PHONE_CODE,
        subject: "",
        text: &text,
        html: "",
        queued_at: now,
        expires_at: now.plus_ms(CODE_MS),
    };
    let code_hash = context.vault().hash_telephone_code(own, number.as_str(), &code);
    let new = NewPhone { account: own, public_id: &public_id, number: &number, code_hash, text };
    let act = own_act(&context, &caller, Verb::PhoneAsk, &format!("ends in {}", number.ending()))?;
    let begun = context.state().begin_phone(new, &act).await;
    match begun.map_err(|error| Error::internal("send a code to a telephone", error))? {
        PhoneBegun::Asked(id) => Ok(Redirect::to(&format!("{PATH}/phones/{id}")).into_response()),
        PhoneBegun::There => retype(THERE),
        PhoneBegun::TooMany => retype(TOO_MANY),
        PhoneBegun::TooOften => retype(TOO_OFTEN),
    }
}

/// `POST /me/notifications/phones/{phone}/remove`
pub async fn remove(
    State(context): State<Context>,
    caller: Caller,
    Path(public_id): Path<String>,
) -> Result<Response, Error> {
    let own = access::own_account(&context, &caller)?;
    fresh::require(&context, &caller)?;
    let failed = |error| Error::internal("remove a telephone", error);
    let phones = context.state().phones(own).await.map_err(failed)?;
    let phone = phones.into_iter().find(|phone| phone.public_id == public_id).ok_or(Error::NotFound)?;
    let what = format!("ends in {}", phone.number.ending());
    let act = own_act(&context, &caller, Verb::PhoneRemove, &what)?;
    let (now, keys) = (context.now(), [key()?, key()?]);
    let from = factors::from(caller.address);
    let letter = letters::changed(context.origin(), Change::PhoneRemoved, &what, now, from.as_deref())?;
    let letter = letter.notice(&caller.account.email, &keys[0], now);
    let text = notes::phone_removed();
    // A number that was never verified hears nothing more of us.
    let farewell = phone.verified_at.map(|_| NewNote {
        key: &keys[1],
        channel: Channel::Text,
        account: own,
        to: phone.number.as_str(),
        kind: notes::PHONE_REMOVED,
        subject: "",
        text: &text,
        html: "",
        queued_at: now,
        expires_at: now.plus_ms(NOTICE_MS),
    });
    let removed = context.state().remove_phone(own, &public_id, &act, &[letter], farewell.as_ref()).await;
    if removed.map_err(failed)? { Ok(back("phone-gone")) } else { Err(Error::NotFound) }
}

fn page<'a>(context: &Context, caller: &Caller, typed: &'a str, wrong: Option<&'static str>) -> Page<'a> {
    let shell = Shell::new(caller, context.now(), None, "/me/notifications/phones/new");
    Page { shell, typed, countries: context.ways().countries, wrong }
}

//! `/me/address`: asking for another address.
//!
//! In: a fresh proof, an address. Out: the same page for every address; a link to the new one if it may have an account,
//! word of it to the old one in any case. Nothing is changed until the link is opened by who is signed in.

use askama::Template;
use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse, Response};
use fleet::registration::Purpose;
use serde::Deserialize;
use store::state::Email;

use super::super::shell::Shell;
use super::super::{again, form, html};
use super::place;
use crate::caller::Caller;
use crate::registration::desk::{self, Owner, Question};
use crate::sign_in::delay::Source;
use crate::sign_in::fresh;
use crate::{Context, Error, access};

#[derive(Template)]
#[template(path = "me_address.html")]
struct Page<'a> {
    shell: Shell,
    email: &'a str,
    typed: &'a str,
    wrong: bool,
    asked: bool,
}

/// The form.
#[derive(Deserialize)]
struct Typed {
    email: String,
}

/// `GET /me/address`
pub async fn show(State(context): State<Context>, caller: Caller) -> Result<Html<String>, Error> {
    fresh::require(&context, &caller)?;
    html(&page(&context, &caller, ""))
}

/// `POST /me/address`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    request: Request,
) -> Result<Response, Error> {
    let own = access::own_account(&context, &caller)?;
    fresh::require(&context, &caller)?;
    let Typed { email: typed } = form(request, "the field email").await?;
    let Ok(email) = Email::parse(&typed) else {
        return again(&Page { wrong: true, ..page(&context, &caller, &typed) });
    };
    let at = context.now();
    if context.limits().allow(Purpose::Address, email.as_str(), Source::from(caller.address), at) {
        let owner = Owner { account: own, email: caller.account.email.clone(), from: place(&caller) };
        let (purpose, owner) = (Purpose::Address, Some(owner));
        desk::ask(&context, Question { purpose, email: email.clone(), owner, at })?;
    }
    let asked = Page { asked: true, ..page(&context, &caller, email.as_str()) };
    html(&asked).map(IntoResponse::into_response)
}

fn page<'a>(context: &Context, caller: &'a Caller, typed: &'a str) -> Page<'a> {
    let shell = Shell::new(caller, context.now(), None, "/me");
    Page { shell, email: caller.account.email.as_str(), typed, wrong: false, asked: false }
}

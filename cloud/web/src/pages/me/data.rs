//! `/me/data`: taking one's data along, and leaving.
//!
//! In: a fresh proof. Out: the page from which one's account is exported or deleted, with why it cannot be deleted now
//! where that is so.

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use fleet::sharing::Refusal;
use store::state::StateError;

use super::super::html;
use super::super::shell::Shell;
use crate::caller::Caller;
use crate::sign_in::fresh;
use crate::{Context, Error, access};

#[derive(Template)]
#[template(path = "me_data.html")]
pub(super) struct Page<'a> {
    shell: Shell,
    email: &'a str,
    refusal: Option<&'static str>,
    typed: &'a str,
    wrong: bool,
}

/// `GET /me/data`
pub async fn show(State(context): State<Context>, caller: Caller) -> Result<Html<String>, Error> {
    fresh::require(&context, &caller)?;
    html(&page(&context, &caller, "").await?)
}

/// The page; `typed` is what was typed to delete the account.
pub(super) async fn page<'a>(
    context: &Context,
    caller: &'a Caller,
    typed: &'a str,
) -> Result<Page<'a>, Error> {
    let own = access::own_account(context, caller)?;
    let refusal = match context.state().account_may_go(own, context.now()).await {
        Ok(()) => None,
        Err(StateError::Refused(refusal)) => Some(what_to_do(refusal)),
        Err(error) => return Err(Error::internal("ask whether an account may go", error)),
    };
    let shell = Shell::new(caller, context.now(), None, "/me/data");
    let wrong = !typed.is_empty();
    Ok(Page { shell, email: caller.account.email.as_str(), refusal, typed, wrong })
}

/// What to do before the account can go.
fn what_to_do(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::LastManager => {
            "You are the only one who can manage one of your inverters. Share it, can manage, with somebody who \
             stays, or remove it under its settings. Then come back."
        }
        Refusal::LastOwner => {
            "You are the only owner of an organization. Make another member an owner, or delete the organization. \
             Then come back."
        }
    }
}

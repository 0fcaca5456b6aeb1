//! `POST /me/data/delete`: deleting one's account.
//!
//! In: a fresh proof, one's address typed once more. Out: the account gone with all that names it, its live pages closed,
//! its claims on inverters stopped, a last letter; or the page again where it is not to be.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use fleet::Act as Pair;
use fleet::audit::Verb;
use http::header;
use serde::Deserialize;
use store::state::{Email, StateError};

use super::super::{again, form};
use super::{data, mail_key, place};
use crate::caller::Caller;
use crate::sign_in::{act, fresh, session};
use crate::{Context, Error, access, mail};

/// The form.
#[derive(Deserialize)]
struct Typed {
    email: String,
}

/// `POST /me/data/delete`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    request: Request,
) -> Result<Response, Error> {
    let own = access::own_account(&context, &caller)?;
    fresh::require(&context, &caller)?;
    let Typed { email: typed } = form(request, "the field email, your address").await?;
    let account = &caller.account;
    if Email::parse(&typed).ok().as_ref() != Some(&account.email) {
        let typed = if typed.is_empty() { " " } else { &typed };
        return again(&data::page(&context, &caller, typed).await?);
    }
    let now = context.now();
    let waiting = context.state().pairings_of(own).await;
    let waiting = waiting.map_err(|error| Error::internal("delete an account", error))?;
    let act = act::of(&context, &caller, Verb::AccountDelete)?.of_account(own);
    let letter = mail::registration::account_deleted(context.origin(), now, place(&caller).as_deref())?;
    let key = mail_key()?;
    let ended = match context
        .state()
        .delete_account(account, &act, &letter.notice(&account.email, &key, now))
        .await
    {
        Ok(ended) => ended,
        Err(StateError::Refused(_)) => return again(&data::page(&context, &caller, "").await?),
        Err(error) => return Err(Error::internal("delete an account", error)),
    };
    ended.into_iter().for_each(|session| context.hub().session_ended(session));
    // Nobody waits for a button any more; left to run out, the claims would be in others' way.
    for attempt in waiting.into_iter().filter(|attempt| attempt.ended.is_none()) {
        context.act(now, attempt.inverter, Pair::Cancel { attempt: attempt.key }).await?;
    }
    let gone = [(header::SET_COOKIE, session::GONE), session::NOTHING_KEPT];
    Ok((gone, Redirect::to("/sign-in?why=deleted")).into_response())
}

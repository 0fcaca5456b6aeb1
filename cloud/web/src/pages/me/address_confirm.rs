//! `/me/address/{token}`: making the address that a link was sent to one's own.
//!
//! In: a fresh proof, the secret of a link that was asked for by this account. Out: the address changed, both addresses
//! told, this session under a new token. A link of somebody else's account is like one that does not count.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use fleet::audit::Verb;
use fleet::registration::Purpose;
use http::{HeaderMap, header};
use store::state::Email;

use super::super::shell::Shell;
use super::super::{html, mailed_link};
use super::{mail_key, place};
use crate::caller::Caller;
use crate::sign_in::secret::SecretHash;
use crate::sign_in::{act, fresh, session};
use crate::{Context, Error, access, mail};

#[derive(Template)]
#[template(path = "me_address_confirm.html")]
struct Page<'a> {
    shell: Shell,
    token: &'a str,
    old: &'a str,
    new: &'a str,
}

/// `GET /me/address/{token}`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Response, Error> {
    fresh::require(&context, &caller)?;
    let Some((_, new)) = own_link(&context, &caller, &token).await? else {
        return mailed_link::over(Purpose::Address);
    };
    let shell = Shell::new(&caller, context.now(), None, "/me");
    let page = Page { shell, token: &token, old: caller.account.email.as_str(), new: new.as_str() };
    html(&page).map(IntoResponse::into_response)
}

/// `POST /me/address/{token}`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let own = access::own_account(&context, &caller)?;
    fresh::require(&context, &caller)?;
    let Some((hash, new)) = own_link(&context, &caller, &token).await? else {
        return mailed_link::over(Purpose::Address);
    };
    let (now, old) = (context.now(), &caller.account.email);
    let act = act::of(&context, &caller, Verb::AccountAddress)?.of_account(own);
    let act = act.with_detail(format!("from {old} to {new}"));
    let letter =
        mail::registration::address_changed(old.as_str(), new.as_str(), now, place(&caller).as_deref())?;
    let (to_old, to_new) = (mail_key()?, mail_key()?);
    let letters = [letter.notice(old, &to_old, now), letter.notice(&new, &to_new, now)];
    let changed = context.state().change_address(own, &hash, now, &act, &letters).await;
    if !changed.map_err(|error| Error::internal("change an address", error))? {
        return mailed_link::over(Purpose::Address);
    }
    let cookie = session::renew(&context, &caller, &headers, false).await?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/me?done=address")).into_response())
}

async fn own_link(
    context: &Context,
    caller: &Caller,
    token: &str,
) -> Result<Option<(SecretHash, Email)>, Error> {
    let found = mailed_link::look(context, Purpose::Address, token).await?;
    let own = |account: &store::state::Account| account.key == caller.account.key;
    let found = found.filter(|(_, link)| link.account.as_ref().is_some_and(own));
    Ok(found.map(|(hash, link)| (hash, link.email)))
}

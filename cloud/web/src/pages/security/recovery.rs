//! Recovery codes: made with the first factor, or anew; shown once.
//!
//! In: a caller with a fresh proof. Out: ten codes on a page that can be printed and saved; the store keeps hashes.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use fleet::audit::Verb;
use http::{HeaderMap, HeaderValue, header};
use store::state::{Codes, FactorChange};

use super::{back, from, letter_key};
use crate::caller::Caller;
use crate::pages::html;
use crate::pages::shell::Shell;
use crate::sign_in::secret::SecretHash;
use crate::sign_in::{factors, fresh};
use crate::{Context, Error, mail};

#[derive(Template)]
#[template(path = "security_codes.html")]
struct Page {
    shell: Shell,
    codes: Vec<String>,
    /// The codes as a file, within the page: nothing is fetched for it, so that they are in no log and no cache.
    file: String,
}

/// `POST /me/security/recovery`: a new set.
pub async fn renew(
    State(context): State<Context>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Error> {
    fresh::require(&context, &caller)?;
    let account = caller.account.key;
    if !factors::held(&context, account).await?.any() {
        return Ok(back("no-factor"));
    }
    let (codes, hashes) = factors::recovery_set(&context, account)?;
    let (now, address, key) = (context.now(), from(caller.address), letter_key()?);
    let act = factors::own_act(&context, &caller, Verb::FactorRecoveryMake, "")?;
    let letter = mail::factors::recovery_made(context.origin(), now, address.as_deref())?;
    let with = FactorChange {
        account,
        act: &act,
        keep: caller.session.as_ref(),
        letters: &[letter.notice(&caller.account.email, &key, now)],
        codes: Codes::Replace(&hashes),
    };
    let ended = context.state().change_recovery_codes(&with).await;
    let ended = ended.map_err(|error| Error::internal("make recovery codes", error))?;
    let cookie = factors::changed(&context, &caller, &headers, &ended).await?;
    shown_once(&context, &caller, codes, cookie)
}

/// A set for an account that has none: codes as shown, and as kept.
pub(super) async fn if_none(
    context: &Context,
    caller: &Caller,
) -> Result<Option<(Vec<String>, Vec<SecretHash>)>, Error> {
    let left = context.state().recovery_codes_left(caller.account.key).await;
    match left.map_err(|error| Error::internal("count recovery codes", error))? {
        0 => factors::recovery_set(context, caller.account.key).map(Some),
        _ => Ok(None),
    }
}

/// The page with the codes.
pub(super) fn shown_once(
    context: &Context,
    caller: &Caller,
    codes: Vec<String>,
    cookie: HeaderValue,
) -> Result<Response, Error> {
    let host = context.authority();
    let text = format!("Inverter Connect, {host}: recovery codes, each works once\n\n{}\n", codes.join("\n"));
    let file = text.replace(' ', "%20").replace('\n', "%0A");
    let shell = Shell::new(caller, context.now(), None, "/me/security/recovery");
    let page = html(&Page { shell, codes, file: format!("data:text/plain;charset=utf-8,{file}") })?;
    Ok(([(header::SET_COOKIE, cookie)], page).into_response())
}

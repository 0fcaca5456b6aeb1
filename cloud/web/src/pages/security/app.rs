//! Setting up and removing an authenticator app.
//!
//! In: a caller with a fresh proof, a first code. Out: a secret as QR code and text until a code of it was typed in, then
//! recovery codes, once. The secret lies sealed in between; an app that is not confirmed counts for nothing.

use askama::Template;
use axum::Form;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use fleet::audit::Verb;
use fleet::factors::Kind;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use store::state::{Codes, FactorChange, StateError};

use super::{PATH, back, done, from, kept, letter_key, recovery};
use crate::caller::Caller;
use crate::pages::html;
use crate::pages::shell::Shell;
use crate::sign_in::{factors, fresh, totp};
use crate::view::qr;
use crate::{Context, Error, mail};

#[derive(Template)]
#[template(path = "security_app.html")]
struct Page {
    shell: Shell,
    picture: String,
    secret: String,
    address: String,
    failed: bool,
}

/// The form.
#[derive(Deserialize)]
pub struct First {
    code: String,
}

/// `POST /me/security/app`: begins.
pub async fn begin(State(context): State<Context>, caller: Caller) -> Result<Response, Error> {
    fresh::require(&context, &caller)?;
    let (account, failed) = (caller.account.key, "begin an authenticator app");
    let secret = totp::Secret::new().map_err(|error| Error::internal(failed, error))?;
    let sealed = context.vault().seal(account, secret.bytes());
    let sealed = sealed.map_err(|error| Error::internal(failed, error))?;
    let begun = context.state().begin_totp(account, sealed, context.now()).await;
    match begun.map_err(|error| Error::internal(failed, error))? {
        true => Ok(Redirect::to("/me/security/app").into_response()),
        false => Ok(back("app-there")),
    }
}

/// `GET /me/security/app`
pub async fn show(State(context): State<Context>, caller: Caller) -> Result<Response, Error> {
    fresh::require(&context, &caller)?;
    match unconfirmed(&context, &caller).await? {
        Some(secret) => page(&context, &caller, &secret, false),
        None => Ok(Redirect::to(PATH).into_response()),
    }
}

/// `POST /me/security/app/code`: confirms.
pub async fn confirm(
    State(context): State<Context>,
    caller: Caller,
    request: Request,
) -> Result<Response, Error> {
    fresh::require(&context, &caller)?;
    let headers = request.headers().clone();
    let form = Form::<First>::from_request(request, &()).await;
    let Form(First { code }) =
        form.map_err(|_| Error::Request("Send the field code as a form.".to_owned()))?;
    let Some(secret) = unconfirmed(&context, &caller).await? else {
        return Ok(Redirect::to(PATH).into_response());
    };
    let now = context.now();
    let Some(step) = secret.step_of(&code, 0, now) else { return page(&context, &caller, &secret, true) };
    let fresh_codes = recovery::if_none(&context, &caller).await?;
    let act = factors::own_act(&context, &caller, Verb::FactorAdd, Kind::App.word())?;
    let address = from(caller.address);
    let letter = mail::factors::added(context.origin(), "Authenticator app", now, address.as_deref())?;
    let key = letter_key()?;
    let with = FactorChange {
        account: caller.account.key,
        act: &act,
        keep: caller.session.as_ref(),
        letters: &[letter.notice(&caller.account.email, &key, now)],
        codes: fresh_codes.as_ref().map_or(Codes::Keep, |(_, hashes)| Codes::Replace(hashes)),
    };
    let confirmed = context.state().confirm_totp(step, now, &with).await;
    let confirmed = confirmed.map_err(|error| Error::internal("confirm an authenticator app", error))?;
    let Some(ended) = confirmed else { return Ok(Redirect::to(PATH).into_response()) };
    let cookie = factors::changed(&context, &caller, &headers, &ended).await?;
    match fresh_codes {
        Some((codes, _)) => recovery::shown_once(&context, &caller, codes, cookie),
        None => Ok(done("app", cookie)),
    }
}

/// `POST /me/security/app/remove`
pub async fn remove(
    State(context): State<Context>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Error> {
    fresh::require(&context, &caller)?;
    let now = context.now();
    let act = factors::own_act(&context, &caller, Verb::FactorRemove, Kind::App.word())?;
    let address = from(caller.address);
    let letter = mail::factors::removed(context.origin(), "Authenticator app", now, address.as_deref())?;
    let key = letter_key()?;
    let with = FactorChange {
        account: caller.account.key,
        act: &act,
        keep: caller.session.as_ref(),
        letters: &[letter.notice(&caller.account.email, &key, now)],
        codes: Codes::Keep,
    };
    let ended = match context.state().remove_totp(&with).await {
        Ok(Some(ended)) => ended,
        Ok(None) => return Ok(Redirect::to(PATH).into_response()),
        Err(StateError::KeepsFactor(refusal)) => return Ok(kept(refusal)),
        Err(error) => return Err(Error::internal("remove an authenticator app", error)),
    };
    Ok(done("app-gone", factors::changed(&context, &caller, &headers, &ended).await?))
}

/// The secret of an app that waits for its first code.
async fn unconfirmed(context: &Context, caller: &Caller) -> Result<Option<totp::Secret>, Error> {
    let failed = "look up an authenticator app";
    let app = context.state().totp(caller.account.key).await;
    let app = app.map_err(|error| Error::internal(failed, error))?;
    let Some(app) = app.filter(|app| app.confirmed_at.is_none()) else { return Ok(None) };
    let secret = context.vault().open(caller.account.key, &app.sealed_secret);
    let secret = secret.map_err(|error| Error::internal(failed, error))?;
    Ok(Some(totp::Secret::from_bytes(secret)))
}

fn page(context: &Context, caller: &Caller, secret: &totp::Secret, failed: bool) -> Result<Response, Error> {
    let address = secret.address(caller.account.email.as_str());
    let picture = qr::svg(&address, "QR code of the secret, to be scanned by an authenticator app");
    let picture = picture.map_err(|error| Error::internal("draw a QR code", error))?;
    let shell = Shell::new(caller, context.now(), None, "/me/security/app");
    let page = html(&Page { shell, picture, secret: secret.grouped(), address, failed })?;
    let status = if failed { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, page).into_response())
}

//! `/me/password`: a new password, by its owner.
//!
//! In: a fresh proof, the password that counts now, a new one, whether API tokens are to go too (OWASP ASVS 5.0 V7.4.3 asks for the choice). Out: the
//! password set, every other session ended, this one under a new token, a letter.

use askama::Template;
use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use fleet::audit::Verb;
use http::header;
use serde::Deserialize;
use store::state::StateError;

use super::super::shell::Shell;
use super::super::{again, form, html, reset};
use super::{mail_key, place};
use crate::caller::Caller;
use crate::mail::registration::{self as letters, Ended};
use crate::registration::new_password;
use crate::sign_in::{act, factors, fresh, proof, session};
use crate::view::new_password::NewPassword;
use crate::{Context, Error, access};

#[derive(Template)]
#[template(path = "me_password.html")]
struct Page<'a> {
    shell: Shell,
    email: &'a str,
    /// What was typed as the one that counts now is not it.
    wrong: bool,
    password: NewPassword,
    /// API tokens that count.
    tokens: usize,
    /// They are to be revoked, too.
    revoke: bool,
}

/// The form.
#[derive(Deserialize)]
struct Chosen {
    /// The one that counts now.
    current: String,
    password: String,
    #[serde(default)]
    revoke: Option<String>,
}

/// `GET /me/password`
pub async fn show(State(context): State<Context>, caller: Caller) -> Result<Html<String>, Error> {
    fresh::require(&context, &caller)?;
    let factor = factors::held(&context, caller.account.key).await?.any();
    let password = NewPassword::new(&reset::words(&caller.account), None, factor);
    html(&page(&context, &caller, password, false, false).await?)
}

/// `POST /me/password`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    request: Request,
) -> Result<Response, Error> {
    let own = access::own_account(&context, &caller)?;
    fresh::require(&context, &caller)?;
    let headers = request.headers().clone();
    let Chosen { current, password, revoke } = form(request, "the fields current and password").await?;
    let (revoke, factor) = (revoke.is_some(), factors::held(&context, own).await?.any());
    let words = reset::words(&caller.account);
    // A session that was left open is not enough, nor is a passkey: with the growing delay, as for signing in.
    let email = caller.account.email.as_str();
    let proved = proof::by_password(&context, email, current, caller.address).await?;
    if proved.is_none_or(|proved| proved.account.key != own) {
        let password = NewPassword::new(&words, None, factor);
        return again(&page(&context, &caller, password, revoke, true).await?);
    }
    let taken = new_password::taken(&context, password, words.map(str::to_owned).to_vec(), factor).await?;
    let chosen = match taken {
        Ok(chosen) => chosen,
        Err(judgement) => {
            let password = NewPassword::new(&words, Some(&judgement), factor);
            return again(&page(&context, &caller, password, revoke, false).await?);
        }
    };
    let (now, key) = (context.now(), mail_key()?);
    let act = act::of(&context, &caller, Verb::AccountPassword)?.of_account(own);
    let revoking =
        if revoke { Some(act::of(&context, &caller, Verb::TokenRevoke)?.of_account(own)) } else { None };
    let ended = if revoke { Ended::OtherDevicesAndTokens } else { Ended::OtherDevices };
    let letter = letters::password_changed(context.origin(), ended, now, place(&caller).as_deref())?;
    let notice = letter.notice(&caller.account.email, &key, now);
    let keep = caller.session.as_ref();
    let changed =
        context.state().change_password(own, chosen.chosen(), keep, &act, revoking.as_ref(), &notice).await;
    let ended = match changed {
        Ok(ended) => ended,
        // The factor went meanwhile: the page says what the password needs now.
        Err(StateError::KeepsFactor(_)) => return Ok(Redirect::to("/me/password").into_response()),
        Err(error) => return Err(Error::internal("change a password", error)),
    };
    ended.into_iter().for_each(|session| context.hub().session_ended(session));
    let cookie = session::renew(&context, &caller, &headers, false).await?;
    Ok((
        [(header::SET_COOKIE, cookie)],
        Redirect::to(if revoke { "/me?done=password-tokens" } else { "/me?done=password" }),
    )
        .into_response())
}

async fn page<'a>(
    context: &Context,
    caller: &'a Caller,
    password: NewPassword,
    revoke: bool,
    wrong: bool,
) -> Result<Page<'a>, Error> {
    let now = context.now();
    let shell = Shell::new(caller, now, None, "/me");
    let tokens = context.state().tokens(caller.account.key).await;
    let tokens = tokens.map_err(|error| Error::internal("count tokens", error))?;
    let tokens = tokens.iter().filter(|token| token.counts(now)).count();
    Ok(Page { shell, email: caller.account.email.as_str(), wrong, password, tokens, revoke })
}

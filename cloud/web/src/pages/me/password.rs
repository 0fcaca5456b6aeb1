//! `/me/password`: a new password, by its owner.
//!
//! In: a fresh proof, a password. Out: the password set, every other session ended, this one under a new token, a letter.

use askama::Template;
use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use fleet::audit::Verb;
use http::header;
use serde::Deserialize;

use super::super::shell::Shell;
use super::super::{again, form, html, reset};
use super::{mail_key, place};
use crate::caller::Caller;
use crate::registration::new_password;
use crate::sign_in::{act, fresh, session};
use crate::view::new_password::NewPassword;
use crate::{Context, Error, access, mail};

#[derive(Template)]
#[template(path = "me_password.html")]
struct Page<'a> {
    shell: Shell,
    email: &'a str,
    password: NewPassword,
}

/// The form.
#[derive(Deserialize)]
struct Chosen {
    password: String,
}

/// `GET /me/password`
pub async fn show(State(context): State<Context>, caller: Caller) -> Result<Html<String>, Error> {
    fresh::require(&context, &caller)?;
    html(&page(&context, &caller, NewPassword::new(&reset::words(&caller.account), None)))
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
    let Chosen { password } = form(request, "the field password").await?;
    let words = reset::words(&caller.account);
    let password_hash =
        match new_password::taken(&context, password, words.map(str::to_owned).to_vec()).await? {
            Ok(hash) => hash,
            Err(judgement) => {
                return again(&page(&context, &caller, NewPassword::new(&words, Some(&judgement))));
            }
        };
    let (now, key) = (context.now(), mail_key()?);
    let act = act::of(&context, &caller, Verb::AccountPassword)?.of_account(own);
    let letter = mail::registration::password_changed(context.origin(), now, place(&caller).as_deref())?;
    let notice = letter.notice(&caller.account.email, &key, now);
    let keep = caller.session.as_ref();
    let ended = context.state().change_password(own, &password_hash, keep, &act, &notice).await;
    let ended = ended.map_err(|error| Error::internal("change a password", error))?;
    ended.into_iter().for_each(|session| context.hub().session_ended(session));
    let cookie = session::renew(&context, &caller, &headers, false).await?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/me?done=password")).into_response())
}

fn page<'a>(context: &Context, caller: &'a Caller, password: NewPassword) -> Page<'a> {
    let shell = Shell::new(caller, context.now(), None, "/me");
    Page { shell, email: caller.account.email.as_str(), password }
}

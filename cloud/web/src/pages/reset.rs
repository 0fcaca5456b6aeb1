//! `/reset/{token}`: choosing a new password in place of a forgotten one.
//!
//! In: the secret of a mailed link, a password. Out: the new password set, every session ended, the sign-in page, which
//! asks for the second factor as ever. Opening the page changes nothing; the link is used by the form alone.

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use fleet::audit::Verb;
use fleet::registration::Purpose;
use serde::Deserialize;
use store::state::{Account, Act, By};

use super::{again, form, html, mailed_link};
use crate::registration::new_password;
use crate::sign_in::secret::Secret;
use crate::view::new_password::NewPassword;
use crate::{Context, Error, caller, mail, random};

#[derive(Template)]
#[template(path = "reset.html")]
struct Page<'a> {
    token: &'a str,
    email: &'a str,
    password: NewPassword,
}

/// The form.
#[derive(Deserialize)]
struct Chosen {
    password: String,
}

/// `GET /reset/{token}`
pub async fn show(State(context): State<Context>, Path(token): Path<String>) -> Result<Response, Error> {
    let found = mailed_link::look(&context, Purpose::Reset, &token).await?;
    let Some(account) = found.and_then(|(_, link)| link.account) else {
        return mailed_link::over(Purpose::Reset);
    };
    let password = NewPassword::new(&words(&account), None);
    let page = Page { token: &token, email: account.email.as_str(), password };
    html(&page).map(IntoResponse::into_response)
}

/// `POST /reset/{token}`
pub async fn submit(
    State(context): State<Context>,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response, Error> {
    let from = caller::address(request.extensions());
    let Chosen { password } = form(request, "the field password").await?;
    let Some((hash, link)) = mailed_link::look(&context, Purpose::Reset, &token).await? else {
        return mailed_link::over(Purpose::Reset);
    };
    let Some(account) = link.account else { return mailed_link::over(Purpose::Reset) };
    let own = words(&account).map(str::to_owned).to_vec();
    let password_hash = match new_password::taken(&context, password, own).await? {
        Ok(hash) => hash,
        Err(judgement) => {
            let password = NewPassword::new(&words(&account), Some(&judgement));
            return again(&Page { token: &token, email: account.email.as_str(), password });
        }
    };
    let failed = |error| Error::internal("reset a password", error);
    let (salt, key) = (random::bytes32().map_err(failed)?, Secret::new().map_err(failed)?.reveal());
    let now = context.now();
    let act = Act::new(Verb::AccountReset, By::Service, now, salt).from_address(from);
    let place = from.map(|from| from.to_canonical().to_string());
    let letter = mail::registration::password_changed(context.origin(), now, place.as_deref())?;
    let notice = letter.notice(&account.email, &key, now);
    let ended = context.state().reset_password(&hash, &password_hash, now, act, &notice).await;
    let ended = ended.map_err(|error| Error::internal("reset a password", error))?;
    let Some(ended) = ended else { return mailed_link::over(Purpose::Reset) };
    ended.into_iter().for_each(|session| context.hub().session_ended(session));
    Ok(Redirect::to("/sign-in?why=reset").into_response())
}

/// What a guesser of this person would try first.
pub(super) fn words(account: &Account) -> [&str; 2] {
    [account.email.as_str(), &account.name]
}

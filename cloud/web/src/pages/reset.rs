//! `/reset/{token}`: choosing a new password in place of a forgotten one.
//!
//! In: the secret of a mailed link, a password. Out: the new password set, every session ended and every API token revoked,
//! the sign-in page, which asks for the second factor as ever. Opening the page changes nothing; the link is used by the form alone.

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use fleet::audit::Verb;
use fleet::registration::Purpose;
use serde::Deserialize;
use store::state::{Account, Act, By};

use super::{again, form, html, mailed_link};
use crate::mail::registration::{self as letters, Ended};
use crate::registration::new_password;
use crate::sign_in::factors;
use crate::sign_in::secret::Secret;
use crate::view::new_password::NewPassword;
use crate::{Context, Error, caller, random};

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
    let factor = factors::held(&context, account.key).await?.any();
    let password = NewPassword::new(&words(&account), None, factor);
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
    let factor = factors::held(&context, account.key).await?.any();
    let chosen = match new_password::taken(&context, password, own, factor).await? {
        Ok(chosen) => chosen,
        Err(judgement) => {
            let password = NewPassword::new(&words(&account), Some(&judgement), factor);
            return again(&Page { token: &token, email: account.email.as_str(), password });
        }
    };
    let failed = |error| Error::internal("reset a password", error);
    let (now, key) = (context.now(), Secret::new().map_err(failed)?.reveal());
    let act = |verb| -> Result<Act, Error> {
        let salt = random::bytes32().map_err(failed)?;
        Ok(Act::new(verb, By::Service, now, salt).from_address(from))
    };
    let (act, revoking) = (act(Verb::AccountReset)?, act(Verb::TokenRevoke)?);
    let place = from.map(|from| from.to_canonical().to_string());
    let letter = letters::password_changed(context.origin(), Ended::Everything, now, place.as_deref())?;
    let notice = letter.notice(&account.email, &key, now);
    let ended = context.state().reset_password(&hash, chosen.chosen(), now, act, revoking, &notice).await;
    let ended = ended.map_err(|error| Error::internal("reset a password", error))?;
    let Some(ended) = ended else { return mailed_link::over(Purpose::Reset) };
    ended.into_iter().for_each(|session| context.hub().session_ended(session));
    Ok(Redirect::to("/sign-in?why=reset").into_response())
}

/// What a guesser of this person would try first.
pub(super) fn words(account: &Account) -> [&str; 2] {
    [account.email.as_str(), &account.name]
}

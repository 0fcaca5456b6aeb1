//! `/verify/{token}`: choosing a password, which makes the account.
//!
//! In: the secret of a mailed link; a password, and a name if its owner likes. Out: an account, a session, the fleet.
//! Opening the page changes nothing; the link is used by the form alone.

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use fleet::audit::Verb;
use fleet::registration::Purpose;
use http::header;
use serde::Deserialize;
use store::state::{Act, By};

use super::{again, form, html, mailed_link};
use crate::registration::new_password;
use crate::sign_in::proof::Way;
use crate::sign_in::session;
use crate::view::new_password::NewPassword;
use crate::{Context, Error, caller, random};

/// Longest name of a person, characters.
pub const MAX_NAME: usize = 80;

#[derive(Template)]
#[template(path = "verify.html")]
struct Page<'a> {
    token: &'a str,
    email: &'a str,
    name: &'a str,
    password: NewPassword,
}

/// The form.
#[derive(Deserialize)]
struct Chosen {
    #[serde(default)]
    name: String,
    password: String,
}

/// `GET /verify/{token}`
pub async fn show(State(context): State<Context>, Path(token): Path<String>) -> Result<Response, Error> {
    let Some((_, link)) = mailed_link::look(&context, Purpose::Register, &token).await? else {
        return mailed_link::over(Purpose::Register);
    };
    let email = link.email.as_str();
    let page = Page { token: &token, email, name: "", password: NewPassword::new(&[email], None, false) };
    html(&page).map(IntoResponse::into_response)
}

/// `POST /verify/{token}`
pub async fn submit(
    State(context): State<Context>,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response, Error> {
    let (headers, address) = (request.headers().clone(), caller::address(request.extensions()));
    let Chosen { name, password } = form(request, "the fields password and, if you like, name").await?;
    let Some((hash, link)) = mailed_link::look(&context, Purpose::Register, &token).await? else {
        return mailed_link::over(Purpose::Register);
    };
    let (email, name) = (link.email.as_str(), cleaned(&name));
    let words = vec![email.to_owned(), name.clone()];
    let chosen = match new_password::taken(&context, password, words, false).await? {
        Ok(chosen) => chosen,
        Err(judgement) => {
            let password = NewPassword::new(&[email, &name], Some(&judgement), false);
            return again(&Page { token: &token, email, name: &name, password });
        }
    };
    let failed = |error| Error::internal("register an account", error);
    let salt = random::bytes32().map_err(|error| Error::internal("register an account", error))?;
    let act = Act::new(Verb::AccountRegister, By::Service, context.now(), salt).from_address(address);
    let made = context.state().register(&hash, &name, chosen.hash(), context.now(), act).await;
    let Some(account) = made.map_err(failed)? else { return mailed_link::over(Purpose::Register) };
    if let Some(old) = session::secret(&headers) {
        session::end(&context, &old.hash()).await?;
    }
    let cookie = session::start(&context, &account, &headers, address, false, Way::Link).await?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/fleet")).into_response())
}

/// A name as it is kept: one line without what cannot be seen, at most 80 characters.
pub(crate) fn cleaned(name: &str) -> String {
    let words = name.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(MAX_NAME).collect()
}

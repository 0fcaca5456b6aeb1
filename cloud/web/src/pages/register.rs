//! `/register`: asking for the link that makes an account.
//!
//! In: an address. Out: the same page for every address, at once; what comes of it is in the mail.

use std::net::IpAddr;

use askama::Template;
use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse, Response};
use fleet::registration::Purpose;
use serde::Deserialize;
use store::state::Email;

use super::{again, form, html};
use crate::registration::desk::{self, Question};
use crate::sign_in::delay::Source;
use crate::{Context, Error, caller};

/// What a page that asks for a link says.
struct Words {
    title: &'static str,
    why: &'static str,
    path: &'static str,
    button: &'static str,
    sent: &'static str,
    nothing: &'static str,
}

/// The words of each purpose that has such a page.
fn words(purpose: Purpose) -> Words {
    match purpose {
        Purpose::Reset => Words {
            title: "Forgot your password?",
            why: "Tell us the address that you sign in with. We send a link there to choose a new one.",
            path: "/forgot",
            button: "Send me a link",
            sent: "has an account",
            nothing: "If it is not there, check that this is the address of your account.",
        },
        Purpose::Register | Purpose::Address => Words {
            title: "Create an account",
            why: "Use the work e-mail that was approved on your call with us. We send a link there to confirm it \
                  is yours.",
            path: "/register",
            button: "Send my confirmation link",
            sent: "is approved",
            nothing: "If it is not there, the address may not be approved yet: call us and we will check.",
        },
    }
}

#[derive(Template)]
#[template(path = "ask.html")]
struct Ask<'a> {
    words: Words,
    email: &'a str,
    wrong: bool,
}

#[derive(Template)]
#[template(path = "asked.html")]
struct Asked<'a> {
    words: Words,
    email: &'a str,
}

/// The form.
#[derive(Deserialize)]
struct Typed {
    email: String,
}

/// `GET /register`
pub async fn show() -> Result<Html<String>, Error> {
    page(Purpose::Register)
}

/// `POST /register`
pub async fn submit(State(context): State<Context>, request: Request) -> Result<Response, Error> {
    answer(&context, Purpose::Register, request).await
}

/// The page with the form.
pub(super) fn page(purpose: Purpose) -> Result<Html<String>, Error> {
    html(&Ask { words: words(purpose), email: "", wrong: false })
}

/// Leaves the question at the desk, unless too many were asked; says the same in any case.
pub(super) async fn answer(context: &Context, purpose: Purpose, request: Request) -> Result<Response, Error> {
    let source: Option<IpAddr> = caller::address(request.extensions());
    let Typed { email: typed } = form(request, "the field email").await?;
    let words = words(purpose);
    let Ok(email) = Email::parse(&typed) else {
        return again(&Ask { words, email: &typed, wrong: true });
    };
    let at = context.now();
    if context.limits().allow(purpose, email.as_str(), Source::from(source), at) {
        desk::ask(context, Question { purpose, email: email.clone(), owner: None, at })?;
    }
    html(&Asked { words, email: email.as_str() }).map(IntoResponse::into_response)
}

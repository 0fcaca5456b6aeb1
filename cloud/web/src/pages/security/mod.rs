//! Account, Security: second factors and sessions, one verb per file.
//!
//! In: a caller. Out: what opens this account, and where it is open. Every change asks for a fresh proof, is told to the
//! owner by mail, and ends the other sessions.

pub mod app;
pub mod passkeys;
pub mod recovery;
pub mod sessions;
mod show;

use axum::response::{IntoResponse, Redirect, Response};
use fleet::factors::Refusal;
use http::{HeaderValue, header};
pub use show::show;

use crate::sign_in::factors::{from, letter_key};

/// The page itself.
const PATH: &str = "/me/security";

/// Back to the page, with a sentence of `show::NOTICES`.
fn back(why: &str) -> Response {
    Redirect::to(&format!("{PATH}?why={why}")).into_response()
}

/// The last factor stays: why, and what to do.
fn kept(refusal: Refusal) -> Response {
    back(match refusal {
        Refusal::Operator => "operator",
        Refusal::Demanded => "demanded",
        Refusal::WeakPassword => "password",
    })
}

/// The same, under the session's new token.
fn done(why: &str, cookie: HeaderValue) -> Response {
    ([(header::SET_COOKIE, cookie)], back(why)).into_response()
}

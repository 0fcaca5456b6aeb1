//! Notifications: what one is told, by which ways, and the ways themselves, one verb per file.
//!
//! In: a caller. Out: `/me/notifications` and what its forms do. A way is used once it was tried out: a code typed in, a
//! push brought back, a challenge answered. Adding and removing one asks for a fresh proof, is in the log, and is told to
//! the account's address. A test says what truly came of it.

pub mod phone_code;
pub mod phones;
pub mod preferences;
pub mod push;
mod receipt;
pub mod show;
pub mod test;
pub mod webhooks;

use axum::response::{IntoResponse, Redirect, Response};
use fleet::audit::Verb;
use store::state::Act;

use crate::caller::Caller;
use crate::sign_in::factors;
use crate::{Context, Error};

/// The page itself.
const PATH: &str = "/me/notifications";

/// What was done just now: value of `done`, state, words.
const SAID: [(&str, &str, &str); 10] = [
    ("saved", "ok", "Saved. It counts from the next message on."),
    ("silent", "warn", "Saved. No way is ticked for critical alarms: you hear of none of them."),
    ("phone", "ok", "The number is confirmed. It gets texts about what is ticked below."),
    ("phone-gone", "ok", "The number was removed. It gets no more texts."),
    (
        "push",
        "ok",
        "A first message is on its way to this browser. When it arrives, the browser is confirmed.",
    ),
    ("push-gone", "ok", "The browser was removed. It gets no more messages."),
    ("hook", "ok", "The challenge is on its way. When it is answered, the webhook is confirmed."),
    ("hook-gone", "ok", "The webhook was removed. Nothing is sent to it any more."),
    ("tests", "warn", "Not sent: that were ten tests within the hour. Try again later."),
    ("test", "off", "The test went its way. What came of it stands beside the way below."),
];

fn back(done: &str) -> Response {
    Redirect::to(&format!("{PATH}?done={done}")).into_response()
}

/// An act of the caller on their own ways, for the log.
fn own_act(context: &Context, caller: &Caller, verb: Verb, detail: &str) -> Result<Act, Error> {
    factors::own_act(context, caller, verb, detail)
}

/// A name that no other message has.
fn key() -> Result<String, Error> {
    factors::letter_key()
}

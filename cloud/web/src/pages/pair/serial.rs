//! `GET /pair` and `POST /pair`: which inverter?
//!
//! In: a serial number, typed or from the label's code (`?serial=`). Out: the form, or a new attempt and the way to it.
//! What is looked up, written and answered is the same whether the number exists; how often one may try is counted
//! before anything is looked up.

use askama::Template;
use axum::Form;
use axum::extract::{FromRequest, Query, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use fleet::Act;
use fleet::audit::Verb;
use fleet::pairing::{Earlier, WINDOW_MS};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use store::state::{Begun, NewPairing};
use wire::{Serial, UtcMs};

use super::super::html;
use super::super::shell::Shell;
use crate::caller::Caller;
use crate::sign_in::secret::Secret;
use crate::sign_in::{act, delay, fresh};
use crate::{Context, Error, random};

/// Longest text that is shown again in the field.
const MOST_TYPED: usize = 40;

#[derive(Template)]
#[template(path = "pair_serial.html")]
struct Page<'a> {
    shell: Shell,
    serial: &'a str,
    refused: Option<String>,
}

/// Query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Arrival {
    serial: String,
}

/// The form.
#[derive(Deserialize)]
pub struct Typed {
    serial: String,
}

/// `GET /pair`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Query(arrival): Query<Arrival>,
) -> Result<Response, Error> {
    fresh::require(&context, &caller)?;
    page(&context, &caller, &arrival.serial, None).map(IntoResponse::into_response)
}

/// `POST /pair`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    request: Request,
) -> Result<Response, Error> {
    fresh::require(&context, &caller)?;
    let form = Form::<Typed>::from_request(request, &()).await;
    let Form(form) = form.map_err(|_| Error::Request("Send the field serial as a form.".to_owned()))?;
    let Ok(serial) = Serial::parse(form.serial.trim()) else {
        let words =
            "A serial number has 4 to 32 letters, digits and dashes, like 2408-01873. Check the label.";
        let page = page(&context, &caller, &form.serial, Some(words.to_owned()))?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    match begin(&context, &caller, serial).await? {
        Ok(address) => Ok(Redirect::to(&address).into_response()),
        Err(again) => {
            let wait_ms = again.since(context.now()).max(1_000);
            let page = page(&context, &caller, serial.as_str(), Some(wait_words(wait_ms)))?;
            let mut response = (StatusCode::TOO_MANY_REQUESTS, page).into_response();
            let seconds = HeaderValue::from(wait_ms.unsigned_abs().div_ceil(1_000));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            Ok(response)
        }
    }
}

/// Begins an attempt: its page, or when the next may begin. It is on disk before anybody is sent to the cabinet.
async fn begin(context: &Context, caller: &Caller, serial: Serial) -> Result<Result<String, UtcMs>, Error> {
    let failed = |error| Error::internal("begin a pairing", error);
    let id = Secret::new().map_err(failed)?.reveal();
    let salt = random::bytes32().map_err(failed)?;
    let at = context.now();
    let account = caller.account.key;
    let source = caller.address.map(|address| delay::Source::from(Some(address)).to_string());
    let new = NewPairing {
        public_id: &id,
        account,
        serial,
        source: source.as_deref(),
        salt,
        started_at: at,
        ends_at: at.plus_ms(WINDOW_MS),
    };
    let act = act::of(context, caller, Verb::PairStart)?.of_account(account).with_detail(serial.as_str());
    let wait = |earlier: &Earlier| earlier.wait(at);
    let begun = context.state().begin_pairing(new, &act, wait).await;
    let begun = begun.map_err(|error| Error::internal("begin a pairing", error))?;
    let (attempt, inverter) = match begun {
        Begun::Attempt(attempt, inverter) => (attempt, inverter),
        Begun::Wait(again) => return Ok(Err(again)),
    };
    context.act(at, inverter, Act::Claim { attempt, account }).await?;
    Ok(Ok(format!("/pair/{id}")))
}

fn page(
    context: &Context,
    caller: &Caller,
    typed: &str,
    refused: Option<String>,
) -> Result<axum::response::Html<String>, Error> {
    let serial: String = typed.trim().chars().take(MOST_TYPED).collect();
    html(&Page { shell: Shell::new(caller, context.now(), None, "/pair"), serial: &serial, refused })
}

fn wait_words(wait_ms: i64) -> String {
    let (count, unit) = match (wait_ms / 1_000 + 1, wait_ms / 60_000 + 1, wait_ms / 3_600_000 + 1) {
        (seconds, ..) if seconds < 60 => (seconds, "second"),
        (_, minutes, _) if minutes <= 90 => (minutes, "minute"),
        (.., hours) => (hours, "hour"),
    };
    let s = if count == 1 { "" } else { "s" };
    format!(
        "You have tried several times. Nothing was begun now. Compare the number with the label, and try again in \
         {count} {unit}{s}."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_never_said_shorter_than_it_is() {
        let check = |ms, expect: &str| {
            let words = wait_words(ms);
            assert!(words.ends_with(&format!("in {expect}.")), "{ms}: {words}");
        };
        check(0, "1 second");
        check(14_999, "15 seconds");
        check(58_999, "59 seconds");
        check(59_000, "1 minute");
        check(61_000, "2 minutes");
        check(3_540_000, "60 minutes");
        check(5_340_001, "90 minutes");
        check(5_400_000, "2 hours");
        check(86_399_999, "24 hours");
    }
}

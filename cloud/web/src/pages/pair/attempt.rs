//! `GET /pair/{attempt}`: waiting for the button, or how it ended.
//!
//! In: an attempt of the caller. Out: the countdown, the way to the name, or what happened and what to do. The same page
//! for every serial number until the button was pressed.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use fleet::pairing::{End, WINDOW_MS};
use store::state::Pairing;
use wire::UtcMs;

use super::super::html;
use super::super::shell::Shell;
use crate::caller::Caller;
use crate::{Context, Error};

/// Length of the ring, in the drawing's units: 2 π 52.
const RING: f64 = 326.7;

#[derive(Template)]
#[template(path = "pair_wait.html")]
struct Waiting {
    shell: Shell,
    address: String,
    serial: String,
    until: UtcMs,
    window_ms: i64,
    left: Left,
}

/// What is left of an attempt's time.
#[derive(Clone, Debug, PartialEq)]
struct Left {
    /// `8:24`
    clock: String,
    /// `8 minutes left`
    words: String,
    /// How much of the ring is drawn.
    drawn: String,
}

#[derive(Template)]
#[template(path = "pair_over.html")]
struct Over {
    shell: Shell,
    serial: String,
    state: &'static str,
    title: &'static str,
    why: &'static str,
}

/// `GET /pair/{attempt}`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let attempt = super::own(&context, &caller, &id).await?;
    let now = context.now();
    let serial = attempt.serial.as_str().to_owned();
    let (state, title, why) = match attempt.ended {
        None => return waiting(&caller, &attempt, now),
        Some((End::Paired, _)) => {
            return Ok(Redirect::to(&format!("{}/name", super::address(&attempt))).into_response());
        }
        Some((end, _)) => over(end),
    };
    let shell = Shell::new(&caller, now, None, "/pair/attempt");
    html(&Over { shell, serial, state, title, why }).map(IntoResponse::into_response)
}

fn waiting(caller: &Caller, attempt: &Pairing, now: UtcMs) -> Result<Response, Error> {
    let stream = Some(format!("/live{}", super::address(attempt)));
    let page = Waiting {
        shell: Shell::new(caller, now, stream, "/pair/attempt"),
        address: super::address(attempt),
        serial: attempt.serial.as_str().to_owned(),
        until: attempt.ends_at,
        window_ms: WINDOW_MS,
        left: Left::new(attempt.ends_at.since(now)),
    };
    html(&page).map(IntoResponse::into_response)
}

/// State of the banner, title, what happened and what to do.
fn over(end: End) -> (&'static str, &'static str, &'static str) {
    match end {
        End::Contested => (
            "warn",
            "More than one account waited",
            "The button was pressed while another account was adding this inverter too, so nobody was given \
             access. Agree on who adds it; that one starts again and presses once more.",
        ),
        End::Cancelled => ("off", "Stopped", "Nothing was changed."),
        End::Replaced => (
            "off",
            "You began again on another page",
            "This page waits no longer. Go on there, or start again here.",
        ),
        End::Expired | End::Paired => (
            "off",
            "Time ran out",
            "Nothing was changed. Compare the number with the label, check that the gateway in the cabinet has its \
             network light on, and press the button after you have started again.",
        ),
    }
}

impl Left {
    fn new(left_ms: i64) -> Self {
        let left_ms = left_ms.clamp(0, WINDOW_MS);
        let seconds = left_ms / 1_000;
        let minutes = (left_ms + 59_999) / 60_000;
        #[expect(clippy::cast_precision_loss, reason = "at most ten minutes in milliseconds")]
        let share = left_ms as f64 / WINDOW_MS as f64;
        Self {
            clock: format!("{}:{:02}", seconds / 60, seconds % 60),
            words: format!("{minutes} minute{} left", if minutes == 1 { "" } else { "s" }),
            drawn: format!("{:.1} {RING}", RING * share),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_in_figures_words_and_ring() {
        let check = |ms, clock: &str, words: &str, drawn: &str| {
            let left = Left::new(ms);
            assert_eq!(
                (left.clock.as_str(), left.words.as_str(), left.drawn.as_str()),
                (clock, words, drawn)
            );
        };
        check(600_000, "10:00", "10 minutes left", "326.7 326.7");
        check(504_000, "8:24", "9 minutes left", "274.4 326.7");
        check(60_000, "1:00", "1 minute left", "32.7 326.7");
        check(-5, "0:00", "0 minutes left", "0.0 326.7");
    }
}

//! `POST /inverters/{id}/tests/{test}/note`: what was done after a test.
//!
//! In: a sentence or two from somebody who may manage the inverter. Out: back to the test. A note is added, never changed; who wrote it
//! and when stands beside it, and in the audit log.

use axum::extract::{Path, Request, State};
use axum::response::Redirect;
use fleet::Action;
use fleet::audit::Verb;
use serde::Deserialize;
use store::state::TestNote;

use super::super::form;
use crate::caller::Caller;
use crate::report::words::printable;
use crate::sign_in::act;
use crate::{Context, Error, access};

/// Longest note, characters.
pub const MOST_TEXT: usize = 500;
/// Notes on one test.
const MOST: u64 = 10;

#[derive(Deserialize)]
struct Typed {
    text: String,
}

/// `POST /inverters/{id}/tests/{test}/note`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path((id, test)): Path<(String, String)>,
    request: Request,
) -> Result<Redirect, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Edit).await?;
    let typed: Typed = form(request, "the field text").await?;
    let text: String = printable(&typed.text).chars().take(MOST_TEXT).collect();
    if text.is_empty() {
        return Err(Error::Request("Write what was done.".to_owned()));
    }
    let failed = |error| Error::internal("note what was done", error);
    // The address has the instant alone: a slash would part it.
    let key = format!("test/{test}");
    let found =
        context.state().record(row.inverter.key, &key).await.map_err(failed)?.ok_or(Error::NotFound)?;
    let act =
        act::of(&context, &caller, Verb::TestNote)?.on_inverter(row.inverter.key).with_detail(key.clone());
    let note = TestNote {
        inverter: row.inverter.key,
        key,
        started: found.record.started(),
        text,
        by: Some(caller.account.key),
        written_at: context.now(),
    };
    if !context.state().add_test_note(&note, MOST, &act).await.map_err(failed)? {
        return Err(Error::Request(format!(
            "There are {MOST} notes on this test, and no more can be added."
        )));
    }
    Ok(Redirect::to(&format!("/inverters/{id}/tests?done=noted#t{test}")))
}

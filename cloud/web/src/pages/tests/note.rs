//! `POST /inverters/{id}/tests/{test}/note`: what was done after a test.
//!
//! In: a sentence or two from somebody who may manage the inverter. Out: back to the test. A note is added, never changed; who wrote it
//! and when stands beside it, and in the audit log.

use axum::extract::{Path, Request, State};
use axum::response::Redirect;
use fleet::audit::Verb;
use fleet::{Action, InverterKey};
use serde::Deserialize;
use store::state::{RecordRow, TestNote};
use wire::UtcMs;

use super::super::form;
use crate::caller::Caller;
use crate::report::words::printable;
use crate::sign_in::act;
use crate::{Context, Error, access};

/// Longest note, characters.
pub const MOST_TEXT: usize = 500;
/// Entries of a logbook about what began at one instant, read to find one of them.
const MOST_AT_ONCE: u64 = 1_000;
/// Notes on one test.
const MOST: u64 = 10;

#[derive(Deserialize)]
struct Typed {
    text: String,
}

/// A record by its key: of the last thirty days, or out of a logbook of the caller's.
async fn record(
    context: &Context,
    caller: &Caller,
    inverter: InverterKey,
    key: &str,
) -> Result<RecordRow, Error> {
    let failed = |error| Error::internal("note what was done", error);
    if let Some(record) = context.state().record(inverter, key).await.map_err(failed)? {
        return Ok(record);
    }
    let started: Option<i64> = key.split_once('/').and_then(|(_, at)| at.parse().ok());
    let from = started.map(UtcMs).ok_or(Error::NotFound)?;
    let own = access::logbooks(context, caller).await?;
    let (which, to) = ([inverter], from.plus_ms(1));
    let there = context.state().kept_records(&own, &which, from, to, MOST_AT_ONCE).await.map_err(failed)?;
    there.rows.into_iter().find(|row| row.record.key() == key).ok_or(Error::NotFound)
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
    let found = record(&context, &caller, row.inverter.key, &key).await?;
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

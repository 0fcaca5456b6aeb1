//! `POST /alarms/{id}/shelve` and `/unshelve`: puts a warning away until a time, with a reason; takes it back. A remembered
//! device may. What is on battery or will not do its job is never put away.

use axum::extract::{Path, Request, State};
use axum::response::Redirect;
use fleet::Act;
use fleet::alarm::Open;
use serde::Deserialize;
use wire::time::HOUR_MS;

use super::super::form;
use super::{act, back, find};
use crate::caller::Caller;
use crate::pages::verify::cleaned;
use crate::{Context, Error};

/// For how long: hours, words.
pub const LENGTHS: [(i64, &str); 4] = [(1, "1 hour"), (8, "8 hours"), (24, "24 hours"), (168, "7 days")];

/// The form.
#[derive(Deserialize)]
struct Typed {
    hours: i64,
    reason: String,
    /// `alarm`: it was sent from the alarm's own page.
    #[serde(default)]
    back: String,
}

/// The form that takes one back.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Sent {
    back: String,
}

/// `POST /alarms/{id}/shelve`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let (row, open) = find(&context, &caller, &id).await?;
    let Typed { hours, reason, back: to } = form(request, "the fields hours and reason").await?;
    let reason = cleaned(&reason);
    let offered = LENGTHS.iter().any(|(known, _)| *known == hours);
    if !offered || reason.is_empty() || !open.name.key.condition.definition().shelvable {
        let what = "A warning is put away for a time that is offered, with a reason.";
        return Err(Error::Request(what.to_owned()));
    }
    let (alarm, account) = (open.name.clone(), caller.account.key);
    let until = context.now().plus_ms(hours.saturating_mul(HOUR_MS));
    let shelve = Act::Shelve { alarm, account, until, reason };
    let done = |open: Option<&Open>| open.is_none_or(|open| open.shelved_until.is_some());
    act(&context, row.inverter.key, shelve, done, &open.name).await?;
    Ok(back(&to, &id, "shelved"))
}

/// `POST /alarms/{id}/unshelve`
pub async fn take_back(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let (row, open) = find(&context, &caller, &id).await?;
    let Sent { back: to } = form(request, "nothing but where to lead back to").await?;
    let unshelve = Act::Unshelve { alarm: open.name.clone(), account: caller.account.key };
    let done = |open: Option<&Open>| open.is_none_or(|open| open.shelved_until.is_none());
    act(&context, row.inverter.key, unshelve, done, &open.name).await?;
    Ok(back(&to, &id, "unshelved"))
}

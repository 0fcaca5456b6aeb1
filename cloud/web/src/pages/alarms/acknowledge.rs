//! `POST /alarms/{id}/acknowledge`: the reader has seen it. A remembered device may.

use axum::extract::{Path, Request, State};
use axum::response::Redirect;
use fleet::Act;
use serde::Deserialize;

use super::super::form;
use super::{act, back, find};
use crate::caller::Caller;
use crate::pages::verify::cleaned;
use crate::{Context, Error};

/// The form.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Typed {
    note: String,
    /// `alarm`: it was sent from the alarm's own page.
    back: String,
}

/// `POST /alarms/{id}/acknowledge`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let (row, open) = find(&context, &caller, &id).await?;
    let Typed { note, back: to } = form(request, "the field note").await?;
    let (alarm, account) = (open.name.clone(), caller.account.key);
    let seen = Act::Acknowledge { alarm, account, note: cleaned(&note) };
    let done = |open: Option<&fleet::alarm::Open>| open.is_none_or(|open| open.acknowledged.is_some());
    act(&context, row.inverter.key, seen, done, &open.name).await?;
    Ok(back(&to, &id, "acknowledged"))
}

//! `GET /a/{code}`: the short address in messages. Leads to the alarm's page, or there to its button; opening it acknowledges
//! nothing. An alarm is its inverter's: who may not see that does not find it.

use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use fleet::Action;
use serde::Deserialize;

use crate::caller::Caller;
use crate::view::alarms::id;
use crate::{Context, Error, access};

/// What the reader wants to do there.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Wish {
    r#do: String,
}

/// `GET /a/{code}`
pub async fn follow(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
    Query(wish): Query<Wish>,
) -> Result<Redirect, Error> {
    let (row, alarm) = access::of_alarm(&context, &caller, &code, Action::View).await?;
    let button = if wish.r#do == "acknowledge" { "#acknowledge" } else { "" };
    Ok(Redirect::to(&format!("/alarms/{}{button}", id(&row.inverter.public_id, &alarm.name))))
}

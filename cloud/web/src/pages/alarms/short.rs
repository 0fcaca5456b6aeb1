//! `GET /a/{code}`: the short address in messages. Leads to the inverter, or to where the alarm can be acknowledged; opening
//! it acknowledges nothing. An alarm is its inverter's: who may not see that does not find it.

use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use fleet::Action;
use serde::Deserialize;

use crate::caller::Caller;
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
    let row = access::of_alarm(&context, &caller, &code, Action::View).await?;
    let to = match wish.r#do.as_str() {
        "acknowledge" => "/alarms".to_owned(),
        _ => format!("/inverters/{}", row.inverter.public_id),
    };
    Ok(Redirect::to(&to))
}

//! `POST /inverters/{id}/limits/{limit}/remove`: removes a limit; its alarm is over.

use axum::extract::{Path, State};
use axum::response::Redirect;
use fleet::Action;

use crate::caller::Caller;
use crate::rules::limits;
use crate::sign_in::fresh;
use crate::{Context, Error, access};

/// `POST /inverters/{id}/limits/{limit}/remove`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path((id, limit)): Path<(String, String)>,
) -> Result<Redirect, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Edit).await?;
    fresh::require(&context, &caller)?;
    limits::remove(&context, &caller, &row, &limit).await?;
    Ok(Redirect::to(&format!("/inverters/{id}/limits?done=unlimited")))
}

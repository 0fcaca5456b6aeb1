//! `POST /inverters/{id}/people/withdraw`: takes back an offer that nobody has answered.

use axum::extract::{Path, Request, State};
use axum::response::Redirect;
use fleet::Action;
use fleet::audit::Verb;
use serde::Deserialize;
use store::state::Side;

use super::super::form;
use super::failed;
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access};

/// The form.
#[derive(Deserialize)]
struct Typed {
    offer: String,
}

/// `POST /inverters/{id}/people/withdraw`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Share).await?;
    fresh::require(&context, &caller)?;
    let typed: Typed = form(request, "the field offer").await?;
    let act = act::of(&context, &caller, Verb::ShareWithdraw)?;
    let side = Side::Giving(row.inverter.key);
    let closed = context.state().close_offer(&typed.offer, side, act, &[]).await;
    closed.map_err(failed("withdraw an offer"))?.ok_or(Error::NotFound)?;
    Ok(Redirect::to(&format!("/inverters/{id}/people?done=withdrawn")))
}

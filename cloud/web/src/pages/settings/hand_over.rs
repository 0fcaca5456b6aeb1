//! `POST /inverters/{id}/hand-over`: gives an inverter to an organization of one's own.

use axum::extract::{Path, Request, State};
use axum::response::Redirect;
use fleet::Action;
use fleet::audit::Verb;
use serde::Deserialize;

use super::super::form;
use super::super::people::failed;
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access};

/// The form.
#[derive(Deserialize)]
struct Typed {
    organization: String,
}

/// `POST /inverters/{id}/hand-over`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Share).await?;
    fresh::require(&context, &caller)?;
    let typed: Typed = form(request, "the field organization").await?;
    let (own, _) = access::organization(&context, &caller, &typed.organization, Action::Inverters).await?;
    let act = act::of(&context, &caller, Verb::InverterMove)?
        .on_inverter(row.inverter.key)
        .in_organization(own.key);
    let (inverter, from) = (row.inverter.key, caller.account.key);
    context
        .state()
        .hand_over(inverter, from, own.key, &act)
        .await
        .map_err(failed("hand an inverter over"))?;
    Ok(Redirect::to(&format!("/inverters/{id}/people?done=handed")))
}

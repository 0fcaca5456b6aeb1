//! `POST /organizations/{organization}/settings`: the name, and whether members must have a second factor.

use axum::extract::{Path, Request, State};
use axum::response::Redirect;
use fleet::Action;
use fleet::audit::Verb;
use serde::Deserialize;

use super::super::form;
use super::super::people::failed;
use super::named;
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access};

/// The form.
#[derive(Deserialize)]
struct Typed {
    name: String,
    /// A checkbox: there or not.
    second_factor: Option<String>,
}

/// `POST /organizations/{organization}/settings`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let (own, _) = access::organization(&context, &caller, &code, Action::Edit).await?;
    access::organization(&context, &caller, &code, Action::DemandSecondFactor).await?;
    fresh::require(&context, &caller)?;
    let typed: Typed = form(request, "the field name").await?;
    let name = named(&typed.name).ok_or_else(|| Error::Request("Type a name.".to_owned()))?;
    let demanded = typed.second_factor.is_some();
    let said = if demanded { "a second factor is demanded" } else { "no second factor is demanded" };
    let act = act::of(&context, &caller, Verb::OrganizationEdit)?
        .in_organization(own.key)
        .with_detail(format!("{name}, {said}"));
    let saved = context.state().update_organization(own.key, &name, demanded, &act).await;
    saved.map_err(failed("change an organization"))?;
    Ok(Redirect::to(&format!("/organizations/{code}?done=saved")))
}

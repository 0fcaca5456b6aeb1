//! `POST /organizations/{organization}/sites`: makes a site of the organization.

use axum::extract::{Path, Request, State};
use axum::response::Redirect;
use fleet::Action;
use fleet::audit::Verb;

use super::super::form;
use super::super::site::{Typed, failed};
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access, random};

/// `POST /organizations/{organization}/sites`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let (own, _) = access::organization(&context, &caller, &code, Action::Sites).await?;
    fresh::require(&context, &caller)?;
    let typed: Typed = form(request, "the fields name, address and time_zone").await?;
    let typed = typed.checked()?;
    let public_id = &random::public_id().map_err(|error| Error::internal("make a site", error))?;
    let act =
        act::of(&context, &caller, Verb::SiteAdd)?.in_organization(own.key).with_detail(typed.name.clone());
    let new = typed.as_site(public_id, Some(own.key.into()));
    context.state().add_site(new, &act).await.map_err(failed)?;
    Ok(Redirect::to(&format!("/organizations/{code}?done=made")))
}

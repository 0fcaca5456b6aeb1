//! `GET` and `POST /organizations/new`: makes an organization; whoever makes it owns it.

use askama::Template;
use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use fleet::audit::Verb;
use serde::Deserialize;
use store::state::NewOrganization;

use super::super::people::failed;
use super::super::shell::Shell;
use super::super::{again, form, html};
use super::named;
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, random};

#[derive(Template)]
#[template(path = "organization_new.html")]
struct Page {
    shell: Shell,
    wrong: bool,
}

/// The form.
#[derive(Deserialize)]
struct Typed {
    name: String,
}

/// `GET /organizations/new`
pub async fn show(State(context): State<Context>, caller: Caller) -> Result<Html<String>, Error> {
    fresh::require(&context, &caller)?;
    html(&page(&context, &caller, false))
}

/// `POST /organizations/new`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    request: Request,
) -> Result<Response, Error> {
    fresh::require(&context, &caller)?;
    let typed: Typed = form(request, "the field name").await?;
    let Some(name) = named(&typed.name) else { return again(&page(&context, &caller, true)) };
    let code = random::organization_code().map_err(|error| Error::internal("make an organization", error))?;
    let new = NewOrganization { public_id: &code, name: &name, owner: Some(caller.account.key) };
    let act = act::of(&context, &caller, Verb::OrganizationAdd)?.with_detail(name.clone());
    context.state().create_organization(new, act).await.map_err(failed("make an organization"))?;
    Ok(Redirect::to(&format!("/organizations/{code}?done=made")).into_response())
}

fn page(context: &Context, caller: &Caller, wrong: bool) -> Page {
    Page { shell: Shell::new(caller, context.now(), None, "/organizations"), wrong }
}

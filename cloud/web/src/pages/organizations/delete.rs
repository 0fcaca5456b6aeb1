//! `POST /organizations/{organization}/delete`: deletes an organization with its sites and grants. Refused while it alone
//! can manage an inverter.

use axum::extract::{Path, Request, State};
use axum::response::Redirect;
use fleet::Action;
use fleet::audit::Verb;
use serde::Deserialize;
use store::state::StateError;

use super::super::form;
use super::super::people::failed;
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access};

/// The form.
#[derive(Deserialize)]
struct Typed {
    /// The organization's name, typed once more.
    name: String,
}

/// `POST /organizations/{organization}/delete`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let (own, _) = access::organization(&context, &caller, &code, Action::Delete).await?;
    fresh::require(&context, &caller)?;
    let typed: Typed = form(request, "the field name").await?;
    if typed.name.trim() != own.name {
        return Err(Error::Request(format!("Nothing was deleted. Type the name as it is: {}", own.name)));
    }
    let act = act::of(&context, &caller, Verb::OrganizationDelete)?.in_organization(own.key);
    let deleted = context.state().delete_organization(own.key, &act.with_detail(own.name.clone())).await;
    match deleted {
        Err(StateError::KeepsLogbook) => {
            let text = "Nothing was deleted. The organization's logbook holds entries: give the logbook up first, on its page.";
            return Err(Error::Request(text.to_owned()));
        }
        other => other.map_err(failed("delete an organization"))?,
    }
    Ok(Redirect::to("/organizations?done=deleted"))
}

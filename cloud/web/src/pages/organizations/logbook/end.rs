//! `POST /organizations/{organization}/logbook/delete`: gives the logbook up; all of it is deleted at once.

use axum::extract::{Path, Request, State};
use axum::response::Redirect;
use fleet::Action;
use fleet::audit::Verb;
use serde::Deserialize;

use super::super::super::form;
use super::super::super::people::failed;
use super::kept;
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access};

/// The form.
#[derive(Deserialize)]
struct Typed {
    /// The organization's name, typed once more.
    name: String,
}

/// `POST /organizations/{organization}/logbook/delete`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let (own, _) = access::organization(&context, &caller, &code, Action::Logbook).await?;
    fresh::require(&context, &caller)?;
    let typed: Typed = form(request, "the field name").await?;
    let book = kept(&context, &own).await?;
    if typed.name.trim() != own.name {
        return Err(Error::Request(format!("Nothing was deleted. Type the name as it is: {}", own.name)));
    }
    let last = book.place.last;
    let act = act::of(&context, &caller, Verb::LogbookEnd)?.in_organization(own.key);
    let ended = context.state().end_logbook(own.key, &act.with_detail(format!("up to entry {last}"))).await;
    ended.map_err(failed("delete a logbook"))?;
    Ok(Redirect::to(&format!("/organizations/{code}/logbook?done=unkept")))
}

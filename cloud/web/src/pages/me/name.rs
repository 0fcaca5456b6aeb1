//! `POST /me/name`: what people call one.

use axum::extract::{Request, State};
use axum::response::Redirect;
use fleet::audit::Verb;
use serde::Deserialize;

use super::super::{form, verify};
use crate::caller::Caller;
use crate::sign_in::act;
use crate::{Context, Error, access};

/// The form.
#[derive(Deserialize)]
struct Typed {
    name: String,
}

/// `POST /me/name`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    request: Request,
) -> Result<Redirect, Error> {
    let own = access::own_account(&context, &caller)?;
    let Typed { name } = form(request, "the field name").await?;
    let name = verify::cleaned(&name);
    let act = act::of(&context, &caller, Verb::AccountName)?.of_account(own);
    let saved = context.state().set_account_name(own, &name, &act).await;
    saved.map_err(|error| Error::internal("save a name", error))?;
    Ok(Redirect::to("/me?done=name"))
}

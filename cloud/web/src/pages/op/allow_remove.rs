//! `POST /op/allow-list/remove`: taking an address off the list.

use axum::extract::{Request, State};
use axum::response::Redirect;
use fleet::audit::Verb;
use serde::Deserialize;
use store::state::Email;

use super::super::form;
use crate::operator::Operator;
use crate::sign_in::act;
use crate::{Context, Error};

/// The form.
#[derive(Deserialize)]
struct Named {
    email: String,
}

/// `POST /op/allow-list/remove`
pub async fn submit(
    State(context): State<Context>,
    Operator(caller): Operator,
    request: Request,
) -> Result<Redirect, Error> {
    let Named { email } = form(request, "the field email").await?;
    let email = Email::parse(&email).map_err(|_| Error::NotFound)?;
    let act = act::of(&context, &caller, Verb::AllowRemove)?.with_detail(email.to_string());
    let removed = context.state().disallow(&email, context.now(), &act).await;
    if !removed.map_err(|error| Error::internal("take an address off the list", error))? {
        return Err(Error::NotFound);
    }
    Ok(Redirect::to("/op/allow-list?done=removed"))
}

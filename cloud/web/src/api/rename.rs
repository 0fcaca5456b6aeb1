//! `PATCH /api/v1/inverters/{id}`: what people call an inverter.
//!
//! In: JSON with a name, from somebody who may manage it, by a token to write or a session with a fresh proof. Out: 204.

use axum::body::Bytes;
use axum::extract::{Path, State};
use fleet::Action;
use fleet::audit::Verb;
use http::StatusCode;
use serde::Deserialize;
use store::state::InverterEdit;

use super::writes;
use crate::caller::ApiCaller;
use crate::pages::organizations::{MOST_NAME, named};
use crate::sign_in::act;
use crate::{Context, Error, access};

/// The body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    name: String,
}

/// `PATCH /api/v1/inverters/{id}`
pub async fn submit(
    State(context): State<Context>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Edit).await?;
    writes(&context, &caller)?;
    let asked: Asked = serde_json::from_slice(&body)
        .map_err(|_| Error::Request(r#"Send JSON: {"name":"East Tower Level 7"}."#.to_owned()))?;
    // A form cuts what is too long before somebody's eyes; a program would not see it.
    if asked.name.chars().count() > MOST_NAME {
        return Err(Error::Request(format!("A name has at most {MOST_NAME} characters.")));
    }
    let name = named(&asked.name).unwrap_or_default();
    let act = act::of(&context, &caller, Verb::InverterEdit)?;
    let act = act.on_inverter(row.inverter.key).with_detail(name.clone());
    let edit = InverterEdit { name: Some(name), ..InverterEdit::default() };
    let edited = context.state().edit_inverter(row.inverter.key, edit, &act).await;
    edited.map_err(|error| Error::internal("rename an inverter", error))?;
    Ok(StatusCode::NO_CONTENT)
}

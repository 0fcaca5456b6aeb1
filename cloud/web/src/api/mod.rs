//! The API for programs: JSON and CSV under `/api/v1`.
//!
//! In: a bearer token or a session's cookie. Out: the same inverters that the account's pages show, described at
//! `/api/openapi.json`. Refusals are `problem+json` and say what to do.

pub mod history;
pub mod inverters;
pub mod ladder;
pub mod limits;
pub mod logbook;
pub mod maintenance;
pub mod notifications;
pub mod openapi;
mod readiness;
pub mod rename;
pub mod tests;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::caller::Caller;
use crate::sign_in::fresh;
use crate::{Context, Error};

/// Who changes something by a session has just proved who they are; a token's scope was looked at before.
fn writes(context: &Context, caller: &Caller) -> Result<(), Error> {
    if caller.token.is_some() { Ok(()) } else { fresh::require(context, caller) }
}

fn print(value: &impl Serialize) -> Result<Response, Error> {
    serde_json::to_vec(value).map(json).map_err(|error| Error::internal("print JSON", error))
}

/// 201 with what was made.
fn created(value: &impl Serialize) -> Result<Response, Error> {
    print(value).map(|response| (StatusCode::CREATED, response).into_response())
}

fn json(bytes: Vec<u8>) -> Response {
    let mut response = bytes.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

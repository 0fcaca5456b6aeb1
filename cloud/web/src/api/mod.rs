//! The API for programs: JSON and CSV under `/api/v1`.
//!
//! In: a bearer token or a session's cookie. Out: the same inverters that the account's pages show, described at
//! `/api/openapi.json`. Refusals are `problem+json` and say what to do.

pub mod history;
pub mod inverters;
pub mod openapi;
pub mod rename;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

fn json(bytes: Vec<u8>) -> Response {
    let mut response = bytes.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

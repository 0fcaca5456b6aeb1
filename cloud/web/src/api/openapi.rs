//! `GET /api/openapi.json`: the API described for people and generators.
//!
//! In: the file beside this one. Out: the same with this server's address. A test compares its paths with the routes.

use axum::extract::State;
use axum::response::Response;

use super::json;
use crate::Context;

/// OpenAPI 3.1.
pub const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /api/openapi.json`
pub async fn document(State(context): State<Context>) -> Response {
    json(DOCUMENT.replace("https://inverters.example", context.origin()).into_bytes())
}

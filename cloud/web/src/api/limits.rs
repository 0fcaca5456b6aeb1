//! `GET` and `POST /api/v1/inverters/{id}/limits`, `DELETE /api/v1/inverters/{id}/limits/{limit}`.
//!
//! In: for a limit a JSON object, from somebody who may manage the inverter, by a token to write or a session with a fresh
//! proof. Out: the limits there are; 201 with the new one; 204.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use fleet::Action;
use fleet::alarm::Limit;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{created, print, writes};
use crate::caller::ApiCaller;
use crate::rules::limits::{self, Asked};
use crate::{Context, Error, access};

#[derive(Serialize)]
struct List {
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    id: String,
    quantity: &'static str,
    unit: &'static str,
    side: &'static str,
    raise: f64,
    clear: f64,
    raise_delay_s: i64,
    clear_delay_s: i64,
    severity: &'static str,
}

/// The body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    quantity: String,
    side: String,
    raise: f64,
    clear: f64,
    #[serde(default)]
    raise_delay_s: i64,
    #[serde(default)]
    clear_delay_s: i64,
    severity: String,
}

const EXAMPLE: &str = r#"Send JSON: {"quantity":"ambient.temperature","side":"above","raise":40,"clear":38,"raise_delay_s":60,"clear_delay_s":60,"severity":"warning"}."#;

/// `GET /api/v1/inverters/{id}/limits`
pub async fn list(
    State(context): State<Context>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    let state = context.live().state(row.inverter.key).unwrap_or_default();
    print(&List { items: state.rules.limits().iter().map(Item::new).collect() })
}

/// `POST /api/v1/inverters/{id}/limits`
pub async fn add(
    State(context): State<Context>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Edit).await?;
    writes(&context, &caller)?;
    let wanted: Wanted = serde_json::from_slice(&body).map_err(|_| Error::Request(EXAMPLE.to_owned()))?;
    let asked = Asked {
        quantity: &wanted.quantity,
        side: &wanted.side,
        raise: Some(wanted.raise),
        clear: Some(wanted.clear),
        raise_delay_s: Some(wanted.raise_delay_s),
        clear_delay_s: Some(wanted.clear_delay_s),
        severity: &wanted.severity,
    };
    let state = context.live().state(row.inverter.key).unwrap_or_default();
    let limit = asked.checked(&row, &state, limits::new_number()?).map_err(Error::Request)?;
    limits::set(&context, &caller, &row, limit).await?;
    created(&Item::new(&limit))
}

/// `DELETE /api/v1/inverters/{id}/limits/{limit}`
pub async fn remove(
    State(context): State<Context>,
    ApiCaller(caller): ApiCaller,
    Path((id, limit)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Edit).await?;
    writes(&context, &caller)?;
    limits::remove(&context, &caller, &row, &limit).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Item {
    fn new(limit: &Limit) -> Self {
        Self {
            id: limit.number.to_string(),
            quantity: limit.quantity.name(),
            unit: limit.quantity.unit(),
            side: limit.side.name(),
            raise: limit.quantity.to_f64(limit.raise),
            clear: limit.quantity.to_f64(limit.clear),
            raise_delay_s: limit.raise_delay_ms / 1000,
            clear_delay_s: limit.clear_delay_ms / 1000,
            severity: limit.severity.name(),
        }
    }
}

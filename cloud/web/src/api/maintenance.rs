//! `GET` and `POST /api/v1/inverters/{id}/maintenance`, `DELETE /api/v1/inverters/{id}/maintenance/{window}`.
//!
//! In: for a window a JSON object, from somebody who may manage the inverter, by a token to write or a session with a fresh
//! proof. Out: the windows that run and are to come; 201 with the new one; 204. A site's window is planned on its page.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use fleet::Action;
use fleet::alarm::Window;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use wire::UtcMs;

use super::{created, print, writes};
use crate::caller::ApiCaller;
use crate::names::Names;
use crate::rules::windows::{self, Asked, Refused};
use crate::{Context, Error, access};

#[derive(Serialize)]
struct List {
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    id: String,
    from: String,
    to: String,
    running: bool,
    by: String,
    reason: String,
    tells_critical: bool,
}

/// The body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    from: Option<String>,
    to: String,
    reason: String,
    #[serde(default = "yes")]
    tells_critical: bool,
}

const EXAMPLE: &str = r#"Send JSON: {"from":"2026-11-17T08:00:00Z","to":"2026-11-17T16:00:00Z","reason":"Battery exchange","tells_critical":true}."#;

/// `GET /api/v1/inverters/{id}/maintenance`
pub async fn list(
    State(context): State<Context>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    let now = context.now();
    let state = context.live().state(row.inverter.key).unwrap_or_default();
    let mut names = Names::default();
    names.learn(&context, state.rules.planned(now).map(|window| window.by).collect()).await?;
    let items = state.rules.planned(now).map(|window| Item::new(window, &names, now));
    print(&List { items: items.collect() })
}

/// `POST /api/v1/inverters/{id}/maintenance`
pub async fn plan(
    State(context): State<Context>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Edit).await?;
    writes(&context, &caller)?;
    let wanted: Wanted = serde_json::from_slice(&body).map_err(|_| Error::Request(EXAMPLE.to_owned()))?;
    let time = |text: &str| UtcMs::parse_rfc3339(text).ok_or_else(|| Error::Request(EXAMPLE.to_owned()));
    let asked = Asked {
        from: wanted.from.as_deref().map_or(Ok(UtcMs(0)), time)?,
        to: time(&wanted.to)?,
        reason: wanted.reason,
        tells_critical: wanted.tells_critical,
    };
    let rows = [row];
    let window = asked.checked(&context, &caller, &rows).map_err(|refused| match refused {
        Refused::Words(words) => Error::Request(words),
        Refused::Failed(error) => error,
    })?;
    let mut names = Names::default();
    names.learn(&context, vec![window.by]).await?;
    let item = Item::new(&window, &names, context.now());
    windows::plan(&context, &caller, &rows, window).await?;
    created(&item)
}

/// `DELETE /api/v1/inverters/{id}/maintenance/{window}`
pub async fn end(
    State(context): State<Context>,
    ApiCaller(caller): ApiCaller,
    Path((id, window)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Edit).await?;
    let number = window.parse().map_err(|_| Error::NotFound)?;
    let rows = windows::with(&context, vec![row], number);
    if rows.is_empty() {
        return Err(Error::NotFound);
    }
    windows::end(&context, &caller, &rows, number).await?;
    Ok(StatusCode::NO_CONTENT)
}

const fn yes() -> bool {
    true
}

impl Item {
    fn new(window: &Window, names: &Names, now: UtcMs) -> Self {
        Self {
            id: window.number.to_string(),
            from: window.from.to_rfc3339(),
            to: window.to.to_rfc3339(),
            running: window.runs(now),
            by: names.of(window.by).to_owned(),
            reason: window.reason.clone(),
            tells_critical: window.tells_critical,
        }
    }
}

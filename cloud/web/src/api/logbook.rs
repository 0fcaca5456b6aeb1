//! `GET /api/v1/inverters/{id}/logbook`: what the logbooks of the caller's organizations hold of an inverter.
//!
//! In: an instant. Out: signed lines, as they are exported, written then or later, some 500 at a time, those of one instant together, with where to go on. Nothing where no
//! organization of the caller's keeps one.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use fleet::Action;
use serde::{Deserialize, Serialize};
use wire::UtcMs;

use super::print;
use crate::caller::ApiCaller;
use crate::{Context, Error, access};

/// Entries of one answer, but for others of the last one's instant.
const MOST: u64 = 500;

/// The query.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    from: Option<String>,
}

#[derive(Serialize)]
struct List {
    items: Vec<Item>,
    /// What `from` is to be for what is written then or later; nothing where that was all.
    next: Option<String>,
}

#[derive(Serialize)]
struct Item {
    number: u64,
    written_at: String,
    line: String,
}

/// `GET /api/v1/inverters/{id}/logbook`
pub async fn list(
    State(context): State<Context>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    let from = asked.from.as_deref().map_or(Some(UtcMs(0)), UtcMs::parse_rfc3339);
    let from = from.ok_or_else(|| Error::Request("Write from as 2026-11-17T08:00:00Z.".to_owned()))?;
    let own = access::logbooks(&context, &caller).await?;
    let rows = context.state().logbook_entries_of(&own, row.inverter.key, from, MOST).await;
    let rows = rows.map_err(|error| Error::internal("read a logbook", error))?;
    // All of the last one's instant are there: whoever goes on begins after it.
    let full = rows.len() as u64 >= MOST;
    let next = rows.last().filter(|_| full).map(|row| row.written_at.plus_ms(1).to_rfc3339());
    let items = rows.into_iter().map(|row| Item {
        number: row.number,
        written_at: row.written_at.to_rfc3339(),
        line: row.line,
    });
    print(&List { items: items.collect(), next })
}

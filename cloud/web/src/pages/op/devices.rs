//! `GET /op/devices`: every device that was registered.
//!
//! In: a search, a state, a page. Out: which are connected, which have no certificate, when each was last there.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use serde::Deserialize;

use super::super::html;
use super::super::shell::Shell;
use crate::operator::Operator;
use crate::view::devices::{self, Counts, Line, PAGE, STATES};
use crate::view::paging::Paging;
use crate::view::words;
use crate::{Context, Error, link};

#[derive(Template)]
#[template(path = "op_devices.html")]
struct Page {
    shell: Shell,
    counts: Counts,
    total: String,
    filter: Filter,
    lines: Vec<Line>,
    paging: Paging,
}

/// What is shown; lives in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    q: String,
    state: String,
    page: String,
}

/// `GET /op/devices`
pub async fn show(
    State(context): State<Context>,
    Operator(caller): Operator,
    Query(filter): Query<Filter>,
) -> Result<Html<String>, Error> {
    let now = context.now();
    let rows = context.state().devices(now).await;
    let rows = rows.map_err(|error| Error::internal("list devices", error))?;
    let connected = context.service().connected();
    let needle = filter.q.trim().to_uppercase();
    let wanted = |row: &&store::state::DeviceRow| {
        (needle.is_empty()
            || row.serial.as_str().contains(&needle)
            || row.model.to_uppercase().contains(&needle))
            && (filter.state.is_empty() || devices::state(row, &connected) == filter.state)
    };
    let found: Vec<_> = rows.iter().filter(wanted).collect();
    let here = |page: &str| {
        link::with("/op/devices", &[("q", filter.q.trim()), ("state", &filter.state), ("page", page)])
    };
    let paging = Paging::new(found.len(), PAGE, filter.page.parse().unwrap_or(1), here);
    let shown = found.get(paging.shown.clone()).unwrap_or_default();
    html(&Page {
        shell: Shell::new(&caller, now, None, "/op/devices"),
        counts: devices::counts(&rows, &connected),
        total: words::count(rows.len() as u64),
        lines: shown.iter().map(|row| devices::line(row, &connected, now)).collect(),
        paging,
        filter,
    })
}

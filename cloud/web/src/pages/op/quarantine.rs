//! `/op/quarantine`: reports that could not be read.
//!
//! In: nothing, or the number of one. Out: why, of which device, when, how large; its bytes as a file that no program opens
//! by itself, with an act in the log; deletion. The bytes may hold what a device measured: they are never shown on a page.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use fleet::InverterKey;
use fleet::audit::Verb;
use http::{HeaderValue, header};
use store::state::{QUARANTINED_IN_ALL, QUARANTINED_OF_A_DEVICE, Quarantined};
use wire::Serial;

use super::super::html;
use super::super::shell::Shell;
use crate::operator::Operator;
use crate::sign_in::act;
use crate::view::bytes;
use crate::view::words::{self, Local};
use crate::{Context, Error};

#[derive(Template)]
#[template(path = "op_quarantine.html")]
struct Page {
    shell: Shell,
    lines: Vec<Line>,
}

struct Line {
    id: i64,
    serial: Option<Serial>,
    reason: String,
    size: String,
    time: String,
    instant: String,
}

/// `GET /op/quarantine`
pub async fn show(State(context): State<Context>, Operator(caller): Operator) -> Result<Html<String>, Error> {
    let now = context.now();
    let failed = |error| Error::internal("list the quarantine", error);
    let rows = context.state().quarantined(now).await.map_err(failed)?;
    let serials = context.state().inverters().await.map_err(failed)?;
    let serials: HashMap<InverterKey, Serial> =
        serials.into_iter().map(|inverter| (inverter.key, inverter.serial)).collect();
    let local = Local::new("UTC", now);
    let line = |row: Quarantined| Line {
        id: row.id,
        serial: serials.get(&row.inverter).copied(),
        reason: row.reason,
        size: bytes::words(row.size),
        time: local.time(row.received_at),
        instant: row.received_at.to_rfc3339(),
    };
    let lines = rows.into_iter().map(line).collect();
    html(&Page { shell: Shell::new(&caller, now, None, "/op/quarantine"), lines })
}

/// `POST /op/quarantine/{report}/download`: not GET, as it writes to the log.
pub async fn download(
    State(context): State<Context>,
    Operator(caller): Operator,
    Path(report): Path<String>,
) -> Result<Response, Error> {
    let id = number(&report)?;
    let act = act::of(&context, &caller, Verb::QuarantineDownload)?;
    let found = context.state().take_quarantined(id, context.now(), &act).await;
    let found = found.map_err(|error| Error::internal("read a report in quarantine", error))?;
    let (_, payload) = found.ok_or(Error::NotFound)?;
    let name = HeaderValue::from_str(&format!("attachment; filename=\"report-{id}.bin\""));
    let name = name.map_err(|error| Error::internal("name a file", error))?;
    let kind = HeaderValue::from_static("application/octet-stream");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], payload).into_response())
}

/// `POST /op/quarantine/{report}/delete`
pub async fn delete(
    State(context): State<Context>,
    Operator(caller): Operator,
    Path(report): Path<String>,
) -> Result<Redirect, Error> {
    let act = act::of(&context, &caller, Verb::QuarantineDelete)?;
    let deleted = context.state().delete_quarantined(number(&report)?, &act).await;
    let deleted = deleted.map_err(|error| Error::internal("delete a report in quarantine", error))?;
    if deleted { Ok(Redirect::to("/op/quarantine")) } else { Err(Error::NotFound) }
}

fn number(text: &str) -> Result<i64, Error> {
    text.parse().map_err(|_| Error::NotFound)
}

//! `GET /inverters/{id}/outages/{started}`: the story of one power loss: when, how long, whether the battery held, what had been said.
//!
//! In: when it began, in milliseconds since 1970, as letters link to it. Out: the page, for as long as what happened is kept.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Html;
use fleet::retention::KEPT_MS;
use fleet::{Action, Record, RecordKind};
use wire::UtcMs;
use wire::time::HOUR_MS;

use super::html;
use super::shell::Shell;
use crate::caller::Caller;
use crate::view::bar::Bar;
use crate::view::fleet::Known;
use crate::view::outage::{self, Told};
use crate::{Context, Error, access};

/// What the chart shows before and after it, milliseconds.
const BEFORE_MS: i64 = 10 * 60_000;
const AFTER_MS: i64 = 60 * 60_000;

#[derive(Template)]
#[template(path = "outage.html")]
struct Page {
    shell: Shell,
    name: String,
    inverter: String,
    site: Option<String>,
    told: Told,
    bar: Bar,
    /// The chart of some hours around it.
    chart: String,
    /// Its readings.
    table: String,
    /// Until when it can be seen.
    kept_until: String,
}

/// `GET /inverters/{id}/outages/{started}`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path((id, started)): Path<(String, String)>,
) -> Result<Html<String>, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    let (now, key) = (context.now(), row.inverter.key);
    let started: UtcMs = started.parse().map(UtcMs).map_err(|_| Error::NotFound)?;
    // Rows are deleted now and then; who reads is held to the day.
    if now.since(started) > KEPT_MS {
        return Err(Error::NotFound);
    }
    let name = format!("{}/{}", RecordKind::Outage.name(), started.0);
    let found = context.state().record(key, &name).await;
    let found = found.map_err(|error| Error::internal("read a power loss", error))?.ok_or(Error::NotFound)?;
    let Record::Outage(lost) = &found.record else { return Err(Error::NotFound) };
    let known = Known::new(&context, row, now);
    let local = known.local(now);
    let to = lost.recharged.unwrap_or_else(|| found.record.ended()).plus_ms(AFTER_MS).min(now);
    html(&Page {
        shell: Shell::new(&caller, now, None, "/inverters"),
        name: known.name().to_owned(),
        site: known.row.site.as_ref().map(|site| site.name.clone()),
        told: Told::new(lost, &local),
        bar: outage::bar(lost, known.screen.required_minutes),
        chart: chart(&id, started.plus_ms(-BEFORE_MS), to),
        table: format!("/inverters/{id}/history.html?from={}&to={}", started.plus_ms(-BEFORE_MS).0, to.0),
        kept_until: local.day_and_time(started.plus_ms(KEPT_MS)),
        inverter: id,
    })
}

/// The inverter's page with the shortest range of its chart that holds all of it.
fn chart(id: &str, from: UtcMs, to: UtcMs) -> String {
    let range = if to.since(from) <= 6 * HOUR_MS { "6h" } else { "24h" };
    format!("/inverters/{id}?range={range}&end={}#history", to.to_rfc3339())
}

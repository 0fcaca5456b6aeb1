//! `GET /inverters/{id}`: will the lights last, and what happened?
//!
//! In: a caller, an id, a range. Out: the page with the newest values; the chart's data comes after the first paint.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use fleet::{Action, Role};
use wire::{Quantity, UtcMs};

use super::alarms::list::remembered;
use super::chart::{self, Pairs};
use super::html;
use super::shell::Shell;
use crate::caller::Caller;
use crate::names::Names;
use crate::view::alarms::Line;
use crate::view::fleet::{Filter, Known};
use crate::view::inverter::View;
use crate::view::maintenance;
use crate::view::span::{RANGES, Span};
use crate::view::stats;
use crate::view::words::Local;
use crate::{Context, Error, access};

#[derive(Template)]
#[template(path = "inverter.html")]
struct Page {
    shell: Shell,
    view: View,
    view_only: bool,
    base: String,
    id: String,
    site_href: Option<String>,
    chart: Chart,
    /// The newest of the last 30 days.
    past: Vec<Line>,
}

/// Alarms below the chart.
const PAST: usize = 8;

/// The chart's frame.
struct Chart {
    source: String,
    table: String,
    csv: String,
    range: &'static str,
    from: UtcMs,
    to: UtcMs,
    at_now: bool,
    names: String,
    lanes: usize,
    zone: String,
    zone_words: String,
    span: String,
    label: String,
    ranges: Vec<(&'static str, String, bool)>,
    earlier: String,
    later: Option<String>,
    /// Name, label, chosen.
    choices: Vec<(&'static str, &'static str, bool)>,
}

/// `GET /inverters/{id}`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    Query(pairs): Query<Pairs>,
) -> Result<Html<String>, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    let now = context.now();
    let span = Span::parse(&pairs, now)?;
    let mut names = Names::default();
    let mut known = Known::new(&context, row, now);
    maintenance::name(&context, std::slice::from_mut(&mut known), &mut names).await?;
    let lines = chart::lines(&pairs, &known.state)?;
    let past = remembered(&context, std::slice::from_ref(&known), &mut names, now.plus_ms(1), PAST).await?;
    let site_href = known.row.site.as_ref().map(|site| {
        format!("/fleet{}", Filter { site: site.public_id.clone(), ..Filter::default() }.query())
    });
    html(&Page {
        shell: Shell::new(&caller, now, Some(format!("/live/inverters/{id}")), "/inverters"),
        view: View::new(&known, now),
        view_only: known.row.role == Role::ReadOnly,
        base: format!("/inverters/{id}"),
        id: id.clone(),
        site_href,
        past: past.into_iter().map(|(_, line)| line).collect(),
        chart: Chart::new(&id, &known, &span, &lines, &known.local(now)),
    })
}

impl Chart {
    fn new(id: &str, known: &Known, span: &Span, lines: &[Quantity], local: &Local) -> Self {
        let base = format!("/inverters/{id}");
        let names: Vec<_> = lines.iter().map(|quantity| quantity.name()).collect();
        let names = names.join(",");
        let labels: Vec<_> = lines.iter().map(|quantity| stats::label(*quantity)).collect();
        let with = |span: &Span| format!("{base}?{}&lines={names}", span.query());
        let choice = |known: &fleet::level::Latest| {
            (known.quantity.name(), stats::label(known.quantity), lines.contains(&known.quantity))
        };
        Self {
            source: format!("{base}/chart"),
            table: format!("{base}/history.html?{}&lines={names}", span.query()),
            csv: format!("{base}/history.csv?{}", span.query()),
            range: span.range,
            from: span.from,
            to: span.to,
            at_now: span.at_now,
            lanes: lines.len(),
            zone: local.zone_id().to_owned(),
            zone_words: format!("Times in {}", local.zone_name()),
            span: span.words(local),
            label: format!("History: {}. Arrow keys read values.", labels.join(", ")),
            ranges: RANGES
                .iter()
                .map(|(name, _)| (*name, format!("{base}?range={name}&lines={names}"), *name == span.range))
                .collect(),
            earlier: with(&span.earlier()),
            later: span.later(local.now()).map(|later| with(&later)),
            choices: known.state.latest.iter().map(choice).collect(),
            names,
        }
    }
}

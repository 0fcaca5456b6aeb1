//! `GET /inverters/{id}/history.html`: the chart as a table, for those who do without scripts or without seeing.
//!
//! In: a span, lines. Out: a page with at most 96 rows; stretches without readings say so.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use fleet::Action;
use store::history::{Range, Spread};
use wire::{Quantity, UtcMs};

use super::chart::{self, Pairs};
use super::html;
use super::shell::Shell;
use crate::caller::Caller;
use crate::view::fleet::Known;
use crate::view::span::{KEPT_MS, RANGES, Span};
use crate::view::stats;
use crate::view::words::{self, Local, NB};
use crate::{Context, Error, access};

/// Widths of a row: the first that makes at most [`ROWS`] of them, milliseconds.
const STEPS: [i64; 9] =
    [60_000, 300_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000, 28_800_000, 86_400_000];
/// A day by quarters of an hour.
const ROWS: i64 = 96;

#[derive(Template)]
#[template(path = "table.html")]
struct Page {
    shell: Shell,
    name: String,
    back: String,
    span: String,
    zone_words: String,
    step: String,
    csv: String,
    ranges: Vec<(&'static str, String, bool)>,
    columns: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug, PartialEq, Eq)]
struct Row {
    time: String,
    gap: bool,
    words: String,
    /// Mean; least and greatest where they differ.
    cells: Vec<(String, String)>,
}

/// `GET /inverters/{id}/history.html`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    Query(pairs): Query<Pairs>,
) -> Result<Html<String>, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    let now = context.now();
    let span = Span::parse(&pairs, now)?;
    let known = Known::new(&context, row, now);
    let lines = chart::lines(&pairs, &known.state)?;
    let (whole, points) = on_whole_steps(&span);
    let range = chart::range(&context, &caller, &known.row, lines.clone(), &whole, points).await?;
    let local = known.local(now);
    let base = format!("/inverters/{id}");
    let column = |quantity: &Quantity| format!("{}, {}", stats::label(*quantity), quantity.unit());
    html(&Page {
        shell: Shell::new(&caller, now, None, "/inverters"),
        name: known.name().to_owned(),
        back: format!("{base}?{}", span.query()),
        span: span.words(&local),
        zone_words: local.zone_name(),
        step: words::length(range.step_ms),
        csv: format!("{base}/history.csv?{}", span.query()),
        ranges: RANGES
            .iter()
            .map(|(name, _)| (*name, format!("{base}/history.html?range={name}"), *name == span.range))
            .collect(),
        columns: lines.iter().map(column).collect(),
        rows: rows(&range, &local),
    })
}

/// The span widened to whole steps of the clock, and how many they are: rows begin at 3:15, not at 3:07.
fn on_whole_steps(span: &Span) -> (Span, usize) {
    let step = STEPS.into_iter().find(|step| span.length() <= step * ROWS).unwrap_or(KEPT_MS);
    let from = UtcMs(span.from.0.div_euclid(step) * step);
    let to = UtcMs((span.to.0 + step - 1).div_euclid(step) * step);
    let points = usize::try_from(to.since(from) / step).unwrap_or(1).max(1);
    (Span { from, to, ..*span }, points)
}

fn rows(range: &Range, local: &Local) -> Vec<Row> {
    let mut rows: Vec<(UtcMs, Row)> = Vec::new();
    for (at, time) in range.times.iter().enumerate() {
        let values: Vec<_> = range
            .series
            .iter()
            .map(|series| (series.quantity, series.values.get(at).copied().flatten()))
            .collect();
        if values.iter().all(|(_, value)| value.is_none()) {
            continue;
        }
        let cells = values.iter().map(|(quantity, value)| cell(*quantity, *value)).collect();
        rows.push((*time, Row { time: local.day_and_time(*time), gap: false, words: String::new(), cells }));
    }
    for gap in &range.gaps {
        let words = words::length(gap.to.since(gap.from));
        rows.push((
            gap.from,
            Row { time: local.day_and_time(gap.from), gap: true, words, cells: Vec::new() },
        ));
    }
    rows.sort_by_key(|(time, row)| (*time, row.gap));
    rows.into_iter().rev().map(|(_, row)| row).collect()
}

fn cell(quantity: Quantity, value: Option<Spread>) -> (String, String) {
    let Some(spread) = value else { return ("–".to_owned(), String::new()) };
    let text = |value: f64| {
        quantity
            .to_scaled(value)
            .map_or_else(|| "–".to_owned(), |scaled| words::number(quantity, scaled, quantity.decimals()))
    };
    let (least, greatest) = (text(spread.min), text(spread.max));
    let between = if least == greatest { String::new() } else { format!("{least}{NB}to{NB}{greatest}") };
    (text(spread.mean), between)
}

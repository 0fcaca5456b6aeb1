//! `GET /inverters/{id}/chart`: what the page's own chart draws, as few bytes as it takes.
//!
//! In: a span, lines, at most so many points. Out: JSON of integers: times and means as differences from the one before,
//! least and greatest as distances from the mean. Made for our script (`assets/src/chart/data.ts`); programs use
//! `/api/v1/inverters/{id}/history`.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use fleet::alarm::Rules;
use fleet::{Action, InverterState};
use http::{HeaderValue, header};
use store::history::{Range, RangeQuery, Series, Spread};
use store::state::{Alarm, VisibleInverter};
use wire::Quantity;

use crate::caller::Caller;
use crate::json::Json;
use crate::view::limits::alarm_title;
use crate::view::span::Span;
use crate::view::{episodes, stats};
use crate::{Context, Error, access};

/// Columns of the widest chart on the finest screen.
pub const MOST_POINTS: usize = 2_000;
/// Columns where the page does not say.
const POINTS: usize = 600;
/// Alarms of one chart, the newest: more cannot be told apart.
const MOST_ALARMS: u64 = 100;
/// Lanes of one chart.
pub const MOST_LINES: usize = 6;

/// Lines that a chart has where nothing is chosen: of each group the first that is reported.
const DEFAULT_LINES: [&[Quantity]; 3] = [
    &[Quantity::INPUT_VOLTAGE, Quantity::INPUT_L1_VOLTAGE, Quantity::OUTPUT_VOLTAGE],
    &[Quantity::BATTERY_VOLTAGE],
    &[Quantity::REALPOWER, Quantity::POWER, Quantity::LOAD, Quantity::OUTPUT_CURRENT],
];

/// The pairs of an address.
pub type Pairs = Vec<(String, String)>;

/// `GET /inverters/{id}/chart`
pub async fn data(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    let span = Span::parse(&pairs, context.now())?;
    let state = context.live().state(row.inverter.key).unwrap_or_default();
    let lines = lines(&pairs, &state)?;
    let points = points(&pairs, POINTS, MOST_POINTS)?;
    let range = range(&context, &caller, &row, lines, &span, points).await?;
    let alarms = context.state().alarms_during(row.inverter.key, span.from, span.to, MOST_ALARMS).await;
    let alarms = alarms.map_err(|error| Error::internal("list alarms", error))?;
    let mut response = encode(&span, &range, &alarms, &state.rules).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Reads history: what memory holds at once, the rest off the async threads, so many at a time.
///
/// # Errors
/// [`Error::Busy`], [`Error::Internal`].
pub async fn range(
    context: &Context,
    caller: &Caller,
    row: &VisibleInverter,
    quantities: Vec<Quantity>,
    span: &Span,
    points: usize,
) -> Result<Range, Error> {
    let query = RangeQuery { inverter: row.inverter.key, quantities, from: span.from, to: span.to, points };
    let (context, now) = (context.clone(), context.now());
    let known = context.history().range_in_memory(&query, now);
    if let Some(range) = known.map_err(|error| Error::internal("read history", error))? {
        return Ok(range);
    }
    let turn = context.turns().take(caller.account.key)?;
    // Who goes away meanwhile keeps the turn until the disk was read.
    let read = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        context.history().range(&query, now)
    });
    let read = read.await;
    let read = read.map_err(|error| Error::internal("read history", error))?;
    read.map_err(|error| Error::internal("read history", error))
}

/// The lines asked for, or the usual ones.
///
/// # Errors
/// [`Error::Request`] with the names there are.
pub fn lines(pairs: &Pairs, state: &InverterState) -> Result<Vec<Quantity>, Error> {
    let mut lines = Vec::new();
    let named = pairs.iter().filter(|(key, _)| key == "lines").flat_map(|(_, value)| value.split(','));
    for name in named.filter(|name| !name.is_empty()) {
        let quantity = Quantity::from_name(name).ok_or_else(|| unknown(name))?;
        if !lines.contains(&quantity) {
            lines.push(quantity);
        }
    }
    if lines.len() > MOST_LINES {
        return Err(Error::Request(format!("A chart has at most {MOST_LINES} lines.")));
    }
    if lines.is_empty() {
        lines = usual(state);
    }
    Ok(lines)
}

fn usual(state: &InverterState) -> Vec<Quantity> {
    let reported =
        |group: &&[Quantity]| group.iter().copied().find(|quantity| state.value(*quantity).is_some());
    let found: Vec<_> = DEFAULT_LINES.iter().filter_map(reported).collect();
    if found.is_empty() {
        DEFAULT_LINES.iter().filter_map(|group| group.first().copied()).collect()
    } else {
        found
    }
}

/// What to write instead of a name that is none.
#[must_use]
pub fn unknown(name: &str) -> Error {
    let names: Vec<_> = Quantity::all().map(Quantity::name).collect();
    let name: String = name.chars().take(60).collect();
    Error::Request(format!("There is no quantity {name:?}. There are: {}.", names.join(", ")))
}

/// `points`, within its bounds.
///
/// # Errors
/// [`Error::Request`].
pub fn points(pairs: &Pairs, default: usize, most: usize) -> Result<usize, Error> {
    let Some((_, text)) = pairs.iter().find(|(key, _)| key == "points") else { return Ok(default) };
    let parsed = text.parse().ok().filter(|points| (1..=most).contains(points));
    parsed.ok_or_else(|| Error::Request(format!("`points` must be a whole number from 1 to {most}.")))
}

fn encode(span: &Span, range: &Range, alarms: &[Alarm], rules: &Rules) -> Vec<u8> {
    let mut out = Json::with_capacity(64 * 1024);
    out.text("{\"from\":").integer(span.from.0).text(",\"to\":").integer(span.to.0);
    out.text(",\"step\":").integer(range.step_ms).text(",\"times\":");
    let mut last = 0;
    out.list(&range.times, |out, time| {
        out.integer(time.0 - last);
        last = time.0;
    });
    out.text(",\"lines\":");
    out.list(&range.series, line);
    out.text(",\"episodes\":");
    out.list(&episodes::on_battery(range), |out, (span, lost)| {
        out.text(if *lost { "[\"bat\"," } else { "[\"test\"," });
        out.integer(span.from.0).text(",").integer(span.to.0).text("]");
    });
    out.text(",\"gaps\":");
    // What is narrower than a column cannot be seen, and a month may have thousands.
    let wide: Vec<_> = range.gaps.iter().filter(|gap| gap.to.since(gap.from) >= range.step_ms).collect();
    out.list(&wide, |out, gap| {
        out.text("[").integer(gap.from.0).text(",").integer(gap.to.0).text("]");
    });
    // Most charts have none, and then not a byte of it.
    if !alarms.is_empty() {
        out.text(",\"alarms\":");
        out.list(alarms, |out, one| alarm(out, one, rules));
    }
    out.text("}");
    out.0
}

/// From its raise to the end of its condition; 0 where it is still open.
fn alarm(out: &mut Json, alarm: &Alarm, rules: &Rules) {
    out.text("[\"").text(alarm.severity.name()).text("\",");
    // A device's own code may be part of it: escaped, as all that comes from outside. Strings can always be printed.
    out.text(&serde_json::to_string(&alarm_title(&alarm.key, rules)).unwrap_or_default());
    out.text(",").integer(alarm.raised_at.0).text(",");
    out.integer(alarm.cleared.map_or(0, |(ended, _)| ended.0.max(alarm.raised_at.0)));
    out.text(",\"").text(&alarm.code).text("\"]");
}

fn line(out: &mut Json, series: &Series) {
    let quantity = series.quantity;
    out.text("{\"name\":\"").text(quantity.name()).text("\",\"label\":\"").text(stats::lane_label(quantity));
    out.text("\",\"unit\":\"")
        .text(quantity.unit())
        .text("\",\"decimals\":")
        .integer(quantity.decimals().into());
    let scaled = |value: f64| quantity.to_scaled(value).unwrap_or(0);
    let mut last = 0;
    out.text(",\"mean\":");
    out.list(&series.values, |out, value| match value {
        None => {
            out.text("null");
        }
        Some(spread) => {
            let mean = scaled(spread.mean);
            out.integer(mean - last);
            last = mean;
        }
    });
    let distances = |pick: fn(&Spread) -> f64| -> Vec<i64> {
        let distance = |spread: &Spread| (scaled(pick(spread)) - scaled(spread.mean)).abs();
        let all: Vec<_> = series.values.iter().map(|value| value.as_ref().map_or(0, distance)).collect();
        // A chart of single readings has no spread to send.
        if all.iter().all(|distance| *distance == 0) { Vec::new() } else { all }
    };
    for (name, pick) in [("low", (|s| s.min) as fn(&Spread) -> f64), ("high", |s| s.max)] {
        out.text(",\"").text(name).text("\":");
        out.list(&distances(pick), |out, distance| {
            out.integer(*distance);
        });
    }
    out.text("}");
}

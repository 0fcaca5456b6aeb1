//! `GET /api/v1/inverters/{id}/history` and `/history.csv`.
//!
//! In: quantities, from, to, points. Out: per quantity arrays of time, min, mean, max, `null` where no reading came, so
//! that no line is drawn across a gap. Numbers are written straight into bytes: a thousand points of six quantities in
//! well under a millisecond.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use fleet::Action;
use store::history::{Range, Series, Spread, Subject};
use wire::Quantity;

use super::json;
use crate::caller::ApiCaller;
use crate::json::Json;
use crate::pages::chart::{self, MOST_POINTS, Pairs};
use crate::pages::csv as file;
use crate::view::span::Span;
use crate::{Context, Error, access};

/// Points where none are asked for.
const POINTS: usize = 500;

/// `GET /api/v1/inverters/{id}/history`
pub async fn range(
    State(context): State<Context>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    let span = Span::parse(&pairs, context.now())?;
    let points = chart::points(&pairs, POINTS, MOST_POINTS)?;
    let state = context.live().state(row.inverter.key).unwrap_or_default();
    let reported = || state.latest.iter().map(|known| known.quantity).collect();
    let quantities = quantities(&pairs)?.unwrap_or_else(reported);
    let range = chart::range(&context, &caller, &row, quantities, &span, points).await?;
    Ok(json(encode(&span, &range)))
}

/// `GET /api/v1/inverters/{id}/history.csv`
pub async fn csv(
    State(context): State<Context>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    file::file(&context, &row, &Span::parse(&pairs, context.now())?)
}

/// `quantities=a,b`; `None` where it is not given.
fn quantities(pairs: &Pairs) -> Result<Option<Vec<Quantity>>, Error> {
    let Some((_, names)) = pairs.iter().find(|(key, _)| key == "quantities") else { return Ok(None) };
    let mut quantities = Vec::new();
    for name in names.split(',') {
        let quantity = Quantity::from_name(name.trim()).ok_or_else(|| chart::unknown(name))?;
        if !quantities.contains(&quantity) {
            quantities.push(quantity);
        }
    }
    Ok(Some(quantities))
}

fn encode(span: &Span, range: &Range) -> Vec<u8> {
    // The time axis is the same for all; it is written once and copied.
    let mut times = Json::with_capacity(range.times.len().saturating_mul(28));
    times.list(&range.times, |out, time| {
        out.time(*time);
    });
    let per_series = times.0.len().saturating_add(range.times.len().saturating_mul(24));
    let mut out = Json::with_capacity(per_series.saturating_mul(range.series.len()).saturating_add(4096));
    out.text("{\"from\":").time(span.from).text(",\"to\":").time(span.to);
    out.text(",\"step_ms\":").integer(range.step_ms).text(",\"quantities\":{");
    for (at, series) in range.series.iter().enumerate() {
        if at > 0 {
            out.text(",");
        }
        out.text("\"").text(series.quantity.name()).text("\":{\"unit\":\"").text(series.quantity.unit());
        out.text("\",\"time\":");
        out.0.extend_from_slice(&times.0);
        for (name, decimals, pick) in SPREADS {
            out.text(",\"").text(name).text("\":");
            numbers(&mut out, series, decimals, pick);
        }
        out.text("}");
    }
    out.text("},\"gaps\":");
    out.list(&range.gaps, |out, gap| {
        out.text("{\"from\":").time(gap.from).text(",\"to\":").time(gap.to).text("}");
    });
    out.text(",\"episodes\":");
    out.list(&range.episodes, |out, episode| {
        let (kind, name) = match episode.subject {
            Subject::Flag(flag) => ("flag", flag.name()),
            Subject::Condition(condition) => ("condition", condition.name()),
        };
        out.text("{\"kind\":\"").text(kind).text("\",\"name\":\"").text(name);
        out.text("\",\"from\":").time(episode.span.from).text(",\"to\":").time(episode.span.to).text("}");
    });
    out.text("}");
    out.0
}

/// Name, decimals beyond the quantity's own, which.
type Pick = fn(&Spread) -> f64;
const SPREADS: [(&str, u8, Pick); 3] =
    [("min", 0, |s| s.min), ("mean", 1, |s| s.mean), ("max", 0, |s| s.max)];

#[expect(clippy::cast_possible_truncation, reason = "values of real equipment are far below 2^52")]
fn numbers(out: &mut Json, series: &Series, more_decimals: u8, pick: Pick) {
    let decimals = series.quantity.decimals().saturating_add(more_decimals);
    let scale = series.quantity.scale() * if more_decimals > 0 { 10.0 } else { 1.0 };
    out.list(&series.values, |out, value| match value {
        None => {
            out.text("null");
        }
        Some(spread) => {
            out.scaled((pick(spread) * scale).round() as i64, decimals);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::history::Span as Gap;
    use wire::UtcMs;

    #[test]
    fn gaps_are_null_and_the_text_is_json() {
        let spread = |min, mean, max| Some(Spread { min, mean, max });
        let range = Range {
            step_ms: 10_000,
            times: vec![UtcMs(0), UtcMs(10_000), UtcMs(20_000)],
            series: vec![Series {
                quantity: Quantity::BATTERY_VOLTAGE,
                values: vec![spread(136.4, 136.415, 136.43), None, spread(-0.05, 0.0, 0.1)],
            }],
            gaps: vec![Gap { from: UtcMs(10_000), to: UtcMs(20_000) }],
            episodes: Vec::new(),
        };
        let span = Span { from: UtcMs(0), to: UtcMs(30_000), range: "", at_now: false };
        let value: serde_json::Value = serde_json::from_slice(&encode(&span, &range)).unwrap();
        let battery = &value["quantities"]["battery.voltage"];
        assert_eq!(battery["unit"], "V");
        assert_eq!(battery["time"][1], "1970-01-01T00:00:10.000Z");
        assert_eq!(battery["min"], serde_json::json!([136.4, null, -0.05]));
        assert_eq!(battery["mean"], serde_json::json!([136.415, null, 0]));
        assert_eq!(battery["max"], serde_json::json!([136.43, null, 0.1]));
        assert_eq!(value["gaps"][0]["to"], "1970-01-01T00:00:20.000Z");
    }
}

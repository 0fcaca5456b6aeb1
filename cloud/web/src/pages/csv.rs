//! `GET /inverters/{id}/history.csv`: every reading of a span, as a file that spreadsheets open safely.
//!
//! In: a span. Out: RFC 4180 with one line a reading, made while it is read, never all in memory. Text that came from
//! outside cannot become a formula. A file that could not be finished ends as a broken transfer, never as a short file.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use fleet::{Action, StoredReading};
use http::{HeaderValue, header};
use store::state::VisibleInverter;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use wire::{Quantity, flag};

use super::chart::Pairs;
use crate::caller::Caller;
use crate::view::span::Span;
use crate::{Context, Error, access};

/// A part of the file, bytes.
const PART: usize = 32 * 1024;
/// Parts that wait for a slow reader.
const WAITING: usize = 4;
/// A reader that takes nothing for this long is given up.
const STALLED: Duration = Duration::from_secs(30);
/// Files made at once; each holds a blocking thread while its reader is slow.
pub const AT_ONCE: usize = 8;

/// `GET /inverters/{id}/history.csv`
pub async fn download(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    file(&context, &row, &Span::parse(&pairs, context.now())?)
}

/// The file.
///
/// # Errors
/// [`Error::Busy`], [`Error::Internal`].
pub fn file(context: &Context, row: &VisibleInverter, span: &Span) -> Result<Response, Error> {
    let permit = Arc::clone(context.exports()).try_acquire_owned().map_err(|_| Error::Busy)?;
    let state = context.live().state(row.inverter.key).unwrap_or_default();
    let columns: Vec<Quantity> = state.latest.iter().map(|known| known.quantity).collect();
    let (sender, mut receiver) = mpsc::channel::<io::Result<Bytes>>(WAITING);
    let (context, span, key) = (context.clone(), *span, row.inverter.key);
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let _permit: OwnedSemaphorePermit = permit;
        let put = |part: io::Result<Bytes>| {
            runtime.block_on(async {
                matches!(tokio::time::timeout(STALLED, sender.send(part)).await, Ok(Ok(())))
            })
        };
        let readings = match context.history().raw(key, span.from, span.to, context.now()) {
            Ok(readings) => readings,
            Err(error) => {
                tracing::error!("a file of readings was not begun: {error}");
                put(Err(io::Error::other("history could not be read")));
                return;
            }
        };
        let mut text = heading(&columns);
        for reading in readings {
            match reading {
                Ok(reading) => line(&mut text, &columns, &reading),
                Err(error) => {
                    tracing::error!("a file of readings was not finished: {error}");
                    put(Err(io::Error::other("history could not be read to the end")));
                    return;
                }
            }
            if text.len() >= PART && !put(Ok(Bytes::from(std::mem::take(&mut text)))) {
                return;
            }
        }
        put(Ok(Bytes::from(text)));
    });
    // Compression asks once more after the end: the channel says again that it is over, where other streams panic.
    let stream = futures_util::stream::poll_fn(move |task| receiver.poll_recv(task));
    let mut response = Body::from_stream(stream).into_response();
    let name = format!("attachment; filename=\"{}-{}.csv\"", row.inverter.serial, day(&span));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

fn day(span: &Span) -> String {
    let (year, month, day) = span.from.date();
    format!("{year:04}-{month:02}-{day:02}")
}

fn heading(columns: &[Quantity]) -> String {
    let mut text = "time,quality".to_owned();
    for quantity in columns {
        let unit = quantity.unit();
        text.push(',');
        text.push_str(quantity.name());
        if !unit.is_empty() {
            let _ = write!(text, " ({unit})");
        }
    }
    for (_, _, name) in flag::TABLE {
        text.push(',');
        text.push_str(name);
    }
    text.push_str(",conditions,unknown\r\n");
    text
}

fn line(text: &mut String, columns: &[Quantity], reading: &StoredReading) {
    let _ = write!(text, "{},{}", reading.time, reading.quality.name());
    for quantity in columns {
        text.push(',');
        if let Some(scaled) = reading.sample.quantities.value(*quantity) {
            let _ = write!(text, "{:.*}", usize::from(quantity.decimals()), quantity.to_f64(scaled));
        }
    }
    for (flag, ..) in flag::TABLE {
        text.push_str(match reading.sample.flags.value(flag) {
            Some(true) => ",1",
            Some(false) => ",0",
            None => ",",
        });
    }
    text.push(',');
    for (at, condition) in reading.sample.conditions.raised().enumerate() {
        if at > 0 {
            text.push(' ');
        }
        text.push_str(condition.name());
    }
    text.push(',');
    text.push_str(&field(&reading.sample.unknown.join(" ")));
    text.push_str("\r\n");
}

/// What a formula begins with, also as it is typed in East Asia; some programs leave out blanks before it.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '|', '%', '＝', '＋', '－', '＠'];

/// Text from outside as one field: quoted, and never the beginning of a formula (OWASP, CSV injection).
#[must_use]
pub fn field(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    // As it will be read: a control character in front becomes a blank, and hides nothing.
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let formula = text.starts_with(['\t', '\r', '\n']) || plain.trim_start().starts_with(FORMULA);
    let guard = if formula { "'" } else { "" };
    format!("\"{guard}{}\"", plain.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{Condition, Flag, UtcMs};

    #[test]
    fn text_from_outside_never_begins_a_formula() {
        assert_eq!(field("=HYPERLINK(\"http://evil\")"), "\"'=HYPERLINK(\"\"http://evil\"\")\"");
        for text in ["+1", "-1", "@SUM(A1)", "\t=1", "|cmd", "%x", "  =1", "\u{a0}+1", "＝1", "＠SUM(A1)"] {
            assert!(field(&format!("\u{1}{text}")).starts_with("\"'"), "after a control character: {text:?}");
            assert!(field(text).starts_with("\"'"), "{text:?}");
        }
        assert_eq!(field("AR=0x4000"), "\"AR=0x4000\"");
        assert_eq!(field("a\nb,c"), "\"a b,c\"");
        assert_eq!(field(""), "");
    }

    #[test]
    fn a_line_has_every_column_and_empty_means_not_reported() {
        let columns = [Quantity::BATTERY_VOLTAGE, Quantity::LOAD];
        let mut reading = StoredReading { time: UtcMs(0), ..StoredReading::default() };
        reading.sample.quantities.set(Quantity::BATTERY_VOLTAGE, 13_642);
        reading.sample.flags.set(Flag::LinePresent, false);
        reading.sample.conditions.set(Condition::UTILITY_LOST, true);
        let mut text = heading(&columns);
        line(&mut text, &columns, &reading);
        assert_eq!(
            text,
            "time,quality,battery.voltage (V),ups.load (%),battery_power,line_present,battery_charging,system_ready,\
             conditions,unknown\r\n1970-01-01T00:00:00.000Z,estimated,136.42,,,0,,,utility.lost,\r\n"
        );
    }
}

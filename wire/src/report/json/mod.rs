//! The report as JSON: names, numbers in their units, times as RFC 3339 (`docs/wire/README.md`).
//!
//! In: a payload from somebody's device. Out: a [`Report`] in one pass, and back. Values of one reading that make no
//! sense are carried raw in its `unknown`; a structure that makes none is an error that says which key and byte.

mod decimal;
mod object;
mod read;
mod write;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::Cell;

use super::{MAX_PACKET_BYTES, Report, ReportError};

/// Appends the report.
pub fn encode(report: &Report, out: &mut Vec<u8>) {
    out.extend_from_slice(write::Json(report).to_string().as_bytes());
}

/// Reads a report. `NaN` and `Infinity`, which are no JSON but what some languages write, count as values that make
/// no sense.
///
/// # Errors
/// [`ReportError`] with key and byte offset.
pub fn decode(bytes: &[u8]) -> Result<Report, ReportError> {
    let refuse = |offset, problem| ReportError { offset, key: "", problem };
    if bytes.len() > MAX_PACKET_BYTES {
        return Err(refuse(
            MAX_PACKET_BYTES,
            format!("a report has at most {MAX_PACKET_BYTES} bytes, this has {}", bytes.len()),
        ));
    }
    let text = core::str::from_utf8(bytes)
        .map_err(|error| refuse(error.valid_up_to(), String::from("JSON is UTF-8, this byte is not")))?;
    parse(text).or_else(|error| quote_non_numbers(text).and_then(|quoted| parse(&quoted).ok()).ok_or(error))
}

fn parse(text: &str) -> Result<Report, ReportError> {
    let key = Cell::new("");
    let mut deserializer = serde_json::Deserializer::from_str(text);
    read::report(&mut deserializer, &key).and_then(|report| deserializer.end().map(|()| report)).map_err(
        |error| {
            let line_start =
                text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
            let message = error.to_string();
            let problem = message.rsplit_once(" at line ").map_or(message.as_str(), |(problem, _)| problem);
            ReportError {
                offset: line_start + error.column(),
                key: key.get(),
                problem: String::from(problem),
            }
        },
    )
}

/// The text with `NaN`, `Infinity` and `-Infinity` outside strings put in quotes; `None` where there is none.
fn quote_non_numbers(text: &str) -> Option<String> {
    let mut quoted = String::new();
    let mut copied = 0;
    let mut in_string = false;
    let mut escaped = false;
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let mut step = 1;
        if in_string {
            in_string = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
        } else if *byte == b'"' {
            in_string = true;
        } else if let Some(word) =
            NON_NUMBERS.iter().find(|w| bytes.get(at..).is_some_and(|b| b.starts_with(w.as_bytes())))
        {
            quoted.push_str(text.get(copied..at)?);
            quoted.push('"');
            quoted.push_str(word);
            quoted.push('"');
            step = word.len();
            copied = at + step;
        }
        at += step;
    }
    quoted.push_str(text.get(copied..)?);
    (copied > 0).then_some(quoted)
}

const NON_NUMBERS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

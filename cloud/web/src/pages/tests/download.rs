//! `GET /tests/report.pdf`, `.csv` and `.json`: the report as a file, and what says whether it is whole.
//!
//! In: what it is of, a period. Out: the file, to keep; a PDF with its signature, of others it is a file of its own. A PDF is laid out on a thread that may block, a few at a time.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use fleet::logbook::{Check, with_trailer};
use http::{HeaderValue, header};

use super::report::few;
use super::scope::{Pairs, Scope};
use crate::caller::Caller;
use crate::report::{Report, code, csv, pdf};
use crate::{Context, Error};

/// `GET /tests/report.pdf`
pub async fn as_pdf(state: State<Context>, caller: Caller, pairs: Query<Pairs>) -> Result<Response, Error> {
    let context = state.0.clone();
    let (report, json) = made(state, caller, pairs).await?;
    let permit = Arc::clone(context.exports()).try_acquire_owned().map_err(|_| Error::Busy)?;
    let name = report.number.clone();
    let printed = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        signed_pdf(&context, &report, &json)
    });
    let bytes = printed.await.map_err(|error| Error::internal("print a report", error))??;
    Ok(file(bytes, "application/pdf", &name, "pdf"))
}

/// `GET /tests/report.csv`
pub async fn as_csv(state: State<Context>, caller: Caller, pairs: Query<Pairs>) -> Result<Response, Error> {
    let (report, _) = made(state, caller, pairs).await?;
    let text = csv(&report);
    Ok(file(text.into_bytes(), "text/csv; charset=utf-8; header=present", &report.number, "csv"))
}

/// `GET /tests/report.json`
pub async fn as_json(state: State<Context>, caller: Caller, pairs: Query<Pairs>) -> Result<Response, Error> {
    let (report, json) = made(state, caller, pairs).await?;
    Ok(file(json, "application/json", &report.number, "json"))
}

/// `GET /tests/report.csv.check`: the signed line that says whether the CSV is whole.
pub async fn csv_check(
    state: State<Context>,
    caller: Caller,
    pairs: Query<Pairs>,
) -> Result<Response, Error> {
    let context = state.0.clone();
    let (report, _) = made(state, caller, pairs).await?;
    check(&context, &report, "csv", csv(&report).as_bytes())
}

/// `GET /tests/report.json.check`: the same of the JSON.
pub async fn json_check(
    state: State<Context>,
    caller: Caller,
    pairs: Query<Pairs>,
) -> Result<Response, Error> {
    let context = state.0.clone();
    let (report, json) = made(state, caller, pairs).await?;
    check(&context, &report, "json", &json)
}

fn check(context: &Context, report: &Report, ending: &str, bytes: &[u8]) -> Result<Response, Error> {
    let line = check_line(context, report, ending, bytes)?;
    Ok(file(line, "application/json", &report.number, &format!("{ending}.check")))
}

/// The signed line of a file, as it lies beside it.
pub(super) fn check_line(
    context: &Context,
    report: &Report,
    ending: &str,
    bytes: &[u8],
) -> Result<String, Error> {
    let name = format!("{}.{ending}", report.number);
    let line = Check::line(&name, bytes, report.made_at, context.signer()?);
    line.map(|line| line + "\n").map_err(|error| Error::internal("sign a report", error))
}

/// The PDF with its signature as its last line. Blocks.
pub(super) fn signed_pdf(context: &Context, report: &Report, json: &[u8]) -> Result<Vec<u8>, Error> {
    let bytes = pdf::print(report, json, &code::code(json))
        .map_err(|error| Error::internal("print a report", error))?;
    let name = format!("{}.pdf", report.number);
    let signed = with_trailer(bytes, &name, report.made_at, context.signer()?);
    signed.map_err(|error| Error::internal("sign a report", error))
}

async fn made(
    State(context): State<Context>,
    caller: Caller,
    Query(pairs): Query<Pairs>,
) -> Result<(Report, Vec<u8>), Error> {
    let scope = Scope::of(&context, &caller, &pairs).await?;
    few(&scope)?;
    let _turn = context.turns().take(caller.account.key)?;
    let report = scope.report(&context, &caller).await?;
    let json = report.json().map_err(|error| Error::internal("print a report", error))?;
    Ok((report, json))
}

/// A file to keep.
pub(super) fn file(bytes: impl IntoResponse, kind: &'static str, name: &str, ending: &str) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{name}.{ending}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    response
}

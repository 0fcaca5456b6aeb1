//! `GET /inverters/{id}/tests`: every test of an inverter that is kept, with what was done after those that failed.
//!
//! In: an inverter that the caller may see. Out: the page; who may manage it finds a form below each test that was no plain pass.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use fleet::Action;

use super::super::html;
use super::super::notice::After;
use super::super::people::list::title;
use super::super::shell::Shell;
use super::calendar::MONTHS;
use crate::caller::Caller;
use crate::report::model::{Sheet, Test};
use crate::report::{self, Period};
use crate::view::tests::Line;
use crate::{Context, Error, access};

#[derive(Template)]
#[template(path = "inverter_tests.html")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    id: String,
    name: String,
    sheet: Sheet,
    /// The newest first.
    tests: Vec<Test>,
    line: Line,
    may_note: bool,
    view_only: bool,
    report: String,
}

/// `GET /inverters/{id}/tests`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    Query(after): Query<After>,
) -> Result<Html<String>, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    let now = context.now();
    let failed = |error| Error::internal("read records", error);
    let period = Period::parse(&[("last".to_owned(), MONTHS.to_string())], now, report::zone(&row))?;
    let made = report::single(context.state(), context.live(), &row, &period, now).await.map_err(failed)?;
    let (sheet, viewed) = made.ok_or(Error::NotFound)?;
    let line = Line::new(&row, &viewed, now);
    let may_note = access::may(&context, &caller, &row, Action::Edit);
    html(&Page {
        shell: Shell::new(&caller, now, None, "/tests"),
        said: after.said(),
        name: title(&row),
        tests: sheet.tests.iter().rev().cloned().collect(),
        report: format!("/tests/report?inverter={id}&last=12"),
        view_only: row.role == fleet::Role::ReadOnly,
        sheet,
        line,
        may_note,
        id,
    })
}

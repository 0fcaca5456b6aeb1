//! `GET /api/v1/inverters/{id}/tests`: the record of an inverter's tests.
//!
//! In: days. Out: what each month has, and the same sheet as in the report.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use fleet::Action;
use fleet::compliance::MonthView;
use serde::Serialize;

use super::print;
use crate::caller::ApiCaller;
use crate::report::model::{FORMAT, Sheet};
use crate::report::{self, Period, words};
use crate::{Context, Error, access};

#[derive(Serialize)]
struct Record {
    format: &'static str,
    from: String,
    to: String,
    months: Vec<Month>,
    record: Sheet,
}

#[derive(Serialize)]
struct Month {
    month: String,
    state: &'static str,
    test: Option<String>,
    power_failures: usize,
}

/// `GET /api/v1/inverters/{id}/tests`
pub async fn list(
    State(context): State<Context>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    let now = context.now();
    let failed = |error| Error::internal("read records", error);
    let period = Period::parse(&pairs, now, report::zone(&row))?;
    let made = report::single(context.state(), context.live(), &row, &period, now).await.map_err(failed)?;
    let (record, viewed) = made.ok_or(Error::NotFound)?;
    let view = &viewed.view;
    let month = |of: &MonthView| Month {
        month: format!("{:04}-{:02}", of.month.year(), of.month.number()),
        state: words::cell_name(&of.cell),
        test: of.proof.and_then(|at| view.tests.get(at)).map(|test| test.key.clone()),
        power_failures: of.outages,
    };
    let days = period.days();
    print(&Record {
        format: FORMAT,
        from: days.from,
        to: days.to,
        months: view.months.iter().map(month).collect(),
        record,
    })
}

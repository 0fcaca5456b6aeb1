//! `GET /tests/report`: the report as a page, to look at and to print.
//!
//! In: what it is of, a period. Out: the page, with its files. More inverters than a page holds are one line each.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use wire::UtcMs;

use super::super::html;
use super::super::shell::Shell;
use super::scope::{Pairs, Scope};
use crate::caller::Caller;
use crate::report::{self, Period, Report, code};
use crate::{Context, Error};

/// Inverters of which each test is on the page.
const MOST_WHOLE: usize = 25;
/// More are not made while somebody waits.
pub const MOST: usize = 500;

#[derive(Template)]
#[template(path = "tests_report.html")]
struct Page {
    shell: Shell,
    report: Report,
    code: String,
    whole: bool,
    pdf: String,
    csv: String,
    json: String,
    csv_check: String,
    json_check: String,
    /// The same of other times: words, address, whether it is this one.
    periods: Vec<(&'static str, String, bool)>,
}

/// What names a report's inverters in an address.
const NAMES: [&str; 3] = ["inverter", "site", "organization"];

/// So many that it is made while nobody waits.
#[derive(Template)]
#[template(path = "tests_export_new.html")]
struct Many {
    shell: Shell,
    title: String,
    words: String,
    total: usize,
    pairs: Pairs,
}

/// Periods that are offered: words, name and value in the address.
const PERIODS: [(&str, &str, &str); 3] =
    [("Last month", "", ""), ("Last 12 months", "last", "12"), ("This year", "year", "")];

/// `GET /tests/report`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Query(pairs): Query<Pairs>,
) -> Result<Html<String>, Error> {
    let scope = Scope::of(&context, &caller, &pairs).await?;
    if scope.rows.len() > MOST {
        let days = scope.period.days();
        let of_period = [("from".to_owned(), days.from), ("to".to_owned(), days.to)];
        let named = pairs.into_iter().filter(|(name, _)| NAMES.contains(&name.as_str()));
        return html(&Many {
            shell: Shell::new(&caller, context.now(), None, "/tests"),
            total: scope.rows.len(),
            title: scope.title,
            words: days.words,
            pairs: named.chain(of_period).collect(),
        });
    }
    let _turn = context.turns().take(caller.account.key)?;
    let report = scope.report(&context, &caller).await?;
    let json = report.json().map_err(|error| Error::internal("print a report", error))?;
    html(&Page {
        shell: Shell::new(&caller, context.now(), None, "/tests"),
        code: code::code(&json),
        whole: report.inverters.len() <= MOST_WHOLE,
        pdf: scope.address(".pdf"),
        csv: scope.address(".csv"),
        json: scope.address(".json"),
        csv_check: scope.address(".csv.check"),
        json_check: scope.address(".json.check"),
        periods: periods(&scope, context.now()),
        report,
    })
}

/// The periods that are offered.
fn periods(scope: &Scope, now: UtcMs) -> Vec<(&'static str, String, bool)> {
    let zone = scope.rows.first().map_or("UTC", report::zone);
    let year = Period::today(now, zone).year().to_string();
    let offered = |(words, name, value): &(&'static str, &str, &str)| {
        let value = if *name == "year" { &year } else { *value };
        let is = Period::parse(&[((*name).to_owned(), value.to_owned())], now, zone);
        let joint = if scope.named.is_empty() { "?" } else { "&" };
        let query = if name.is_empty() { String::new() } else { format!("{joint}{name}={value}") };
        (*words, format!("/tests/report{}{query}", scope.named), is.is_ok_and(|is| is == scope.period))
    };
    PERIODS.iter().map(offered).collect()
}

/// Not more than are made while somebody waits.
pub(super) fn few(scope: &Scope) -> Result<(), Error> {
    if scope.rows.len() > MOST {
        return Err(Error::Request(format!(
            "A file of {MOST} inverters at most is made at once, and these are {}. Begin at /tests/report, or choose a site.",
            scope.rows.len()
        )));
    }
    Ok(())
}

//! `GET /tests/report`: the report as a page, to look at and to print.
//!
//! In: what it is of, a period. Out: the page, with its files. More inverters than a page holds are one line each.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;

use super::super::html;
use super::super::shell::Shell;
use super::scope::{Pairs, Scope};
use crate::caller::Caller;
use crate::report::{Report, code};
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
    /// The same of another time: words, address.
    others: Vec<(&'static str, String)>,
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

/// Other periods that are offered.
const PERIODS: [(&str, &str); 3] =
    [("Last month", ""), ("Last 12 months", "last=12"), ("This year", "year=")];

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
    let report = scope.report(&context, &caller).await?;
    let json = report.json().map_err(|error| Error::internal("print a report", error))?;
    let year = context.now().date().0;
    let joint = if scope.named.is_empty() { "?" } else { "&" };
    let other = |(words, query): &(&'static str, &str)| {
        let query = if *query == "year=" { format!("year={year}") } else { (*query).to_owned() };
        (*words, format!("/tests/report{}{joint}{query}", scope.named))
    };
    html(&Page {
        shell: Shell::new(&caller, context.now(), None, "/tests"),
        code: code::code(&json),
        whole: report.inverters.len() <= MOST_WHOLE,
        pdf: scope.address(".pdf"),
        csv: scope.address(".csv"),
        json: scope.address(".json"),
        csv_check: scope.address(".csv.check"),
        json_check: scope.address(".json.check"),
        others: PERIODS.iter().map(other).collect(),
        report,
    })
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

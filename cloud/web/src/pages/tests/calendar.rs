//! `GET /tests`: which tests were done in twelve months, by site and inverter.
//!
//! In: a caller, a filter from the address. Out: the page, fifty inverters at a time; the records of these are read by one query.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use fleet::compliance::Month;
use serde::Deserialize;
use store::state::VisibleInverter;
use wire::UtcMs;

use super::super::html;
use super::super::shell::Shell;
use crate::caller::Caller;
use crate::report;
use crate::view::paging::Paging;
use crate::view::tests::{Group, Head, groups};
use crate::view::words::Local;
use crate::{Context, Error, access};

/// Inverters on one page.
const PAGE: usize = 50;
/// Months of one page.
pub const MONTHS: u8 = 12;
/// Years that can be chosen.
const YEARS: i64 = 5;

/// What is shown; lives in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Part of a name, site, model or serial number.
    pub q: String,
    /// Public id of a site.
    pub site: String,
    /// The last month that is shown, `2026-11`; this one where nothing is said.
    pub end: String,
    /// Page of the list, from 1.
    pub page: usize,
}

#[derive(Template)]
#[template(path = "tests.html")]
struct Page {
    shell: Shell,
    filter: Filter,
    /// Name and id.
    sites: Vec<(String, String)>,
    /// Value, words, chosen.
    ends: Vec<(String, String, bool)>,
    head: Head,
    groups: Vec<Group>,
    paging: Paging,
    /// How many the caller may see in all.
    all: usize,
    /// Where the report of what is shown is.
    report: String,
}

/// `GET /tests`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Html<String>, Error> {
    let filter = Filter { q: filter.q.chars().take(100).collect(), ..filter };
    let now = context.now();
    let rows = access::fleet(&context, &caller).await?;
    let (all, sites) = (rows.len(), sites(&rows));
    let mut rows: Vec<VisibleInverter> = rows.into_iter().filter(|row| filter.matches(row)).collect();
    rows.sort_by_cached_key(|row| {
        let site = row.site.as_ref().map(|site| site.name.to_lowercase());
        (site.is_none(), site, row.inverter.name.to_lowercase(), row.inverter.serial.as_str().to_owned())
    });
    let paging = Paging::new(rows.len(), PAGE, filter.page, |page| format!("/tests{}", filter.query(page)));
    let shown = rows.get(paging.shown.clone()).unwrap_or_default();
    let end = filter.end(now, shown.first());
    let made = report::views(context.state(), context.live(), shown, Some(end), MONTHS, now).await;
    let views = made.map_err(|error| Error::internal("read records", error))?;
    html(&Page {
        shell: Shell::new(&caller, now, None, "/tests"),
        head: Head::new(shown, &views, paging.pages > 1, now),
        groups: groups(shown, &views, now),
        ends: ends(end, now, shown.first()),
        report: filter.report(end),
        sites,
        filter,
        paging,
        all,
    })
}

fn sites(rows: &[VisibleInverter]) -> Vec<(String, String)> {
    let mut sites: Vec<(String, String)> = rows
        .iter()
        .filter_map(|row| row.site.as_ref())
        .map(|site| (site.name.clone(), site.public_id.clone()))
        .collect();
    sites.sort();
    sites.dedup();
    sites
}

/// This month on the wall of an inverter's site.
fn this_month(now: UtcMs, row: Option<&VisibleInverter>) -> Month {
    let local = Local::new(row.map_or("UTC", report::zone), now);
    Month::of(now, &|at| local.wall_minutes(at))
}

/// Windows of twelve months that can be chosen: the one that is shown, and those that end now and in the years before.
fn ends(end: Month, now: UtcMs, row: Option<&VisibleInverter>) -> Vec<(String, String, bool)> {
    let this = this_month(now, row);
    let mut all: Vec<Month> = (0..YEARS).map(|back| this.plus(-12 * back)).collect();
    all.push(end);
    all.sort_unstable_by(|a, b| b.cmp(a));
    all.dedup();
    let words = |last: Month| {
        let first = last.plus(1 - i64::from(MONTHS));
        format!("{} to {}", report::words::month_and_year(first), report::words::month_and_year(last))
    };
    all.into_iter().map(|last| (value(last), words(last), last == end)).collect()
}

fn value(month: Month) -> String {
    format!("{:04}-{:02}", month.year(), month.number())
}

impl Filter {
    fn matches(&self, row: &VisibleInverter) -> bool {
        let needle = self.q.trim().to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&needle);
        let (inverter, site) = (&row.inverter, row.site.as_ref());
        let found = needle.is_empty()
            || has(&inverter.name)
            || has(inverter.serial.as_str())
            || has(&inverter.model)
            || site.is_some_and(|site| has(&site.name));
        found && (self.site.is_empty() || site.is_some_and(|site| site.public_id == self.site))
    }

    /// The last month that is shown; none of what is to come.
    fn end(&self, now: UtcMs, row: Option<&VisibleInverter>) -> Month {
        let this = this_month(now, row);
        let typed = self
            .end
            .split_once('-')
            .and_then(|(year, month)| Month::new(year.parse().ok()?, month.parse().ok()?));
        typed.filter(|month| *month <= this).unwrap_or(this)
    }

    fn query(&self, page: &str) -> String {
        let pairs = [("q", self.q.trim()), ("site", &self.site), ("end", &self.end), ("page", page)];
        crate::link::with("", &pairs)
    }

    /// The report of a site, or of all; of the same twelve months.
    fn report(&self, end: Month) -> String {
        let first = end.plus(1 - i64::from(MONTHS));
        let next = end.plus(1);
        let last_day = UtcMs::parse_rfc3339(&format!("{}-01T00:00:00Z", value(next)))
            .map_or((1970, 1, 1), |at| at.plus_ms(-1).date());
        let to = format!("{:04}-{:02}-{:02}", last_day.0, last_day.1, last_day.2);
        let pairs = [("site", self.site.as_str()), ("from", &format!("{}-01", value(first))), ("to", &to)];
        format!("/tests/report{}", crate::link::with("", &pairs))
    }
}

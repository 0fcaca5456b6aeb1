//! `GET /op/allow-list`: who may register, and what became of each.
//!
//! In: a part of an address or a company, a standing, a page. Out: the list, the newest change first, with the form that
//! approves an address.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use serde::Deserialize;
use store::state::{Allowed, AllowedFilter, AllowedStanding};
use wire::UtcMs;

use super::super::shell::Shell;
use super::super::{html, notice};
use super::allow_add::Approval;
use crate::caller::Caller;
use crate::operator::Operator;
use crate::view::words::{self, NB};
use crate::{Context, Error, link};

/// Entries on a page.
const PAGE: u64 = 50;

#[derive(Template)]
#[template(path = "op_allow_list.html")]
pub(super) struct Page {
    shell: Shell,
    entries: Vec<Entry>,
    total: String,
    shown: String,
    earlier: Option<String>,
    later: Option<String>,
    filter: Filter,
    standings: Vec<(&'static str, &'static str)>,
    said: Option<&'static str>,
    approval: Approval,
}

/// One line of the list.
struct Entry {
    email: String,
    company: String,
    standing: String,
    icon: &'static str,
    day: String,
    by: String,
    note: String,
    removable: bool,
}

/// Filters, as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    q: String,
    state: String,
    page: String,
    done: String,
}

/// Each standing as it is shown: words, icon.
fn words(standing: AllowedStanding) -> (&'static str, &'static str) {
    match standing {
        AllowedStanding::Unused => ("Approved, not used", "clock"),
        AllowedStanding::Mailed => ("Waiting for e-mail", "mail"),
        AllowedStanding::Registered => ("Registered", "check"),
        AllowedStanding::Removed => ("Removed", "x"),
    }
}

/// Choices of the menu: value in the address, words.
fn choices() -> Vec<(&'static str, &'static str)> {
    AllowedStanding::TABLE.iter().map(|(standing, name)| (*name, words(*standing).0)).collect()
}

/// What was done just now: value in the address, words.
const DONE: [(&str, &str); 2] = [
    ("added", "The address is approved. Its owner can register now."),
    ("removed", "The address is off the list. An account that it has goes on until you disable it."),
];

/// `GET /op/allow-list`
pub async fn show(
    State(context): State<Context>,
    Operator(caller): Operator,
    Query(filter): Query<Filter>,
) -> Result<Html<String>, Error> {
    let approval = Approval::blank(&caller, context.now());
    html(&page(&context, &caller, filter, approval).await?)
}

/// The page with a form that may be filled in.
pub(super) async fn page(
    context: &Context,
    caller: &Caller,
    filter: Filter,
    approval: Approval,
) -> Result<Page, Error> {
    let now = context.now();
    let wanted = AllowedFilter { search: &filter.q, standing: AllowedStanding::from_name(&filter.state) };
    let page: u64 = filter.page.parse().unwrap_or(1).clamp(1, 1_000_000);
    let skip = (page - 1) * PAGE;
    let list = context.state().allow_list(wanted, now, skip, PAGE).await;
    let (entries, total) = list.map_err(|error| Error::internal("read the allow-list", error))?;
    let other = |page: u64| {
        let page = page.to_string();
        let page = if page == "1" { "" } else { &page };
        link::with("/op/allow-list", &[("q", &filter.q), ("state", &filter.state), ("page", page)])
    };
    Ok(Page {
        shell: Shell::new(caller, now, None, "/op/allow-list"),
        shown: words::count(entries.len() as u64),
        entries: entries.into_iter().map(Entry::from).collect(),
        total: words::count(total),
        earlier: (page > 1).then(|| other(page - 1)),
        later: (skip + PAGE < total).then(|| other(page + 1)),
        said: notice::find(&DONE, &filter.done),
        standings: choices(),
        filter,
        approval,
    })
}

impl From<Allowed> for Entry {
    fn from(allowed: Allowed) -> Self {
        let (standing, icon) = words(allowed.standing);
        let removed = allowed.removed_at.map(|at| format!("{standing}{NB}{}", day(at)));
        Self {
            email: allowed.email.to_string(),
            company: allowed.company,
            standing: removed.unwrap_or_else(|| standing.to_owned()),
            icon,
            day: day(allowed.verified_at),
            by: allowed.verified_by,
            note: allowed.note,
            removable: allowed.standing != AllowedStanding::Removed,
        }
    }
}

/// `Nov 17, 2026`.
fn day(at: UtcMs) -> String {
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime(&format!("%b{NB}%-d, %Y")).to_string()
}

//! `GET /op/accounts`: who may sign in.
//!
//! In: a search, a page. Out: accounts with how they are guarded and when they were last used. No passwords, no way to act
//! as somebody else.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use serde::Deserialize;
use store::state::AccountRow;

use super::super::html;
use super::super::shell::Shell;
use crate::operator::Operator;
use crate::view::accounts::{self, Line};
use crate::view::paging::Paging;
use crate::view::words::Local;
use crate::{Context, Error, link};

/// Accounts on a page.
const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "op_accounts.html")]
struct Page {
    shell: Shell,
    q: String,
    lines: Vec<Line>,
    paging: Paging,
}

/// What is shown; lives in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    q: String,
    page: String,
}

/// `GET /op/accounts`
pub async fn show(
    State(context): State<Context>,
    Operator(caller): Operator,
    Query(filter): Query<Filter>,
) -> Result<Html<String>, Error> {
    let now = context.now();
    let rows = context.state().account_rows(now).await;
    let rows = rows.map_err(|error| Error::internal("list accounts", error))?;
    let needle = filter.q.trim().to_lowercase();
    let wanted = |row: &&AccountRow| {
        row.account.email.as_str().contains(&needle) || row.account.name.to_lowercase().contains(&needle)
    };
    let found: Vec<_> = rows.iter().filter(wanted).collect();
    let here = |page: &str| link::with("/op/accounts", &[("q", filter.q.trim()), ("page", page)]);
    let paging = Paging::new(found.len(), PAGE, filter.page.parse().unwrap_or(1), here);
    let local = Local::new("UTC", now);
    let shown = found.get(paging.shown.clone()).unwrap_or_default();
    html(&Page {
        shell: Shell::new(&caller, now, None, "/op/accounts"),
        lines: shown.iter().map(|row| accounts::line(row, &local)).collect(),
        q: filter.q,
        paging,
    })
}

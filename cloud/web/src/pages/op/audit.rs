//! `GET /op/audit`: who did what, to whom, when, from where.
//!
//! In: filters in the address. Out: the log, the newest act first. A filter that names nobody finds nothing and says so.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use fleet::audit::{AREAS, Area, Verb};
use fleet::{AccountKey, InverterKey};
use serde::Deserialize;
use store::state::{AuditQuery, Email, Whose};
use wire::{Serial, UtcMs};

use super::super::activity::{self, Listed};
use super::super::html;
use super::super::shell::Shell;
use crate::operator::Operator;
use crate::view::acts::Reader;
use crate::view::words::Local;
use crate::{Context, Error, link};

#[derive(Template)]
#[template(path = "op_audit.html")]
struct Page {
    shell: Shell,
    listed: Listed,
    areas: &'static [Area],
    filter: Filter,
    unknown: Option<&'static str>,
}

/// Filters, as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    area: String,
    /// Address of who acted.
    by: String,
    /// An address or a serial number.
    about: String,
    /// `YYYY-MM-DD`, UTC, both days included.
    from: String,
    until: String,
    before: String,
}

/// `GET /op/audit`
pub async fn show(
    State(context): State<Context>,
    Operator(caller): Operator,
    Query(filter): Query<Filter>,
) -> Result<Html<String>, Error> {
    let now = context.now();
    let local = Local::new("UTC", now);
    let area: Option<Vec<Verb>> = Area::from_name(&filter.area).map(|area| area.verbs().collect());
    let found = Found::look_up(&context, &filter).await?;
    let query = AuditQuery {
        verbs: if found.unknown.is_some() { Some(&[]) } else { area.as_deref() },
        by: found.by,
        account: found.account,
        inverter: found.inverter,
        from: day(&filter.from, 0),
        until: day(&filter.until, 1),
        before: filter.before.parse().ok(),
        ..AuditQuery::newest(Whose::Everybody, 0)
    };
    let here = |before: &str| filter.address(before);
    let listed = activity::listed(&context, query, Reader::Operator, &local, here).await?;
    let shell = Shell::new(&caller, now, None, "/op/audit");
    html(&Page { shell, listed, areas: AREAS, unknown: found.unknown, filter })
}

/// Whom and what the filters name.
#[derive(Default)]
struct Found {
    by: Option<AccountKey>,
    account: Option<AccountKey>,
    inverter: Option<InverterKey>,
    /// What was named is not there.
    unknown: Option<&'static str>,
}

impl Found {
    async fn look_up(context: &Context, filter: &Filter) -> Result<Self, Error> {
        let mut found = Self::default();
        let (by, about) = (filter.by.trim(), filter.about.trim());
        if !by.is_empty() {
            found.by = account(context, by).await?;
            found.unknown =
                found.by.is_none().then_some("No account has the address under \u{201c}By\u{201d}.");
        }
        if about.contains('@') {
            found.account = account(context, about).await?;
        } else if let Ok(serial) = Serial::parse(about) {
            let inverter = context.state().inverter_by_serial(serial).await;
            let inverter = inverter.map_err(|error| Error::internal("look up an inverter", error))?;
            found.inverter = inverter.map(|inverter| inverter.key);
        }
        if !about.is_empty() && found.account.is_none() && found.inverter.is_none() {
            found.unknown =
                Some("No account and no inverter is known by what stands under \u{201c}About\u{201d}.");
        }
        Ok(found)
    }
}

async fn account(context: &Context, text: &str) -> Result<Option<AccountKey>, Error> {
    let Ok(email) = Email::parse(text) else { return Ok(None) };
    let account = context.state().account_by_email(&email).await;
    let account = account.map_err(|error| Error::internal("look up an account", error))?;
    Ok(account.map(|account| account.key))
}

/// The first instant of a day, `after` days later; `None` where no day was written.
pub(super) fn day(text: &str, after: i64) -> Option<UtcMs> {
    let date: jiff::civil::Date = text.trim().parse().ok()?;
    let date = date.checked_add(jiff::Span::new().try_days(after).ok()?).ok()?;
    let start = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(UtcMs(start.timestamp().as_millisecond()))
}

impl Filter {
    fn is_set(&self) -> bool {
        self.address("") != "/op/audit"
    }

    fn address(&self, before: &str) -> String {
        let pairs = [
            ("area", self.area.as_str()),
            ("by", self.by.trim()),
            ("about", self.about.trim()),
            ("from", &self.from),
            ("until", &self.until),
            ("before", before),
        ];
        link::with("/op/audit", &pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_and_nonsense_is_no_day() {
        assert_eq!(day("1970-01-02", 0), Some(UtcMs(86_400_000)));
        assert_eq!(day(" 1970-01-02 ", 1), Some(UtcMs(2 * 86_400_000)));
        for text in ["", "2026-02-30", "yesterday", "9999-12-31"] {
            assert_eq!(day(text, 1), None, "{text}");
        }
    }
}

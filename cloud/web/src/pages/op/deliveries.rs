//! `GET /op/deliveries`: how messages to people went.
//!
//! In: filters in the address. Out: messages, the newest first, with what was answered last; counts of a day. Never what a
//! message said or which inverter it was about. There is no "try again": a message's words are erased once it is done with.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use fleet::notice::Channel;
use serde::Deserialize;
use store::state::{Delivery, DeliveryQuery};
use wire::UtcMs;
use wire::time::DAY_MS;

use super::super::html;
use super::super::shell::Shell;
use crate::operator::Operator;
use crate::view::deliveries::{self, CHANNELS, Count, Line, OUTCOMES, Outcome};
use crate::view::words::{self, Local};
use crate::{Context, Error, link};

#[derive(Template)]
#[template(path = "op_deliveries.html")]
struct Page {
    shell: Shell,
    counts: Vec<Count>,
    /// For how long the oldest message has waited; nothing waits where it is empty.
    oldest: String,
    lines: Vec<Line>,
    filter: Filter,
    older: Option<String>,
    newest: Option<String>,
}

/// Filters, as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    channel: String,
    outcome: String,
    kind: String,
    /// An address or a telephone number, whole.
    to: String,
    /// `YYYY-MM-DD`, UTC, both days included.
    from: String,
    until: String,
    /// `TIME-NUMBER` of the last row of the page before.
    before: String,
}

/// `GET /op/deliveries`
pub async fn show(
    State(context): State<Context>,
    Operator(caller): Operator,
    Query(filter): Query<Filter>,
) -> Result<Html<String>, Error> {
    let now = context.now();
    let failed = |error| Error::internal("list messages", error);
    let to = filter.to.trim().to_lowercase();
    let query = filter.query(&to);
    let mut rows: Vec<Delivery> = match &query {
        Some(query) => context.state().deliveries(query).await.map_err(failed)?,
        None => Vec::new(),
    };
    let counts = context.state().delivery_counts(now.plus_ms(-DAY_MS)).await.map_err(failed)?;
    let oldest = context.state().oldest_queued_mail().await.map_err(failed)?;
    let more = rows.len() > deliveries::PAGE;
    rows.truncate(deliveries::PAGE);
    let last = rows.last().filter(|_| more).map(|row| format!("{}-{}", row.queued_at.0, row.id));
    let local = Local::new("UTC", now);
    html(&Page {
        shell: Shell::new(&caller, now, None, "/op/deliveries"),
        counts: deliveries::counts(&counts),
        oldest: oldest.map(|at| words::length(now.since(at))).unwrap_or_default(),
        lines: rows.into_iter().map(|row| deliveries::line(row, &local)).collect(),
        older: last.map(|last| filter.address(&last)),
        newest: (!filter.before.is_empty()).then(|| filter.address("")),
        filter,
    })
}

impl Filter {
    /// One more than a page shows tells whether there is one after it. `None`: nothing can be of both.
    fn query<'a>(&'a self, to: &'a str) -> Option<DeliveryQuery<'a>> {
        let outcome = Outcome::from_name(&self.outcome);
        let (only, not_channel) = outcome.map(Outcome::channels).unwrap_or_default();
        let chosen = Channel::from_name(&self.channel);
        if chosen.is_some_and(|chosen| only.is_some_and(|only| only != chosen) || not_channel == Some(chosen))
        {
            return None;
        }
        Some(DeliveryQuery {
            channel: chosen.or(only),
            not_channel: not_channel.filter(|_| chosen.is_none()),
            states: outcome.map(|outcome| outcome.states),
            kind: Some(self.kind.trim()).filter(|kind| !kind.is_empty()),
            to: Some(to).filter(|to| !to.is_empty()),
            from: super::audit::day(&self.from, 0),
            until: super::audit::day(&self.until, 1),
            before: before(&self.before),
            most: deliveries::PAGE as u64 + 1,
        })
    }

    fn is_set(&self) -> bool {
        self.address("") != "/op/deliveries"
    }

    fn address(&self, before: &str) -> String {
        let pairs = [
            ("channel", self.channel.as_str()),
            ("outcome", &self.outcome),
            ("kind", self.kind.trim()),
            ("to", self.to.trim()),
            ("from", &self.from),
            ("until", &self.until),
            ("before", before),
        ];
        link::with("/op/deliveries", &pairs)
    }

    /// The address of all of one kind.
    fn of_kind(kind: &str) -> String {
        link::with("/op/deliveries", &[("kind", kind)])
    }
}

fn before(text: &str) -> Option<(UtcMs, i64)> {
    let (at, id) = text.split_once('-')?;
    Some((UtcMs(at.parse().ok()?), id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_that_exclude_each_other_find_nothing_and_a_page_that_is_none_is_the_first() {
        let check = |channel: &str, outcome: &str, expect: Option<(Option<Channel>, Option<Channel>)>| {
            let filter = Filter { channel: channel.into(), outcome: outcome.into(), ..Filter::default() };
            let found = filter.query("").map(|query| (query.channel, query.not_channel));
            assert_eq!(found, expect, "{channel} {outcome}");
        };
        check("", "", Some((None, None)));
        check("email", "", Some((Some(Channel::Email), None)));
        check("", "accepted", Some((None, Some(Channel::Webhook))));
        check("email", "accepted", Some((Some(Channel::Email), None)));
        check("webhook", "accepted", None);
        check("", "delivered", Some((Some(Channel::Webhook), None)));
        check("text", "delivered", None);
        check("nonsense", "nonsense", Some((None, None)));
        assert_eq!(before("12-7"), Some((UtcMs(12), 7)));
        for text in ["", "12", "a-b", "12-"] {
            assert_eq!(before(text), None, "{text}");
        }
    }
}

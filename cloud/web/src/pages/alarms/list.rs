//! `GET /alarms`: what is open, the most urgent first; what is put away; what there was in the last 30 days.
//!
//! In: a caller, which of the three, for history an inverter and where the page before ended. Out: the page. The first two
//! change without a reload.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use fleet::InverterKey;
use serde::Deserialize;
use wire::UtcMs;
use wire::time::DAY_MS;

use super::super::html;
use super::super::notice::After;
use super::super::shell::Shell;
use super::shelve::LENGTHS;
use crate::caller::Caller;
use crate::names::Names;
use crate::view::alarms::{Inbox, Line};
use crate::view::fleet::Known;
use crate::view::maintenance;
use crate::{Context, Error, access};

/// Alarms on a page of history, and as many as one instant may add to it.
const PAGE: usize = 50;
const MOST: usize = 1_000;
/// History goes back this far.
const KEPT_MS: i64 = 30 * DAY_MS;

#[derive(Template)]
#[template(path = "alarms.html")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    view: View,
    inbox: Inbox,
    now: UtcMs,
    lengths: &'static [(i64, &'static str)],
    history: Vec<Line>,
    /// The inverter that history is of, where it is of one: id, name.
    only: Option<(String, String)>,
    older: Option<String>,
}

/// Which of the three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// What is open and not put away.
    #[default]
    Active,
    /// What is put away.
    Shelved,
    /// What there was.
    History,
}

impl View {
    /// Its name in addresses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Shelved => "shelved",
            Self::History => "history",
        }
    }
}

/// Query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wish {
    /// Which; what nobody can choose is the first.
    view: String,
    /// Public id of the only inverter that history is of.
    inverter: String,
    /// Where the page before ended, milliseconds.
    before: String,
}

impl Wish {
    /// Which of the three.
    #[must_use]
    pub fn view(&self) -> View {
        [View::Shelved, View::History].into_iter().find(|view| view.name() == self.view).unwrap_or_default()
    }
}

/// `GET /alarms`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Query(wish): Query<Wish>,
    Query(after): Query<After>,
) -> Result<Html<String>, Error> {
    let (now, view) = (context.now(), wish.view());
    let rows = access::fleet(&context, &caller).await?;
    let mut all: Vec<Known> = rows.into_iter().map(|row| Known::new(&context, row, now)).collect();
    let mut names = Names::default();
    let inbox = inbox(&context, &mut all, &mut names).await?;
    let stream = (view != View::History).then(|| format!("/live/alarms?view={}", view.name()));
    let mut page = Page {
        shell: Shell::new(&caller, now, stream, "/alarms"),
        said: after.said(),
        view,
        inbox,
        now,
        lengths: &LENGTHS,
        history: Vec::new(),
        only: None,
        older: None,
    };
    if view == View::History {
        page.remember(&context, &all, &wish, &mut names).await?;
    }
    html(&page)
}

/// What is open on `all`, with the names of who has seen it.
pub(crate) async fn inbox(context: &Context, all: &mut [Known], names: &mut Names) -> Result<Inbox, Error> {
    maintenance::name(context, all, names).await?;
    let open = all.iter().flat_map(|known| known.state.open_alarms());
    let by = open.filter_map(|open| open.acknowledged).map(|seen| seen.by).collect();
    names.learn(context, by).await?;
    Ok(Inbox::new(all, names, context.now()))
}

/// The alarms of `all` that were raised before `before`, the newest first.
pub(crate) async fn remembered(
    context: &Context,
    all: &[Known],
    names: &mut Names,
    before: UtcMs,
    most: usize,
) -> Result<Vec<(UtcMs, Line)>, Error> {
    let now = context.now();
    let known: HashMap<InverterKey, &Known> =
        all.iter().map(|known| (known.row.inverter.key, known)).collect();
    let keys: Vec<InverterKey> = known.keys().copied().collect();
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    let rows = context.state().alarms(&keys, now.plus_ms(-KEPT_MS), before, most).await;
    let rows = rows.map_err(|error| Error::internal("list alarms", error))?;
    names.learn(context, rows.iter().filter_map(|row| row.acknowledged_by).collect()).await?;
    let line = |row: &store::state::Alarm| {
        Some((row.raised_at, Line::past(known.get(&row.inverter)?, row, names, now)))
    };
    Ok(rows.iter().filter_map(line).collect())
}

impl Page {
    async fn remember(
        &mut self,
        context: &Context,
        all: &[Known],
        wish: &Wish,
        names: &mut Names,
    ) -> Result<(), Error> {
        let of = |known: &&Known| wish.inverter.is_empty() || known.row.inverter.public_id == wish.inverter;
        let all: Vec<Known> = all.iter().filter(of).cloned().collect();
        if !wish.inverter.is_empty() {
            let only = all.first().ok_or(Error::NotFound)?;
            self.only = Some((only.row.inverter.public_id.clone(), only.name().to_owned()));
        }
        let before = wish.before.parse().map_or(self.now.plus_ms(1), UtcMs);
        let mut found = remembered(context, &all, names, before, MOST).await?;
        if let Some(last) = found.get(PAGE.saturating_sub(1)).map(|(raised_at, _)| *raised_at) {
            // What was raised at one instant stands on one page: the next begins before that instant.
            let shown = found.iter().take_while(|(raised_at, _)| *raised_at >= last).count();
            if found.len() > shown {
                let only = if wish.inverter.is_empty() {
                    String::new()
                } else {
                    format!("&inverter={}", wish.inverter)
                };
                self.older = Some(format!("/alarms?view=history{only}&before={}", last.0));
            }
            found.truncate(shown);
        }
        self.history = found.into_iter().map(|(_, line)| line).collect();
        Ok(())
    }
}

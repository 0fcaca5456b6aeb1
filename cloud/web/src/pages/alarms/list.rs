//! `GET /alarms`: what is open, the most urgent first; what is put away apart.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use fleet::alarm::Open;
use fleet::{Role, ScreenState};

use super::super::html;
use super::super::notice::After;
use super::super::shell::Shell;
use super::code;
use super::shelve::LENGTHS;
use crate::caller::Caller;
use crate::names::Names;
use crate::view::advice::advice;
use crate::view::fleet::Known;
use crate::view::limits::alarm_title;
use crate::view::maintenance::{self, Group};
use crate::view::words;
use crate::{Context, Error, access};

#[derive(Template)]
#[template(path = "alarms.html")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    unseen: usize,
    active: Vec<Row>,
    shelved: Vec<Row>,
    lengths: &'static [(i64, &'static str)],
    /// What is in maintenance.
    maintained: Vec<Group>,
}

/// One alarm.
struct Row {
    code: String,
    /// `data-s`.
    state: &'static str,
    /// State's word.
    word: &'static str,
    title: String,
    inverter: String,
    inverter_id: String,
    site: Option<String>,
    since: String,
    advice: &'static str,
    unstable: bool,
    /// Maintenance of its inverter.
    maintenance: Option<String>,
    /// Who has seen it, and when.
    seen: Option<String>,
    /// On the shelf until then.
    until: Option<String>,
    /// The reader may acknowledge, and may put it away.
    may: bool,
    shelvable: bool,
}

/// `GET /alarms`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Query(after): Query<After>,
) -> Result<Html<String>, Error> {
    let now = context.now();
    let rows = access::fleet(&context, &caller).await?;
    let mut all: Vec<Known> = rows.into_iter().map(|row| Known::new(&context, row, now)).collect();
    let mut names = Names::default();
    maintenance::name(&context, &mut all, &mut names).await?;
    let mut open: Vec<(&Known, Open)> =
        all.iter().flat_map(|known| known.state.open_alarms().map(move |open| (known, open))).collect();
    open.sort_by_key(|(_, open)| {
        let condition = open.name.key.condition;
        (open.acknowledged.is_some(), condition.definition().screen, std::cmp::Reverse(open.raised_at))
    });
    let seen_by =
        open.iter().filter_map(|(_, open)| open.acknowledged.as_ref()).map(|seen| seen.by).collect();
    names.learn(&context, seen_by).await?;
    let rows = open.iter().map(|(known, open)| Row::new(known, open, &names, now));
    let (shelved, active): (Vec<Row>, Vec<Row>) = rows.partition(|row| row.until.is_some());
    html(&Page {
        shell: Shell::new(&caller, now, None, "/alarms"),
        said: after.said(),
        unseen: active.iter().filter(|row| row.seen.is_none()).count(),
        active,
        shelved,
        lengths: &LENGTHS,
        maintained: maintenance::groups(&all, now),
    })
}

impl Row {
    fn new(known: &Known, open: &Open, names: &Names, now: wire::UtcMs) -> Self {
        let (local, key) = (known.local(now), &open.name.key);
        let definition = key.condition.definition();
        let seen =
            open.acknowledged.as_ref().map(|seen| format!("{}, {}", names.of(seen.by), local.soon(seen.at)));
        let length = words::length(now.since(open.name.since).max(0));
        Self {
            code: code(&known.row.inverter.public_id, &open.name),
            state: definition.screen.short_name(),
            // What is worth knowing takes nothing from an inverter's being normal.
            word: match definition.screen {
                ScreenState::Normal => "For information",
                screen => screen.word(),
            },
            title: alarm_title(key, &known.state.rules),
            inverter: known.name().to_owned(),
            inverter_id: known.row.inverter.public_id.clone(),
            site: known.row.site.as_ref().map(|site| site.name.clone()),
            since: format!("Since {} ({length})", local.soon(open.name.since)),
            advice: advice(key.condition),
            unstable: open.unstable,
            maintenance: known.maintenance.as_ref().map(|maintenance| maintenance.words(&local)),
            seen,
            until: open.shelved_until.map(|until| local.soon(until)),
            may: known.row.role == Role::ReadWrite,
            shelvable: definition.shelvable,
        }
    }
}

//! `GET /alarms`: what is open, the most urgent first; what is put away apart.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use fleet::alarm::Open;
use fleet::{AccountKey, Role, ScreenState};

use super::super::html;
use super::super::notice::After;
use super::super::people::list::called;
use super::super::shell::Shell;
use super::code;
use super::shelve::LENGTHS;
use crate::caller::Caller;
use crate::view::advice::advice;
use crate::view::fleet::Known;
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
    let all: Vec<Known> = rows.into_iter().map(|row| Known::new(&context, row, now)).collect();
    let mut open: Vec<(&Known, Open)> =
        all.iter().flat_map(|known| known.state.open_alarms().map(move |open| (known, open))).collect();
    open.sort_by_key(|(_, open)| {
        let condition = open.name.key.condition;
        (open.acknowledged.is_some(), condition.definition().screen, std::cmp::Reverse(open.raised_at))
    });
    let names = names(&context, &open).await?;
    let rows = open.iter().map(|(known, open)| Row::new(known, open, &names, now));
    let (shelved, active): (Vec<Row>, Vec<Row>) = rows.partition(|row| row.until.is_some());
    html(&Page {
        shell: Shell::new(&caller, now, None, "/alarms"),
        said: after.said(),
        unseen: active.iter().filter(|row| row.seen.is_none()).count(),
        active,
        shelved,
        lengths: &LENGTHS,
    })
}

/// What those who have seen an alarm are called.
async fn names(context: &Context, open: &[(&Known, Open)]) -> Result<HashMap<AccountKey, String>, Error> {
    let mut names = HashMap::new();
    for by in open.iter().filter_map(|(_, open)| open.acknowledged).map(|seen| seen.by) {
        if names.contains_key(&by) {
            continue;
        }
        let account = context.state().account(by).await;
        let account = account.map_err(|error| Error::internal("look up an account", error))?;
        names.insert(
            by,
            account.map_or_else(|| "somebody who has left".to_owned(), |account| called(&account)),
        );
    }
    Ok(names)
}

impl Row {
    fn new(known: &Known, open: &Open, names: &HashMap<AccountKey, String>, now: wire::UtcMs) -> Self {
        let (local, key) = (known.local(now), &open.name.key);
        let definition = key.condition.definition();
        let seen = open.acknowledged.map(|seen| {
            let name = names.get(&seen.by).map_or("somebody", String::as_str);
            format!("{name}, {}", local.soon(seen.at))
        });
        let length = words::length(now.since(open.name.since).max(0));
        Self {
            code: code(&known.row.inverter.public_id, &open.name),
            state: definition.screen.short_name(),
            // What is worth knowing takes nothing from an inverter's being normal.
            word: match definition.screen {
                ScreenState::Normal => "For information",
                screen => screen.word(),
            },
            title: key
                .raw()
                .map_or_else(|| definition.words.to_owned(), |raw| format!("{}: {raw}", definition.words)),
            inverter: known.name().to_owned(),
            inverter_id: known.row.inverter.public_id.clone(),
            site: known.row.site.as_ref().map(|site| site.name.clone()),
            since: format!("Since {} ({length})", local.soon(open.name.since)),
            advice: advice(key.condition),
            unstable: open.unstable,
            seen,
            until: open.shelved_until.map(|until| local.soon(until)),
            may: known.row.role == Role::ReadWrite,
            shelvable: definition.shelvable,
        }
    }
}

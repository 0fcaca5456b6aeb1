//! `GET /organizations/{organization}/logbook`: what is kept, for how long, and the newest entries; or what would be, before it is asked for.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use fleet::logbook::{Entry, MOST_YEARS, What};
use fleet::{Action, MemberRole};
use serde::Deserialize;
use store::state::{Logbook, LoggedRow};

use super::super::super::html;
use super::super::super::notice::After;
use super::super::super::people::failed;
use super::super::super::shell::Shell;
use super::USUAL_YEARS;
use crate::caller::Caller;
use crate::view::words::{self, Local};
use crate::{Context, Error, access};

/// Entries on a page.
const ROWS: u64 = 50;

#[derive(Template)]
#[template(path = "organization_logbook.html")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    code: String,
    name: String,
    owns: bool,
    kept: Option<Kept>,
    /// Number of years, whether chosen.
    offered: Vec<(u32, bool)>,
}

/// A logbook that is kept.
struct Kept {
    years: u32,
    since: String,
    entries: String,
    gone: u64,
    rows: Vec<Row>,
    /// Where the older ones begin.
    older: Option<u64>,
}

/// An entry.
struct Row {
    number: u64,
    title: String,
    inverter: String,
    when: String,
    corrects: Option<u64>,
}

/// Query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    before: Option<u64>,
}

/// `GET /organizations/{organization}/logbook`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
    Query(after): Query<After>,
    Query(asked): Query<Asked>,
) -> Result<Html<String>, Error> {
    let (own, role) = access::organization(&context, &caller, &code, Action::View).await?;
    let book = context.state().logbook(own.key).await.map_err(failed("look up a logbook"))?;
    let years = book.as_ref().map_or(USUAL_YEARS, |book| book.years);
    let local = Local::new("UTC", context.now());
    let kept = match book {
        Some(book) => Some(kept(&context, book, &asked, &local).await?),
        None => None,
    };
    html(&Page {
        shell: Shell::new(&caller, context.now(), None, "/organizations"),
        said: after.said(),
        code: own.public_id,
        name: own.name,
        owns: role == MemberRole::Owner,
        kept,
        offered: (1..=MOST_YEARS).map(|offered| (offered, offered == years)).collect(),
    })
}

async fn kept(context: &Context, book: Logbook, asked: &Asked, local: &Local) -> Result<Kept, Error> {
    let before = asked.before.unwrap_or(u64::MAX);
    let rows = context.state().newest_logbook_entries(book.key, before, ROWS).await;
    let rows = rows.map_err(failed("read a logbook"))?;
    let older = rows.last().map(|row| row.number).filter(|last| *last > book.gone + 1);
    Ok(Kept {
        years: book.years,
        since: local.day_and_year(book.begun_at),
        entries: words::count(book.place.last - book.gone.min(book.place.last)),
        gone: book.gone,
        rows: rows.iter().filter_map(|row| Row::of(row, local)).collect(),
        older,
    })
}

impl Row {
    fn of(row: &LoggedRow, local: &Local) -> Option<Self> {
        let entry = Entry::unchecked(&row.line)?;
        let named = [entry.inverter.name, entry.inverter.serial].into_iter().find(|name| !name.is_empty());
        let site = entry.inverter.site.map(|site| format!(", {site}")).unwrap_or_default();
        let when = entry.what.started().unwrap_or(entry.written_at);
        Some(Self {
            number: entry.number,
            title: title(&entry.what),
            inverter: format!("{}{site}", named.unwrap_or_default()),
            when: format!("{} {}", local.day_and_year(when), local.zone_name()),
            corrects: entry.corrects,
        })
    }
}

/// An entry in a few words.
fn title(what: &What) -> String {
    match what {
        What::Test(test) => {
            let kind = named(&KINDS, &test.kind);
            format!("{kind} {}, {}", named(&GRADES, &test.grade), words::held(test.length_s))
        }
        What::Outage(outage) => {
            let least = if outage.end_unseen { "at least " } else { "" };
            let length = words::held(outage.length_s);
            if outage.gave_up {
                format!("Outage, lights out after {least}{length}")
            } else {
                format!("Outage, {least}{length} on battery")
            }
        }
        What::Note(note) => format!("Note by {}: {}", note.by, note.text),
    }
}

const KINDS: [(&str, &str); 3] =
    [("monthly", "Monthly test"), ("annual", "Annual test"), ("manual", "Manual test")];
const GRADES: [(&str, &str); 4] = [
    ("passed", "passed"),
    ("remark", "passed with a remark"),
    ("incomplete", "did not count"),
    ("failed", "failed"),
];

fn named<'a>(table: &[(&str, &'a str)], name: &'a str) -> &'a str {
    table.iter().find(|(known, _)| *known == name).map_or(name, |(_, words)| words)
}

//! `GET /inverters/{id}/limits`: the limits there are, and the form of who may set one.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use fleet::Action;
use fleet::alarm::Limit;
use fleet::condition::Severity;
use serde::Deserialize;
use store::state::VisibleInverter;

use super::super::html;
use super::super::notice::After;
use super::super::people::list::title;
use super::super::shell::Shell;
use crate::caller::Caller;
use crate::view::limits::{self, DELAYS, SEVERITIES};
use crate::view::stats;
use crate::{Context, Error, access};

#[derive(Template)]
#[template(path = "limits.html")]
pub(super) struct Page {
    shell: Shell,
    said: Option<&'static str>,
    id: String,
    name: String,
    limits: Vec<Row>,
    /// `None`: the reader may only look.
    form: Option<Form>,
}

/// One limit.
struct Row {
    number: u32,
    /// `data-s` of its alarm.
    state: &'static str,
    title: String,
    detail: String,
    word: &'static str,
}

/// The form, as it was typed.
struct Form {
    typed: Typed,
    /// Name, label, unit, newest value.
    quantities: Vec<(&'static str, &'static str, &'static str, String)>,
    delays: &'static [(i64, &'static str)],
    severities: &'static [(Severity, &'static str, &'static str)],
    /// What to type instead.
    refused: Option<String>,
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    pub quantity: String,
    pub side: String,
    pub raise: String,
    pub clear: String,
    pub raise_delay: String,
    pub clear_delay: String,
    pub severity: String,
}

impl Default for Typed {
    fn default() -> Self {
        Self {
            quantity: String::new(),
            side: "above".to_owned(),
            raise: String::new(),
            clear: String::new(),
            raise_delay: "60".to_owned(),
            clear_delay: "60".to_owned(),
            severity: "warning".to_owned(),
        }
    }
}

/// `GET /inverters/{id}/limits`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    Query(after): Query<After>,
) -> Result<Html<String>, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    html(&Page::new(&context, &caller, &row, Typed::default(), after.said()))
}

impl Page {
    pub(super) fn new(
        context: &Context,
        caller: &Caller,
        row: &VisibleInverter,
        typed: Typed,
        said: Option<&'static str>,
    ) -> Self {
        let state = context.live().state(row.inverter.key).unwrap_or_default();
        let reported = state.latest.iter().map(|known| {
            let quantity = known.quantity;
            let now = limits::level(quantity, known.value);
            (quantity.name(), stats::label(quantity), quantity.unit(), now)
        });
        let form = access::may(context, caller, row, Action::Edit).then(|| Form {
            typed,
            quantities: reported.collect(),
            delays: &DELAYS,
            severities: &SEVERITIES,
            refused: None,
        });
        Self {
            shell: Shell::new(caller, context.now(), None, "/inverters"),
            said,
            id: row.inverter.public_id.clone(),
            name: title(row),
            limits: state.rules.limits().iter().map(Row::new).collect(),
            form,
        }
    }

    /// The same with what to type instead.
    pub(super) fn refused(mut self, words: String) -> Self {
        if let Some(form) = &mut self.form {
            form.refused = Some(words);
        }
        self
    }
}

impl Row {
    fn new(limit: &Limit) -> Self {
        let word = SEVERITIES.iter().find(|(severity, ..)| *severity == limit.severity);
        Self {
            number: limit.number,
            state: match limit.severity {
                Severity::Critical => "alarm",
                Severity::Warning => "warn",
                Severity::Info => "ok",
            },
            title: limits::title(limit),
            detail: limits::detail(limit),
            word: word.map_or("", |(.., word)| word),
        }
    }
}

//! `GET /inverters/{id}/maintenance`: the windows that run and are to come, and the form of who may plan one.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use fleet::Action;
use fleet::alarm::Window;
use serde::Deserialize;
use store::state::VisibleInverter;

use super::super::html;
use super::super::notice::After;
use super::super::people::list::title;
use super::super::shell::Shell;
use crate::caller::Caller;
use crate::names::Names;
use crate::rules::{typed, windows};
use crate::view::words::Local;
use crate::{Context, Error, access};

#[derive(Template)]
#[template(path = "maintenance.html")]
pub(super) struct Page {
    shell: Shell,
    said: Option<&'static str>,
    id: String,
    name: String,
    zone: String,
    windows: Vec<Row>,
    /// `None`: the reader may only look.
    form: Option<Form>,
}

/// One window.
struct Row {
    number: i64,
    running: bool,
    when: String,
    by: String,
    reason: String,
    tells_critical: bool,
}

/// The form, as it was typed.
pub(super) struct Form {
    pub typed: Typed,
    /// The site, and how many of its inverters the reader may plan for; `None`: no more than this one.
    site: Option<(String, usize)>,
    /// What to type instead.
    pub refused: Option<String>,
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Typed {
    pub from: String,
    pub to: String,
    pub reason: String,
    /// `site`, or this inverter.
    pub scope: String,
    /// `yes`, or nothing.
    pub critical: String,
}

/// Which of the two is chosen to begin with.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Wish {
    scope: String,
}

/// `GET /inverters/{id}/maintenance`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    Query(wish): Query<Wish>,
    Query(after): Query<After>,
) -> Result<Html<String>, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    let typed = Typed {
        from: typed::field(context.now(), zone(&row)),
        scope: wish.scope,
        critical: "yes".to_owned(),
        ..Typed::default()
    };
    html(&Page::new(&context, &caller, &row, typed, after.said()).await?)
}

impl Page {
    pub(super) async fn new(
        context: &Context,
        caller: &Caller,
        row: &VisibleInverter,
        typed: Typed,
        said: Option<&'static str>,
    ) -> Result<Self, Error> {
        let now = context.now();
        let local = Local::new(zone(row), now);
        let state = context.live().state(row.inverter.key).unwrap_or_default();
        let mut planned: Vec<&Window> = state.rules.planned(now).collect();
        planned.sort_by_key(|window| (window.from, window.to, window.number));
        let mut names = Names::default();
        names.learn(context, planned.iter().map(|window| window.by).collect()).await?;
        Ok(Self {
            shell: Shell::new(caller, now, None, "/inverters"),
            said,
            id: row.inverter.public_id.clone(),
            name: title(row),
            zone: local.zone_name(),
            windows: planned.into_iter().map(|window| Row::new(window, &names, &local)).collect(),
            form: if access::may(context, caller, row, Action::Edit) {
                let here = windows::at_site(context, caller, row).await?;
                let site = row.site.as_ref().map(|site| (site.name.clone(), here.len()));
                Some(Form { typed, site: site.filter(|(_, count)| *count > 1), refused: None })
            } else {
                None
            },
        })
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
    fn new(window: &Window, names: &Names, local: &Local) -> Self {
        let running = window.runs(local.now());
        let until = local.time(window.to);
        Self {
            number: window.number,
            running,
            when: if running {
                format!("Until {until}")
            } else {
                format!("{} to {until}", local.time(window.from))
            },
            by: names.of(window.by).to_owned(),
            reason: window.reason.clone(),
            tells_critical: window.tells_critical,
        }
    }
}

/// The zone of an inverter's clock.
pub(super) fn zone(row: &VisibleInverter) -> &str {
    row.site.as_ref().map_or("UTC", |site| &site.time_zone)
}

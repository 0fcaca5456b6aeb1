//! `GET /organizations/{organization}/severities`: a line for each condition, with what counts and what is usual.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use fleet::Action;

use super::super::super::html;
use super::super::super::notice::After;
use super::super::super::people::failed;
use super::super::super::shell::Shell;
use super::{WORDS, offered, words};
use crate::caller::Caller;
use crate::{Context, Error, access};

#[derive(Template)]
#[template(path = "organization_severities.html")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    code: String,
    name: String,
    rows: Vec<Row>,
}

/// A condition.
struct Row {
    name: &'static str,
    state: &'static str,
    title: &'static str,
    usual: &'static str,
    /// It is not as usual.
    changed: bool,
    /// Name, words, whether it counts.
    offered: Vec<(&'static str, &'static str, bool)>,
}

/// `GET /organizations/{organization}/severities`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
    Query(after): Query<After>,
) -> Result<Html<String>, Error> {
    let (own, _) = access::organization(&context, &caller, &code, Action::Inverters).await?;
    let said = context.state().severities(own.key).await.map_err(failed("list severities"))?;
    let row = |(condition, least): (fleet::Condition, _)| {
        let definition = condition.definition();
        let counts = said.of(condition).unwrap_or(definition.severity);
        let may = WORDS.iter().filter(|(severity, _)| *severity >= least);
        Row {
            name: definition.name,
            state: definition.screen.short_name(),
            title: definition.words,
            usual: words(definition.severity),
            changed: counts != definition.severity,
            offered: may.map(|(severity, words)| (severity.name(), *words, *severity == counts)).collect(),
        }
    };
    html(&Page {
        shell: Shell::new(&caller, context.now(), None, "/organizations"),
        said: after.said(),
        code: own.public_id,
        name: own.name,
        rows: offered().into_iter().map(row).collect(),
    })
}

//! `POST /tests/exports`, `GET /tests/exports/{export}` and its files: a report of many inverters.
//!
//! In: what it is of, a period. Out: a page that says how far it is and may be left; then the files. Who may not see one of its inverters
//! any more finds nothing.

use std::collections::HashSet;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::response::{Html, Redirect, Response};
use fleet::InverterKey;

use super::super::shell::Shell;
use super::super::{form, html};
use super::download::{check_line, file, signed_pdf};
use super::scope::{Pairs, Scope};
use crate::caller::Caller;
use crate::report::exports::{Export, Files, Progress, until};
use crate::report::{Report, csv};
use crate::{Context, Error, access, random};

/// Files are gone at most so much later than they have to be.
const LOOK_EVERY: Duration = Duration::from_secs(60);

#[derive(Template)]
#[template(path = "tests_export.html")]
struct Page {
    shell: Shell,
    id: String,
    title: String,
    total: usize,
    /// How many are read; nothing where it is ready or failed.
    done: Option<usize>,
    laying_out: bool,
    ready: bool,
    until: String,
}

/// `POST /tests/exports`
pub async fn begin(
    State(context): State<Context>,
    caller: Caller,
    request: Request,
) -> Result<Redirect, Error> {
    let pairs: Pairs = form(request, "what it is of, and the period").await?;
    let scope = Scope::of(&context, &caller, &pairs).await?;
    let id = random::public_id().map_err(|error| Error::internal("name an export", error))?;
    let export = Export {
        id: id.clone(),
        account: caller.account.key,
        title: format!("{}, {}", scope.title, scope.period.days().words),
        inverters: scope.rows.iter().map(|row| row.inverter.key).collect(),
        asked_at: context.now(),
        progress: Progress::Working(0),
    };
    if !context.kept_exports().enter(export) {
        return Err(Error::Busy);
    }
    let to = format!("/tests/exports/{id}");
    tokio::spawn(async move {
        let made = work(&context, &caller, &scope, &id).await;
        let progress = made.unwrap_or_else(|error| {
            tracing::error!("an export was not made: {error}");
            Progress::Failed
        });
        context.kept_exports().note(&id, progress);
        // Looking takes away what is over: nothing stays because nobody came for it.
        while context.kept_exports().find(caller.account.key, &id, context.now()).is_some() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    });
    Ok(Redirect::to(&to))
}

async fn work(context: &Context, caller: &Caller, scope: &Scope, id: &str) -> Result<Progress, Error> {
    let slot = context.kept_exports().slots().acquire_owned().await;
    let slot = slot.map_err(|error| Error::internal("wait for a turn", error))?;
    if !context.kept_exports().is_wanted(id) {
        return Ok(Progress::Failed);
    }
    let progress = |done| context.kept_exports().note(id, Progress::Working(done));
    let report = scope.report_with(context, caller, &progress).await?;
    if !context.kept_exports().is_wanted(id) {
        return Ok(Progress::Failed);
    }
    context.kept_exports().note(id, Progress::LayingOut);
    let signing = context.clone();
    let laid_out = tokio::task::spawn_blocking(move || {
        let _slot = slot;
        files(&signing, &report).map(|files| {
            let until = until(&report);
            Progress::Ready(files, until)
        })
    });
    laid_out.await.map_err(|error| Error::internal("print a report", error))?
}

/// Every file of a report. Blocks.
fn files(context: &Context, report: &Report) -> Result<Files, Error> {
    let json = report.json().map_err(|error| Error::internal("print a report", error))?;
    let csv = csv(report);
    Ok(Files {
        number: report.number.clone(),
        pdf: signed_pdf(context, report, &json)?.into(),
        checks: [
            check_line(context, report, "csv", csv.as_bytes())?.into(),
            check_line(context, report, "json", &json)?.into(),
        ],
        csv: csv.into(),
        json: json.into(),
    })
}

/// `GET /tests/exports/{export}`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Html<String>, Error> {
    let export = find(&context, &caller, &id).await?;
    let done = match export.progress {
        Progress::Working(done) => Some(done),
        Progress::LayingOut => Some(export.inverters.len()),
        _ => None,
    };
    let until = match export.progress {
        Progress::Ready(_, until) => crate::view::words::Local::new("UTC", context.now()).stamp(until),
        _ => String::new(),
    };
    html(&Page {
        shell: Shell::new(&caller, context.now(), None, "/tests"),
        total: export.inverters.len(),
        laying_out: matches!(export.progress, Progress::LayingOut),
        ready: matches!(export.progress, Progress::Ready(..)),
        title: export.title,
        done,
        until,
        id,
    })
}

/// `GET /tests/exports/{export}/{kind}`
pub async fn load(
    State(context): State<Context>,
    caller: Caller,
    Path((id, kind)): Path<(String, String)>,
) -> Result<Response, Error> {
    let export = find(&context, &caller, &id).await?;
    let Progress::Ready(files, _) = export.progress else { return Err(Error::NotFound) };
    let [csv_check, json_check] = &files.checks;
    let kinds = [
        ("csv.check", "application/json", csv_check),
        ("json.check", "application/json", json_check),
        ("pdf", "application/pdf", &files.pdf),
        ("csv", "text/csv; charset=utf-8; header=present", &files.csv),
        ("json", "application/json", &files.json),
    ];
    let found = kinds.into_iter().find(|(name, ..)| *name == kind).ok_or(Error::NotFound)?;
    Ok(file(found.2.clone(), found.1, &files.number, found.0))
}

/// `POST /tests/exports/{export}/delete`
pub async fn delete(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Redirect, Error> {
    if !context.kept_exports().remove(caller.account.key, &id) {
        return Err(Error::NotFound);
    }
    Ok(Redirect::to("/tests"))
}

/// One of the caller's, all of whose inverters it may still see.
async fn find(context: &Context, caller: &Caller, id: &str) -> Result<Export, Error> {
    let export = context.kept_exports().find(caller.account.key, id, context.now()).ok_or(Error::NotFound)?;
    let seen: HashSet<InverterKey> =
        access::fleet(context, caller).await?.iter().map(|row| row.inverter.key).collect();
    if !export.inverters.iter().all(|key| seen.contains(key)) {
        context.kept_exports().remove(caller.account.key, id);
        return Err(Error::NotFound);
    }
    Ok(export)
}

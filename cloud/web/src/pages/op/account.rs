//! `/op/accounts/account?email=…`: one account: shut it out, let it in again, sign it out everywhere.
//!
//! In: an address. Out: how it is guarded, what was done to it. Sessions that end close their live pages at once.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use fleet::audit::Verb;
use serde::Deserialize;
use store::state::{AccountRow, AuditQuery, Email, Sha256, StateError, Whose};

use super::super::activity::{self, Listed};
use super::super::shell::Shell;
use super::super::{html, notice};
use crate::caller::Caller;
use crate::operator::Operator;
use crate::sign_in::act;
use crate::view::accounts::{self, Line};
use crate::view::acts::Reader;
use crate::view::words::Local;
use crate::{Context, Error, link};

#[derive(Template)]
#[template(path = "op_account.html")]
struct Page {
    shell: Shell,
    line: Line,
    own: bool,
    disabled: bool,
    said: Option<&'static str>,
    acts: String,
    listed: Listed,
}

/// Query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Arrival {
    email: String,
    done: String,
    before: String,
}

/// The forms: which account.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Which {
    email: String,
}

/// What was done, said after it.
const DONE: [(&str, &str); 4] = [
    ("disabled", "Disabled. Every session has ended, and API tokens count no more."),
    ("enabled", "Enabled. The password and factors are as they were; API tokens count again."),
    ("out", "Signed out everywhere. The account itself is as it was."),
    ("own", "Nothing was changed: this is your own account. Ask another operator."),
];

/// `GET /op/accounts/account`
pub async fn show(
    State(context): State<Context>,
    Operator(caller): Operator,
    Query(arrival): Query<Arrival>,
) -> Result<Html<String>, Error> {
    let row = account(&context, &arrival.email).await?;
    let key = row.account.key;
    let (now, email) = (context.now(), row.account.email.to_string());
    let local = Local::new("UTC", now);
    let query =
        AuditQuery { before: arrival.before.parse().ok(), ..AuditQuery::newest(Whose::Person(key), 0) };
    let here = |before: &str| link::with("/op/accounts/account", &[("email", &email), ("before", before)]);
    html(&Page {
        shell: Shell::new(&caller, now, None, "/op/accounts/account"),
        line: accounts::line(&row, &local),
        own: key == caller.account.key,
        disabled: row.account.disabled,
        said: notice::find(&DONE, &arrival.done),
        acts: link::with("/op/audit", &[("about", &email)]),
        listed: activity::listed(&context, query, Reader::Operator, &local, here).await?,
    })
}

/// `POST /op/accounts/disable`
pub async fn disable(
    State(context): State<Context>,
    Operator(caller): Operator,
    Form(which): Form<Which>,
) -> Result<Response, Error> {
    set(&context, &caller, &which, true).await
}

/// `POST /op/accounts/enable`
pub async fn enable(
    State(context): State<Context>,
    Operator(caller): Operator,
    Form(which): Form<Which>,
) -> Result<Response, Error> {
    set(&context, &caller, &which, false).await
}

/// `POST /op/accounts/sign-out`
pub async fn sign_out(
    State(context): State<Context>,
    Operator(caller): Operator,
    Form(which): Form<Which>,
) -> Result<Response, Error> {
    let row = account(&context, &which.email).await?;
    let act = act::of(&context, &caller, Verb::SessionEndAll)?;
    let ended = context.state().end_all_sessions(row.account.key, &act).await;
    done(&context, ended, &which, "out")
}

async fn set(context: &Context, caller: &Caller, which: &Which, disabled: bool) -> Result<Response, Error> {
    let row = account(context, &which.email).await?;
    let key = row.account.key;
    if key == caller.account.key {
        return Ok(Redirect::to(&accounts::address(&which.email, "own")).into_response());
    }
    let (verb, word) =
        if disabled { (Verb::AccountDisable, "disabled") } else { (Verb::AccountEnable, "enabled") };
    let act = act::of(context, caller, verb)?;
    let ended = context.state().set_account_disabled(key, disabled, &act).await;
    done(context, ended, which, word)
}

fn done(
    context: &Context,
    ended: Result<Vec<Sha256>, StateError>,
    which: &Which,
    word: &str,
) -> Result<Response, Error> {
    for hash in ended.map_err(|error| Error::internal("change an account", error))? {
        context.hub().session_ended(hash);
    }
    Ok(Redirect::to(&accounts::address(&which.email, word)).into_response())
}

async fn account(context: &Context, email: &str) -> Result<AccountRow, Error> {
    let email = Email::parse(email).map_err(|_| Error::NotFound)?;
    let rows = context.state().account_rows(context.now()).await;
    let rows = rows.map_err(|error| Error::internal("look up an account", error))?;
    rows.into_iter().find(|row| row.account.email == email).ok_or(Error::NotFound)
}

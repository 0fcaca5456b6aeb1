//! `POST /op/allow-list`: approving an address.
//!
//! In: an address, whose it is, who verified the customer, when and how: nothing of that may be missing but the company.
//! Out: the address on the list, or the form again with what is missing.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use fleet::audit::Verb;
use serde::Deserialize;
use store::state::{Email, NewAllowed};
use wire::UtcMs;

use super::super::{again, form};
use super::allow_list::{self, Filter};
use crate::caller::Caller;
use crate::operator::Operator;
use crate::sign_in::act;
use crate::{Context, Error};

/// Longest texts, characters.
const MAX_TEXT: usize = 200;
/// Somewhere it is tomorrow already.
const AHEAD_MS: i64 = 14 * 3_600_000;

/// The form, as typed.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Typed {
    /// Address.
    pub email: String,
    /// Whose customer it is.
    #[serde(default)]
    pub company: String,
    /// Who verified the customer.
    pub verified_by: String,
    /// `YYYY-MM-DD`.
    pub verified_on: String,
    /// Ticked: called back on the number on file.
    #[serde(default)]
    pub called: String,
    /// Ticked: the customer named an order or a serial number.
    #[serde(default)]
    pub named: String,
    /// Which.
    #[serde(default)]
    pub order: String,
}

/// The form with what is wrong in it.
#[derive(Clone, Debug, Default)]
pub struct Approval {
    /// As typed.
    pub typed: Typed,
    /// Field, what to do.
    pub errors: Vec<(&'static str, &'static str)>,
}

impl Approval {
    /// A form to be filled in by an operator today.
    #[must_use]
    pub fn blank(caller: &Caller, now: UtcMs) -> Self {
        let account = &caller.account;
        let by = if account.name.is_empty() { account.email.as_str() } else { &account.name };
        let today = now.to_rfc3339().chars().take(10).collect();
        let typed = Typed { verified_by: by.to_owned(), verified_on: today, ..Typed::default() };
        Self { typed, errors: Vec::new() }
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn error(&self, field: &str) -> Option<&'static str> {
        self.errors.iter().find(|(wrong, _)| *wrong == field).map(|(_, what)| *what)
    }
}

/// `POST /op/allow-list`
pub async fn submit(
    State(context): State<Context>,
    Operator(caller): Operator,
    request: Request,
) -> Result<Response, Error> {
    let typed: Typed =
        form(request, "the fields email, verified_by, verified_on, called or named and order").await?;
    let now = context.now();
    let (email, verified_at, errors) = read(&typed, now);
    let (Some(email), Some(verified_at), true) = (email, verified_at, errors.is_empty()) else {
        let approval = Approval { typed, errors };
        return again(&allow_list::page(&context, &caller, Filter::default(), approval).await?);
    };
    let (company, verified_by, note) = (typed.company.trim(), typed.verified_by.trim(), note(&typed));
    let new = NewAllowed { email: &email, company, verified_by, verified_at, note: &note, added_at: now };
    let detail = format!("{email}, verified by {verified_by} on {}: {note}", typed.verified_on);
    let act = act::of(&context, &caller, Verb::AllowAdd)?.with_detail(detail);
    let added = context.state().allow(new, &act).await;
    added.map_err(|error| Error::internal("approve an address", error))?;
    Ok(Redirect::to("/op/allow-list?done=added").into_response())
}

/// Fields with what is wrong in them.
type Errors = Vec<(&'static str, &'static str)>;

fn read(typed: &Typed, now: UtcMs) -> (Option<Email>, Option<UtcMs>, Errors) {
    let mut errors = Vec::new();
    let mut wrong = |is: bool, field, what| {
        if is {
            errors.push((field, what));
        }
    };
    let email = Email::parse(&typed.email).ok();
    wrong(email.is_none(), "email", "Enter an address like name@example.org.");
    let long = [&typed.company, &typed.verified_by, &typed.order];
    let long = long.into_iter().any(|text| text.chars().count() > MAX_TEXT);
    wrong(long, "company", "Use at most 200 characters in each field.");
    wrong(typed.verified_by.trim().is_empty(), "verified_by", "Enter who spoke with the customer.");
    let day = UtcMs::parse_rfc3339(&format!("{}T00:00:00Z", typed.verified_on.trim()));
    let day = day.filter(|day| *day <= now.plus_ms(AHEAD_MS));
    wrong(day.is_none(), "verified_on", "Enter the day of the call, today or earlier.");
    let checked = !typed.called.is_empty() || !typed.named.is_empty();
    wrong(!checked, "called", "Say how the customer was checked: one of the two, or both.");
    let untold = !typed.named.is_empty() && typed.order.trim().is_empty();
    let trace = "Enter the order or serial number, so the next operator can trace this.";
    wrong(untold, "order", trace);
    (email, day, errors)
}

/// How the customer was checked, in words that the next operator can trace.
fn note(typed: &Typed) -> String {
    let mut said = Vec::new();
    if !typed.called.is_empty() {
        said.push("Called back on the number on file.".to_owned());
    }
    if !typed.named.is_empty() {
        said.push(format!("Named order or serial {}.", typed.order.trim()));
    }
    said.join(" ")
}

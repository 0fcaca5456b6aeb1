//! `POST /inverters/{id}/people`: changes or ends somebody's access.
//!
//! In: an address or an organization's code that has a grant, a role or `remove`, a last day. Out: the grant as asked.
//! The last who can manage stays.

use axum::extract::{Path, Request, State};
use axum::response::Redirect;
use fleet::audit::Verb;
use fleet::{Action, Grant, Holder, Role};
use serde::Deserialize;
use store::state::{Act, Person, VisibleInverter, Who};

use super::super::form;
use super::{end_of_day, failed};
use crate::caller::Caller;
use crate::mail::sharing as letters;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access};

/// The form.
#[derive(Deserialize)]
struct Typed {
    holder: String,
    role: String,
    #[serde(default)]
    ends: String,
    /// `remove`, or nothing.
    #[serde(default)]
    r#do: String,
}

/// `POST /inverters/{id}/people`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Share).await?;
    fresh::require(&context, &caller)?;
    let typed: Typed = form(request, "the fields holder and role").await?;
    let now = context.now();
    let person = of(&context, &row, &typed.holder).await?;
    let holder = person.grant.holder;
    if typed.r#do == "remove" {
        let act = concerning(act::of(&context, &caller, Verb::ShareRevoke)?, &row, holder);
        let removed = context.state().remove_grant(holder, row.inverter.key, &act).await;
        if removed.map_err(failed("end somebody's access"))? {
            letters::tell_removed(&context, &caller, &row, &person).await?;
        }
        return Ok(Redirect::to(&format!("/inverters/{id}/people?done=removed")));
    }
    let role = Role::from_name(&typed.role)
        .ok_or_else(|| Error::Request("The role is read-only or read-write.".to_owned()))?;
    let zone = row.site.as_ref().map_or("UTC", |site| &site.time_zone);
    let ends = end_of_day(&typed.ends, zone, now).map_err(|what| Error::Request(what.to_owned()))?;
    let act = concerning(act::of(&context, &caller, Verb::ShareChange)?, &row, holder);
    let grant = Grant { holder, inverter: row.inverter.key, role, ends };
    let changed = context.state().set_grant(grant, &act.with_detail(role.name())).await;
    changed.map_err(failed("change somebody's access"))?;
    Ok(Redirect::to(&format!("/inverters/{id}/people?done=changed")))
}

/// The grant of an address or a code on this inverter; one that has none is not there.
async fn of(context: &Context, row: &VisibleInverter, holder: &str) -> Result<Person, Error> {
    let people = context.state().people_on(row.inverter.key, context.now()).await;
    let people = people.map_err(|error| Error::internal("list who can see an inverter", error))?;
    let named = |person: &Person| match &person.who {
        Who::Account(account) => account.email.as_str() == holder,
        Who::Organization(organization, _) => organization.public_id == holder,
    };
    people.into_iter().find(named).ok_or(Error::NotFound)
}

/// The act with what it concerns.
pub(crate) fn concerning(act: Act, row: &VisibleInverter, holder: Holder) -> Act {
    let act = act.on_inverter(row.inverter.key);
    match holder {
        Holder::Account(key) => act.of_account(key),
        Holder::Organization(key) => act.in_organization(key),
    }
}

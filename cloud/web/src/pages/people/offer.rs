//! `GET` and `POST /inverters/{id}/people/new`: offers access to an address or an organization.
//!
//! In: an address or a code, a role, a last day. Out: an offer that waits for its answer. The same words and the same work
//! for any address: whether somebody is there is looked up later, by nobody's request.

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use fleet::audit::Verb;
use fleet::{Action, Role};
use serde::Deserialize;
use store::state::{Email, NewOffer, Recipient, VisibleInverter};

use super::super::shell::Shell;
use super::super::{again, form, html};
use super::list::{day, title};
use super::{end_of_day, failed};
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::view::words::Local;
use crate::{Context, Error, access, random};

#[derive(Template)]
#[template(path = "people_new.html")]
struct Page {
    shell: Shell,
    id: String,
    name: String,
    typed: Typed,
    wrong_recipient: Option<&'static str>,
    wrong_day: Option<&'static str>,
    today: String,
}

/// The form.
#[derive(Default, Deserialize)]
struct Typed {
    recipient: String,
    role: String,
    #[serde(default)]
    ends: String,
}

/// `GET /inverters/{id}/people/new`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Html<String>, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Share).await?;
    fresh::require(&context, &caller)?;
    html(&Page::new(&context, &caller, &row, Typed::default()))
}

/// `POST /inverters/{id}/people/new`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Share).await?;
    fresh::require(&context, &caller)?;
    let typed: Typed = form(request, "the fields recipient and role").await?;
    let role = Role::from_name(&typed.role)
        .ok_or_else(|| Error::Request("The role is read-only or read-write.".to_owned()))?;
    let zone = row.site.as_ref().map_or("UTC", |site| &site.time_zone);
    let (recipient, ends) = (recipient(&typed.recipient), end_of_day(&typed.ends, zone, context.now()));
    let (recipient, ends) = match (recipient, ends) {
        (Some(recipient), Ok(ends)) => (recipient, ends),
        (recipient, ends) => {
            let mut page = Page::new(&context, &caller, &row, typed);
            page.wrong_recipient = recipient.is_none().then_some(
                "Type an address like name@example.org, or an organization’s code of ten characters.",
            );
            page.wrong_day = ends.err();
            return again(&page);
        }
    };
    let public_id = &random::public_id().map_err(|error| Error::internal("make an offer", error))?;
    let act = act::of(&context, &caller, Verb::ShareOffer)?
        .on_inverter(row.inverter.key)
        .with_detail(format!("{} to {}", role.name(), recipient.as_str()));
    let (inverter, made_by) = (row.inverter.key, caller.account.key);
    let new = NewOffer { public_id, inverter, recipient: &recipient, role, ends, made_by };
    context.state().make_offer(new, &act).await.map_err(failed("make an offer"))?;
    Ok(Redirect::to(&format!("/inverters/{id}/people?done=offered")).into_response())
}

/// An address, or an organization's code: ten letters and digits, however they are grouped.
fn recipient(text: &str) -> Option<Recipient> {
    if text.contains('@') {
        return Email::parse(text).ok().map(Recipient::Address);
    }
    let code: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let code = code.to_ascii_uppercase();
    let plain = code.len() == random::CODE && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then_some(Recipient::Organization(code))
}

impl Page {
    fn new(context: &Context, caller: &Caller, row: &VisibleInverter, typed: Typed) -> Self {
        let now = context.now();
        let local = Local::new(row.site.as_ref().map_or("UTC", |site| &site.time_zone), now);
        Self {
            shell: Shell::new(caller, now, None, "/inverters"),
            id: row.inverter.public_id.clone(),
            name: title(row),
            typed,
            wrong_recipient: None,
            wrong_day: None,
            today: day(now, &local),
        }
    }
}

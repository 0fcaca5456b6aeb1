//! `GET /inverters/{id}/people`: who can see this inverter, and what waits for an answer.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use fleet::{Action, Role};
use store::state::{Account, Person, Recipient, VisibleInverter, Who};
use wire::UtcMs;

use super::super::html;
use super::super::notice::After;
use super::super::shell::Shell;
use super::{role_words, until_words};
use crate::caller::Caller;
use crate::view::words::{self, Local};
use crate::{Context, Error, access};

#[derive(Template)]
#[template(path = "people.html")]
struct Page {
    shell: Shell,
    id: String,
    name: String,
    said: Option<&'static str>,
    manages: bool,
    people: Vec<Row>,
    offers: Vec<Waiting>,
    today: String,
}

/// Somebody with access.
struct Row {
    name: String,
    sub: String,
    initials: String,
    /// What a form calls them; empty where the reader may not change them.
    holder: String,
    role: Role,
    words: &'static str,
    until: String,
    ends: String,
    you: bool,
    organization: bool,
}

/// An offer without an answer.
struct Waiting {
    id: String,
    recipient: String,
    organization: bool,
    words: &'static str,
    until: String,
    expires: String,
}

/// `GET /inverters/{id}/people`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    Query(after): Query<After>,
) -> Result<Html<String>, Error> {
    let row = access::inverter(&context, &caller, &id, Action::View).await?;
    let now = context.now();
    let failed = |error| Error::internal("list who can see an inverter", error);
    let manages = row.role == Role::ReadWrite;
    let local = Local::new(row.site.as_ref().map_or("UTC", |site| &site.time_zone), now);
    let people = context.state().people_on(row.inverter.key, now).await.map_err(failed)?;
    let offers = if manages {
        context.state().offers_on(row.inverter.key, now).await.map_err(failed)?
    } else {
        Vec::new()
    };
    let waiting = offers.into_iter().map(|offer| Waiting {
        organization: matches!(offer.recipient, Recipient::Organization(_)),
        recipient: match &offer.recipient {
            Recipient::Address(email) => email.to_string(),
            Recipient::Organization(code) => format!("Organization {code}"),
        },
        words: role_words(offer.role),
        until: until_words(offer.ends, &local),
        expires: local.day(offer.expires_at),
        id: offer.public_id,
    });
    html(&Page {
        shell: Shell::new(&caller, now, None, "/inverters"),
        name: title(&row),
        id,
        said: after.said(),
        manages,
        people: people.into_iter().map(|person| Row::new(person, &caller, manages, &local)).collect(),
        offers: waiting.collect(),
        today: day(now, &local),
    })
}

/// What people call an inverter.
pub(crate) fn title(row: &VisibleInverter) -> String {
    let inverter = &row.inverter;
    if inverter.name.is_empty() { inverter.serial.to_string() } else { inverter.name.clone() }
}

/// A day as a form's field has it.
pub(super) fn day(at: UtcMs, local: &Local) -> String {
    let zone = jiff::tz::TimeZone::get(local.zone_id()).unwrap_or(jiff::tz::TimeZone::UTC);
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.to_zoned(zone).date().to_string()
}

impl Row {
    fn new(person: Person, caller: &Caller, manages: bool, local: &Local) -> Self {
        let Person { grant, who } = person;
        let you = grant.holder == caller.account.key.into();
        let (name, sub, holder) = match &who {
            Who::Account(account) => (
                called(account),
                if manages || you { account.email.to_string() } else { String::new() },
                account.email.to_string(),
            ),
            Who::Organization(organization, members) => {
                let members =
                    if *members == 1 { "1 member".to_owned() } else { format!("{members} members") };
                (
                    organization.name.clone(),
                    format!("Organization, {members}"),
                    organization.public_id.clone(),
                )
            }
        };
        Self {
            initials: words::initials(&name),
            name,
            sub,
            holder: if manages { holder } else { String::new() },
            role: grant.role,
            words: role_words(grant.role),
            until: until_words(grant.ends, local),
            ends: grant.ends.map_or(String::new(), |ends| day(ends.plus_ms(-1), local)),
            you,
            organization: matches!(who, Who::Organization(..)),
        }
    }
}

/// What somebody is called by others: the name, or the address without its domain.
pub fn called(account: &Account) -> String {
    let email = account.email.as_str();
    if account.name.is_empty() {
        email.split('@').next().unwrap_or("").to_owned()
    } else {
        account.name.clone()
    }
}

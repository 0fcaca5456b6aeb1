//! `GET /me/activity`, `/inverters/{id}/activity`, `/organizations/{organization}/activity`: what was done by and to one's
//! own account, to an inverter, in an organization.
//!
//! In: whose log, an area, where the page before ended. Out: the newest acts as sentences, fifty at a time.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use fleet::Action;
use fleet::audit::{AREAS, Area, Verb};
use serde::Deserialize;
use store::state::{AuditQuery, Whose};

use super::html;
use super::shell::Shell;
use crate::caller::Caller;
use crate::view::acts::{self, Line, Reader};
use crate::view::fleet::Known;
use crate::view::words::Local;
use crate::{Context, Error, access, link};

/// Acts on a page.
pub(super) const PAGE: usize = 50;

/// Acts with what stands around them.
#[derive(Template)]
#[template(path = "activity.html")]
struct Page {
    shell: Shell,
    listed: Listed,
    areas: &'static [Area],
    area: String,
}

/// The same of an inverter or an organization.
#[derive(Template)]
#[template(path = "activity_of.html")]
struct OfSomething {
    shell: Shell,
    /// Where one comes from: address, word.
    above: (&'static str, &'static str),
    name: String,
    back: String,
    lead: &'static str,
    listed: Listed,
}

/// Query of the page.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wish {
    /// Name of an area.
    area: String,
    /// Number of a row, where the page before ended.
    before: String,
}

/// Acts of one page of the log.
pub(super) struct Listed {
    /// The newest first.
    pub lines: Vec<Line>,
    /// `UTC`, `EST`.
    pub zone: String,
    /// The page after this one.
    pub older: Option<String>,
    /// The first page, from a later one.
    pub newest: Option<String>,
}

/// `GET /me/activity`
pub async fn own(
    State(context): State<Context>,
    caller: Caller,
    Query(wish): Query<Wish>,
) -> Result<Html<String>, Error> {
    let own = caller.account.key;
    let area = Area::from_name(&wish.area);
    let verbs: Option<Vec<Verb>> = area.map(|area| area.verbs().collect());
    let query = AuditQuery {
        verbs: verbs.as_deref(),
        before: wish.before.parse().ok(),
        ..AuditQuery::newest(Whose::Person(own), 0)
    };
    let here = |before: &str| {
        link::with("/me/activity", &[("area", area.map_or("", |area| area.name)), ("before", before)])
    };
    let now = context.now();
    let local = Local::new("UTC", now);
    html(&Page {
        shell: Shell::new(&caller, now, None, "/me/activity"),
        listed: listed(&context, query, Reader::Person(own), &local, here).await?,
        areas: AREAS,
        area: area.map_or(String::new(), |area| area.name.to_owned()),
    })
}

/// `GET /inverters/{id}/activity`: what was done to an inverter, for those who may manage it.
pub async fn of_inverter(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    Query(wish): Query<Wish>,
) -> Result<Html<String>, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Share).await?;
    let now = context.now();
    let query = AuditQuery {
        before: wish.before.parse().ok(),
        ..AuditQuery::newest(Whose::Inverter(row.inverter.key), 0)
    };
    let back = format!("/inverters/{}", row.inverter.public_id);
    let here = |before: &str| link::with(&format!("{back}/activity"), &[("before", before)]);
    let known = Known::new(&context, row, now);
    let local = known.local(now);
    let reader = Reader::Person(caller.account.key);
    html(&OfSomething {
        shell: Shell::new(&caller, now, None, "/inverters"),
        above: ("/fleet", "Fleet"),
        lead: "Who gave, changed or ended access to this inverter, and who changed it here.",
        name: known.name().to_owned(),
        listed: listed(&context, query, reader, &local, here).await?,
        back,
    })
}

/// `GET /organizations/{organization}/activity`: what was done in an organization, for its owners.
pub async fn of_organization(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
    Query(wish): Query<Wish>,
) -> Result<Html<String>, Error> {
    let (organization, _) = access::organization(&context, &caller, &code, Action::Members).await?;
    let now = context.now();
    let query = AuditQuery {
        before: wish.before.parse().ok(),
        ..AuditQuery::newest(Whose::Organization(organization.key), 0)
    };
    let back = format!("/organizations/{}", organization.public_id);
    let here = |before: &str| link::with(&format!("{back}/activity"), &[("before", before)]);
    let (local, reader) = (Local::new("UTC", now), Reader::Person(caller.account.key));
    html(&OfSomething {
        shell: Shell::new(&caller, now, None, "/organizations"),
        above: ("/organizations", "Organizations"),
        lead: "Who joined, left or changed this organization, its sites and what is shared with it.",
        name: organization.name,
        listed: listed(&context, query, reader, &local, here).await?,
        back,
    })
}

/// One page of the log: `query` says of what; `here` is the page's address with another end of the page before.
pub(super) async fn listed(
    context: &Context,
    query: AuditQuery<'_>,
    reader: Reader,
    local: &Local,
    here: impl Fn(&str) -> String,
) -> Result<Listed, Error> {
    let failed = |error| Error::internal("read the audit log", error);
    // One more than is shown tells whether there is a page after this one.
    let query = AuditQuery { most: PAGE as u64 + 1, ..query };
    let mut acts = context.state().audit_acts(&query).await.map_err(failed)?;
    let more = acts.len() > PAGE;
    acts.truncate(PAGE);
    let names = context.state().audit_names(&acts).await.map_err(failed)?;
    let last = acts.last().map(|act| act.sequence.to_string());
    Ok(Listed {
        lines: acts::lines(&acts, &names, reader, local),
        zone: local.zone_name(),
        older: last.filter(|_| more).map(|last| here(&last)),
        newest: query.before.map(|_| here("")),
    })
}

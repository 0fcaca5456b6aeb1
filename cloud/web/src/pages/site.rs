//! `GET` and `POST /sites/{site}`, `POST /sites/{site}/delete`: a place's name, address and time zone.
//!
//! In: its owner, or a member of the organization that owns it. Out: the page, with a form for who may change it.

use askama::Template;
use axum::extract::{Path, Query, Request, State};
use axum::response::{Html, Redirect};
use fleet::audit::Verb;
use fleet::{Action, Holder, MemberRole};
use serde::Deserialize;
use store::state::{Act, NewSite, Site, StateError, VisibleInverter};

use super::notice::After;
use super::organizations::named;
use super::shell::Shell;
use super::{form, html, sure};
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::view::zones;
use crate::{Context, Error, access};

/// Longest postal address, characters.
const MOST_ADDRESS: usize = 200;

#[derive(Template)]
#[template(path = "site.html")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    site: Site,
    may_change: bool,
    zones: &'static [String],
}

/// The form, of a new site too.
#[derive(Deserialize)]
pub(crate) struct Typed {
    pub name: String,
    #[serde(default)]
    pub address: String,
    pub time_zone: String,
}

/// `GET /sites/{site}`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    Query(after): Query<After>,
) -> Result<Html<String>, Error> {
    let (site, may_change) = access::site(&context, &caller, &id, Action::View).await?;
    let shell = Shell::new(&caller, context.now(), None, "/organizations");
    html(&Page { shell, said: after.said(), site, may_change, zones: zones::all() })
}

/// `POST /sites/{site}`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let (site, _) = access::site(&context, &caller, &id, Action::Edit).await?;
    fresh::require(&context, &caller)?;
    let typed: Typed = form(request, "the fields name, address and time_zone").await?;
    let typed = typed.checked()?;
    let act = concerning(act::of(&context, &caller, Verb::SiteEdit)?, &site).with_detail(typed.name.clone());
    let to = typed.as_site(&site.public_id, site.owner);
    context.state().update_site(site.key, to, &act).await.map_err(failed)?;
    Ok(Redirect::to(&format!("/sites/{id}?done=saved")))
}

/// `POST /sites/{site}/delete`
pub async fn delete(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let (site, _) = access::site(&context, &caller, &id, Action::Delete).await?;
    fresh::require(&context, &caller)?;
    sure(request).await?;
    let act = concerning(act::of(&context, &caller, Verb::SiteDelete)?, &site).with_detail(site.name.clone());
    context.state().delete_site(site.key, &act).await.map_err(failed)?;
    Ok(Redirect::to("/organizations?done=deleted"))
}

/// Sites that the caller may put an inverter at: the caller's, those of organizations that the caller works for, and the
/// one where it is.
pub(crate) async fn choices(
    context: &Context,
    caller: &Caller,
    row: &VisibleInverter,
) -> Result<Vec<Site>, Error> {
    let failed = |error| Error::internal("list sites", error);
    let mut sites = context.state().sites_of(caller.account.key.into()).await.map_err(failed)?;
    for (own, role) in access::organizations(context, caller).await? {
        if role >= MemberRole::Member {
            sites.extend(context.state().sites_of(own.key.into()).await.map_err(failed)?);
        }
    }
    if let Some(here) = &row.site
        && !sites.iter().any(|site| site.key == here.key)
    {
        sites.push(here.clone());
    }
    Ok(sites)
}

fn concerning(act: Act, site: &Site) -> Act {
    match site.owner {
        Some(Holder::Organization(key)) => act.in_organization(key),
        Some(Holder::Account(key)) => act.of_account(key),
        None => act,
    }
}

/// What the store said of a site.
pub(crate) fn failed(error: StateError) -> Error {
    match error {
        StateError::Taken { .. } => {
            Error::Request("There is a site of this name already. Choose another name.".to_owned())
        }
        other => Error::of_store("write a site", other),
    }
}

impl Typed {
    /// As it is kept.
    ///
    /// # Errors
    /// What to type.
    pub(crate) fn checked(self) -> Result<Self, Error> {
        let name = named(&self.name).ok_or_else(|| Error::Request("Type a name.".to_owned()))?;
        if !zones::is_one(&self.time_zone) {
            return Err(Error::Request(
                "Choose a time zone of the list, for example America/Chicago.".to_owned(),
            ));
        }
        let words = self.address.split(|c: char| c.is_whitespace() || c.is_control());
        let address = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        Ok(Self { name, address: address.chars().take(MOST_ADDRESS).collect(), time_zone: self.time_zone })
    }

    /// For the store.
    pub(crate) fn as_site<'a>(&'a self, public_id: &'a str, owner: Option<Holder>) -> NewSite<'a> {
        NewSite { public_id, owner, name: &self.name, address: &self.address, time_zone: &self.time_zone }
    }
}

//! `GET` and `POST /pair/{attempt}/name`: what the inverter is called, and where it stands.
//!
//! In: an attempt that paired, a name, what feeds it, a site of the list or the name of a new one. Out: the form, then the
//! inverter's page or the one that shares it. What earlier holders wrote stands in the fields.

use askama::Template;
use axum::Form;
use axum::extract::{FromRequest, Path, Request, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use fleet::audit::Verb;
use fleet::pairing::End;
use fleet::{Action, InverterState};
use http::StatusCode;
use serde::Deserialize;
use store::state::{InverterEdit, Site, SiteKey, StateError, VisibleInverter};
use wire::{Quantity, UtcMs};

use super::super::html;
use super::super::organizations::named;
use super::super::shell::Shell;
use super::super::site::{self, Typed};
use crate::caller::Caller;
use crate::sign_in::act;
use crate::view::words::{self, Local, NB};
use crate::view::zones;
use crate::{Context, Error, access, random};

/// Longest name, characters: what a text message has room for.
const MOST_NAME: usize = 40;
/// Longest place, characters.
const MOST_PLACE: usize = 80;

#[derive(Template)]
#[template(path = "pair_name.html")]
struct Page<'a> {
    shell: Shell,
    address: String,
    serial: &'a str,
    time: String,
    reading: String,
    named: &'a Named,
    sites: &'a [Site],
    zones: &'static [String],
    refused: Option<&'static str>,
}

/// An inverter that was paired, and when.
struct Paired {
    row: VisibleInverter,
    at: UtcMs,
}

/// The form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Named {
    name: String,
    place: String,
    /// Public id of a site of the list; empty: none.
    site: String,
    /// The name of a new one, which goes before the list.
    new_site: String,
    new_zone: String,
    /// `share`: to the page that shares it.
    then: String,
}

/// `GET /pair/{attempt}/name`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let paired = paired(&context, &caller, &id).await?;
    let row = &paired.row;
    let sites = site::choices(&context, &caller, row).await?;
    let chosen = sites.iter().find(|site| row.inverter.site == Some(site.key));
    let named = Named {
        name: row.inverter.name.clone(),
        place: row.inverter.place.clone(),
        site: chosen.map(|site| site.public_id.clone()).unwrap_or_default(),
        // Most people's inverters stand in one zone.
        new_zone: sites.first().map(|site| site.time_zone.clone()).unwrap_or_default(),
        ..Named::default()
    };
    page(&context, &caller, &id, &paired, &sites, &named, None).map(IntoResponse::into_response)
}

/// `POST /pair/{attempt}/name`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Error> {
    let paired = paired(&context, &caller, &id).await?;
    let row = &paired.row;
    let form = Form::<Named>::from_request(request, &()).await;
    let Form(form) = form.map_err(|_| Error::Request("Send the field name as a form.".to_owned()))?;
    let named = Named { name: form.name.trim().to_owned(), place: form.place.trim().to_owned(), ..form };
    let sites = site::choices(&context, &caller, row).await?;
    if let Some(refused) = named.refused(&sites) {
        let page = page(&context, &caller, &id, &paired, &sites, &named, Some(refused))?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let site = chosen(&context, &caller, &named, &sites).await?;
    let Named { name, place, then, .. } = named;
    if name != row.inverter.name || place != row.inverter.place || site != row.inverter.site {
        let act = act::of(&context, &caller, Verb::InverterEdit)?
            .on_inverter(row.inverter.key)
            .with_detail(format!("name: {name}, place: {place}"));
        let edit = InverterEdit {
            name: Some(name),
            place: Some(place),
            site: Some(site),
            ..InverterEdit::default()
        };
        let edited = context.state().edit_inverter(row.inverter.key, edit, &act).await;
        edited.map_err(|error| Error::internal("name an inverter", error))?;
    }
    let inverter = format!("/inverters/{}", row.inverter.public_id);
    let to = if then == "share" { format!("{inverter}/people/new") } else { inverter };
    Ok(Redirect::to(&to).into_response())
}

/// Where it stands: a new site of the caller's own, or the one of the list. A name that the caller has given to a site
/// already means that one: whoever sends the form once more makes no second.
async fn chosen(
    context: &Context,
    caller: &Caller,
    typed: &Named,
    sites: &[Site],
) -> Result<Option<SiteKey>, Error> {
    let Some(name) = named(&typed.new_site) else {
        return Ok(sites.iter().find(|site| site.public_id == typed.site).map(|site| site.key));
    };
    let own = access::own_account(context, caller)?;
    let new = Typed { name, address: String::new(), time_zone: typed.new_zone.clone() }.checked()?;
    let public_id = random::public_id().map_err(|error| Error::internal("make a site", error))?;
    let act = act::of(context, caller, Verb::SiteAdd)?.of_account(own).with_detail(new.name.clone());
    match context.state().add_site(new.as_site(&public_id, Some(own.into())), &act).await {
        Ok(site) => Ok(Some(site)),
        Err(StateError::Taken { .. }) => {
            let found = context.state().site_by_name(Some(own.into()), &new.name).await;
            Ok(found.map_err(site::failed)?.map(|site| site.key))
        }
        Err(error) => Err(site::failed(error)),
    }
}

impl Named {
    fn refused(&self, sites: &[Site]) -> Option<&'static str> {
        let letters = |text: &str| text.chars().count();
        let new_site = named(&self.new_site).is_some();
        match letters(&self.name) {
            0 => Some("Give it a name. Say where it is."),
            length if length > MOST_NAME => Some("At most 40 characters: people read it in a text."),
            _ if letters(&self.place) > MOST_PLACE => Some("Say what feeds it in at most 80 characters."),
            _ if self.name.chars().chain(self.place.chars()).any(char::is_control) => {
                Some("Use letters, digits and spaces.")
            }
            _ if new_site && !zones::is_one(&self.new_zone) => {
                Some("Choose the new site\u{2019}s time zone from the list, for example America/Chicago.")
            }
            _ if new_site || self.site.is_empty() => None,
            _ if sites.iter().any(|site| site.public_id == self.site) => None,
            _ => Some("Choose a site of the list."),
        }
    }
}

/// The inverter of an attempt that paired, which the caller may manage still.
async fn paired(context: &Context, caller: &Caller, id: &str) -> Result<Paired, Error> {
    let attempt = super::own(context, caller, id).await?;
    let (End::Paired, at) = attempt.ended.ok_or(Error::NotFound)? else { return Err(Error::NotFound) };
    let found = context.state().inverter(attempt.inverter.ok_or(Error::NotFound)?).await;
    let found =
        found.map_err(|error| Error::internal("look up an inverter", error))?.ok_or(Error::NotFound)?;
    let row = access::inverter(context, caller, &found.public_id, Action::Edit).await?;
    Ok(Paired { row, at })
}

fn page(
    context: &Context,
    caller: &Caller,
    id: &str,
    Paired { row, at }: &Paired,
    sites: &[Site],
    named: &Named,
    refused: Option<&'static str>,
) -> Result<Html<String>, Error> {
    let now = context.now();
    let local = Local::new(row.site.as_ref().map_or("UTC", |site| &site.time_zone), now);
    html(&Page {
        shell: Shell::new(caller, now, None, "/pair/attempt"),
        address: format!("/pair/{id}/name"),
        serial: row.inverter.serial.as_str(),
        time: format!("{} {}", local.time(*at), local.zone_name()),
        reading: reading(context.live().state(row.inverter.key).as_deref()),
        named,
        sites,
        zones: zones::all(),
        refused,
    })
}

/// What it says of itself: the sign that it is the right one.
fn reading(state: Option<&InverterState>) -> String {
    let value = |quantity| state.and_then(|state| state.value(quantity)).map(|(scaled, _)| scaled);
    let battery = value(Quantity::BATTERY_VOLTAGE)
        .map(|scaled| format!("battery {}{NB}V", words::number(Quantity::BATTERY_VOLTAGE, scaled, 1)));
    let load = value(Quantity::REALPOWER).map(|watts| {
        let (number, unit) = words::power(watts, "kW", "W");
        format!("load {number}{NB}{unit}")
    });
    let parts: Vec<_> = [battery, load].into_iter().flatten().collect();
    if parts.is_empty() {
        "First readings arrive within a minute.".to_owned()
    } else {
        format!("Newest reading: {}.", parts.join(", "))
    }
}

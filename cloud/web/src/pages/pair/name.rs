//! `GET` and `POST /pair/{attempt}/name`: what the inverter is called.
//!
//! In: an attempt that paired, a name, what feeds it. Out: the form, then the inverter's page. What earlier holders
//! wrote stands in the fields.

use askama::Template;
use axum::Form;
use axum::extract::{FromRequest, Path, Request, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use fleet::Action;
use fleet::audit::Verb;
use fleet::pairing::End;
use http::StatusCode;
use serde::Deserialize;
use store::state::{InverterEdit, VisibleInverter};

use super::super::html;
use super::super::shell::Shell;
use crate::caller::Caller;
use crate::sign_in::act;
use crate::{Context, Error, access};

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
    name: &'a str,
    place: &'a str,
    refused: Option<&'static str>,
}

/// The form.
#[derive(Deserialize)]
pub struct Named {
    name: String,
    #[serde(default)]
    place: String,
}

/// `GET /pair/{attempt}/name`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let row = paired(&context, &caller, &id).await?;
    let now = Named { name: row.inverter.name.clone(), place: row.inverter.place.clone() };
    page(&context, &caller, &id, &row, &now, None).map(IntoResponse::into_response)
}

/// `POST /pair/{attempt}/name`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Error> {
    let row = paired(&context, &caller, &id).await?;
    let form = Form::<Named>::from_request(request, &()).await;
    let Form(form) = form.map_err(|_| Error::Request("Send the field name as a form.".to_owned()))?;
    let named = Named { name: form.name.trim().to_owned(), place: form.place.trim().to_owned() };
    let refused = named.refused();
    if refused.is_some() {
        let page = page(&context, &caller, &id, &row, &named, refused)?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let Named { name, place } = named;
    if name != row.inverter.name || place != row.inverter.place {
        let act = act::of(&context, &caller, Verb::InverterEdit)?
            .on_inverter(row.inverter.key)
            .with_detail(format!("name: {name}, place: {place}"));
        let edit = InverterEdit { name: Some(name), place: Some(place), ..InverterEdit::default() };
        let edited = context.state().edit_inverter(row.inverter.key, edit, &act).await;
        edited.map_err(|error| Error::internal("name an inverter", error))?;
    }
    Ok(Redirect::to(&format!("/inverters/{}", row.inverter.public_id)).into_response())
}

impl Named {
    fn refused(&self) -> Option<&'static str> {
        let letters = |text: &str| text.chars().count();
        match letters(&self.name) {
            0 => Some("Give it a name. Say where it is."),
            length if length > MOST_NAME => Some("At most 40 characters: people read it in a text."),
            _ if letters(&self.place) > MOST_PLACE => Some("Say what feeds it in at most 80 characters."),
            _ if self.name.chars().chain(self.place.chars()).any(char::is_control) => {
                Some("Use letters, digits and spaces.")
            }
            _ => None,
        }
    }
}

/// The inverter of an attempt that paired, which the caller may manage still.
async fn paired(context: &Context, caller: &Caller, id: &str) -> Result<VisibleInverter, Error> {
    let attempt = super::own(context, caller, id).await?;
    let inverter = attempt.inverter.filter(|_| attempt.ended.is_some_and(|(end, _)| end == End::Paired));
    let key = inverter.ok_or(Error::NotFound)?;
    let found = context.state().inverter(key).await;
    let found =
        found.map_err(|error| Error::internal("look up an inverter", error))?.ok_or(Error::NotFound)?;
    access::inverter(context, caller, &found.public_id, Action::Edit).await
}

fn page(
    context: &Context,
    caller: &Caller,
    id: &str,
    row: &VisibleInverter,
    named: &Named,
    refused: Option<&'static str>,
) -> Result<Html<String>, Error> {
    let shell = Shell::new(caller, context.now(), None, "/pair/attempt");
    let serial = row.inverter.serial.as_str();
    let Named { name, place } = named;
    html(&Page { shell, address: format!("/pair/{id}/name"), serial, name, place, refused })
}

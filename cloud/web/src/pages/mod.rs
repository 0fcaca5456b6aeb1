//! Pages, one verb per file.
//!
//! In: a caller and an address. Out: HTML made by templates, or redirects. Every page is complete without scripts; what
//! scripts add is freshness and the chart.

pub mod activity;
pub mod alarms;
pub mod chart;
pub mod confirm;
pub mod confirm_passkey;
pub mod csv;
pub mod failure;
pub mod fleet;
pub mod forgot;
pub mod inverter;
pub mod ladder;
pub mod limits;
pub mod mailed_link;
pub mod maintenance;
pub mod me;
pub mod notice;
pub mod notifications;
pub mod op;
pub mod organizations;
pub mod outage;
pub mod pair;
pub mod people;
pub mod published;
pub mod register;
pub mod reset;
pub mod security;
pub mod settings;
pub mod shares;
pub mod shell;
pub mod sign_in;
pub mod sign_in_code;
pub mod sign_in_passkey;
pub mod site;
pub mod table;
pub mod tests;
pub mod tokens;
pub mod verify;

use askama::Template;
use axum::Form;
use axum::extract::{FromRequest, Request};
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::caller::Caller;

/// `GET /`
pub async fn home(_: Caller) -> Redirect {
    Redirect::to("/fleet")
}

/// Prints a template.
pub(crate) fn html(page: &impl Template) -> Result<Html<String>, Error> {
    page.render().map(Html).map_err(|error| Error::internal("print a page", error))
}

/// Prints a template for a form that must be filled in once more.
pub(crate) fn again(page: &impl Template) -> Result<Response, Error> {
    html(page).map(|page| (StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// Reads a form; `fields` names what is to be sent.
pub(crate) async fn form<T: DeserializeOwned>(request: Request, fields: &str) -> Result<T, Error> {
    let form = Form::<T>::from_request(request, &()).await;
    form.map(|Form(form)| form).map_err(|refused| match refused.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge,
        _ => Error::Request(format!("Send as a form: {fields}.")),
    })
}

/// The form of what cannot be undone says so: a request without it does nothing.
pub(crate) async fn sure(request: Request) -> Result<(), Error> {
    #[derive(serde::Deserialize)]
    struct Sure {
        sure: String,
    }
    let asked: Sure = form(request, "the field sure").await?;
    if asked.sure == "yes" { Ok(()) } else { Err(Error::Request("Nothing was changed.".to_owned())) }
}

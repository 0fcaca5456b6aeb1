//! Pages, one verb per file.
//!
//! In: a caller and an address. Out: HTML made by templates, or redirects. Every page is complete without scripts; what
//! scripts add is freshness and the chart.

pub mod activity;
pub mod chart;
pub mod confirm;
pub mod csv;
pub mod failure;
pub mod fleet;
pub mod inverter;
pub mod op;
pub mod shell;
pub mod sign_in;
pub mod table;

use askama::Template;
use axum::response::{Html, Redirect};

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

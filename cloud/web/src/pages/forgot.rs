//! `/forgot`: asking for the link that sets a new password.
//!
//! In: an address. Out: the same page for every address, at once; what comes of it is in the mail.

use axum::extract::{Request, State};
use axum::response::{Html, Response};
use fleet::registration::Purpose;

use super::register;
use crate::{Context, Error};

/// `GET /forgot`
pub async fn show() -> Result<Html<String>, Error> {
    register::page(Purpose::Reset)
}

/// `POST /forgot`
pub async fn submit(State(context): State<Context>, request: Request) -> Result<Response, Error> {
    register::answer(&context, Purpose::Reset, request).await
}

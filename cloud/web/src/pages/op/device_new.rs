//! `/op/devices/new`: registering a device.
//!
//! In: serial number and model. Out: a row, and the way to its page, which says how its certificate is issued: the key
//! that signs is not in this process (docs/adr).

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use fleet::audit::Verb;
use http::StatusCode;
use serde::Deserialize;
use store::state::{NewInverter, StateError};
use wire::Serial;

use super::super::html;
use super::super::shell::Shell;
use crate::caller::Caller;
use crate::operator::Operator;
use crate::sign_in::secret::Secret;
use crate::sign_in::{act, fresh};
use crate::{Context, Error};

/// Characters of a public id: 132 random bits.
const PUBLIC_ID: usize = 22;
/// Longest model, characters.
const MOST_MODEL: usize = 60;

#[derive(Template)]
#[template(path = "op_device_new.html")]
struct Page {
    shell: Shell,
    form: New,
    wrong: Option<&'static str>,
}

/// The form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct New {
    serial: String,
    model: String,
}

/// `GET /op/devices/new`
pub async fn show(State(context): State<Context>, Operator(caller): Operator) -> Result<Html<String>, Error> {
    fresh::require(&context, &caller)?;
    html(&page(&context, &caller, New::default(), None))
}

/// `POST /op/devices/new`
pub async fn submit(
    State(context): State<Context>,
    Operator(caller): Operator,
    Form(form): Form<New>,
) -> Result<Response, Error> {
    let Ok(serial) = Serial::parse(form.serial.trim()) else {
        let wrong = "A serial number has 4 to 32 letters, digits and dashes, for example 2311-00421.";
        return refused(&context, &caller, form, wrong);
    };
    let model: String = form.model.trim().chars().filter(|c| !c.is_control()).take(MOST_MODEL).collect();
    let secret = Secret::new().map_err(|error| Error::internal("register a device", error))?;
    let public_id: String = secret.reveal().chars().take(PUBLIC_ID).collect();
    let new = NewInverter {
        public_id: &public_id,
        serial,
        name: "",
        model: &model,
        site: None,
        required_minutes: None,
        registered_at: context.now(),
    };
    let act = act::of(&context, &caller, Verb::DeviceRegister)?.with_detail(&model);
    match context.state().register_inverter(new, &act).await {
        Ok(_) => Ok(Redirect::to(&format!("/op/devices/{serial}?done=registered")).into_response()),
        Err(StateError::Taken { .. }) => refused(
            &context,
            &caller,
            form,
            "This serial number is registered already. Find it under Devices.",
        ),
        Err(error) => Err(Error::internal("register a device", error)),
    }
}

fn refused(context: &Context, caller: &Caller, form: New, wrong: &'static str) -> Result<Response, Error> {
    let page = html(&page(context, caller, form, Some(wrong)))?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

fn page(context: &Context, caller: &Caller, form: New, wrong: Option<&'static str>) -> Page {
    Page { shell: Shell::new(caller, context.now(), None, "/op/devices/new"), form, wrong }
}

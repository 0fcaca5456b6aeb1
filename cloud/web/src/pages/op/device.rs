//! `/op/devices/{serial}`: one device, its certificates, its label, what was done to it.
//!
//! In: a serial number. Out: registered facts and the last contact; revoking, which ends its live session within a second.
//! Nothing that it reports.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use fleet::audit::Verb;
use http::{HeaderValue, header};
use serde::Deserialize;
use store::state::{AuditQuery, DeviceRow, Whose};
use wire::Serial;

use super::super::activity::{self, Listed};
use super::super::shell::Shell;
use super::super::{html, notice};
use crate::operator::Operator;
use crate::sign_in::act;
use crate::view::acts::Reader;
use crate::view::devices::{self, Line};
use crate::view::words::Local;
use crate::{Context, Error, label, link};

#[derive(Template)]
#[template(path = "op_device.html")]
struct Page {
    shell: Shell,
    line: Line,
    registered: String,
    protocol: String,
    connected_at: Option<String>,
    last_contact: Option<String>,
    certificates: Vec<Issued>,
    revocable: bool,
    said: Option<&'static str>,
    acts: String,
    listed: Listed,
}

/// A certificate in words.
struct Issued {
    fingerprint: String,
    issued: String,
    revoked: Option<String>,
}

/// Query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Arrival {
    done: String,
    before: String,
}

/// What was done, said after it.
const DONE: [(&str, &str); 2] = [
    ("registered", "Registered. It can connect once a certificate is issued; how, is said below."),
    ("revoked", "Revoked. The device is cut off, and no certificate that it holds counts any more."),
];

/// `GET /op/devices/{serial}`
pub async fn show(
    State(context): State<Context>,
    Operator(caller): Operator,
    Path(serial): Path<String>,
    Query(arrival): Query<Arrival>,
) -> Result<Html<String>, Error> {
    let device = device(&context, &serial).await?;
    let now = context.now();
    let local = Local::new("UTC", now);
    let about = device.serial.to_string();
    let query = AuditQuery {
        inverter: Some(device.key),
        before: arrival.before.parse().ok(),
        ..AuditQuery::newest(Whose::Everybody, 0)
    };
    let here = |before: &str| link::with(&format!("/op/devices/{about}"), &[("before", before)]);
    let issued = device.certificates.iter().rev().map(|certificate| Issued {
        fingerprint: certificate.sha256.iter().take(8).map(|byte| format!("{byte:02x}")).collect(),
        issued: local.time(certificate.issued_at),
        revoked: certificate.revoked_at.map(|at| local.time(at)),
    });
    let contact = device.contact.as_ref();
    html(&Page {
        shell: Shell::new(&caller, now, None, "/op/devices/device"),
        line: devices::line(&device, &context.service().connected(), now),
        registered: local.time(device.registered_at),
        protocol: contact.map_or("\u{2013}".to_owned(), |contact| contact.protocol.clone()),
        connected_at: contact.map(|contact| local.time(contact.connected_at)),
        last_contact: contact.map(|contact| local.time(contact.last_contact_at)),
        certificates: issued.collect(),
        revocable: devices::accepted(&device) > 0,
        said: notice::find(&DONE, &arrival.done),
        acts: link::with("/op/audit", &[("about", &about)]),
        listed: activity::listed(&context, query, Reader::Operator, &local, here).await?,
    })
}

/// `POST /op/devices/{serial}/revoke`
pub async fn revoke(
    State(context): State<Context>,
    Operator(caller): Operator,
    Path(serial): Path<String>,
) -> Result<Response, Error> {
    let device = device(&context, &serial).await?;
    let act = act::of(&context, &caller, Verb::DeviceRevoke)?;
    let revoked = context.state().revoke_certificates(device.key, context.now(), &act).await;
    revoked.map_err(|error| Error::internal("revoke certificates", error))?;
    Ok(Redirect::to(&format!("/op/devices/{}?done=revoked", device.serial)).into_response())
}

/// `GET /op/devices/{serial}/label.svg`
pub async fn label(
    State(context): State<Context>,
    _: Operator,
    Path(serial): Path<String>,
) -> Result<Response, Error> {
    let device = device(&context, &serial).await?;
    let svg = label::svg(context.origin(), device.serial);
    let svg = svg.map_err(|error| Error::internal("print a label", error))?;
    let name = format!("inline; filename=\"label-{}.svg\"", device.serial);
    let name = HeaderValue::from_str(&name).map_err(|error| Error::internal("print a label", error))?;
    let kind = HeaderValue::from_static("image/svg+xml; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], svg).into_response())
}

async fn device(context: &Context, serial: &str) -> Result<DeviceRow, Error> {
    let serial = Serial::parse(serial).map_err(|_| Error::NotFound)?;
    let device = context.state().device(serial, context.now()).await;
    device.map_err(|error| Error::internal("look up a device", error))?.ok_or(Error::NotFound)
}

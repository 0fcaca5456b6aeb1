//! `GET /op/health`: how the service is.
//!
//! In: what the server says of itself, the outbox. Out: a page that opens with an answer: all well, or what is not and what
//! to do. Numbers of the whole service, never of one inverter.

use askama::Template;
use axum::extract::State;
use axum::response::Html;

use super::super::html;
use super::super::shell::Shell;
use crate::operator::Operator;
use crate::view::health::{self, Group, Matter};
use crate::{Context, Error};

#[derive(Template)]
#[template(path = "op_health.html")]
struct Page {
    shell: Shell,
    matters: Vec<Matter>,
    groups: Vec<Group>,
}

/// `GET /op/health`
pub async fn show(State(context): State<Context>, Operator(caller): Operator) -> Result<Html<String>, Error> {
    let now = context.now();
    let mails = context.state().mail_counts().await;
    let mails = mails.map_err(|error| Error::internal("count mails", error))?;
    let service = context.service().clone();
    let health = tokio::task::spawn_blocking(move || service.health()).await;
    let health = health.map_err(|error| Error::internal("look how the service is", error))?;
    html(&Page {
        shell: Shell::new(&caller, now, None, "/op/health"),
        matters: health::matters(&health, &mails),
        groups: health::groups(&health, &mails, context.passwords_checked(), now),
    })
}

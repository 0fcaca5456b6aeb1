//! `GET /shares`: what is offered to the reader.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;

use super::super::html;
use super::super::notice::After;
use super::super::organizations::member_words;
use super::super::people::list::called;
use super::super::people::{role_words, until_words};
use super::super::shell::Shell;
use super::waiting;
use crate::caller::Caller;
use crate::view::words::Local;
use crate::{Context, Error};

#[derive(Template)]
#[template(path = "shares.html")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    sections: Vec<Section>,
}

/// What is offered, of one kind.
struct Section {
    /// First part of the address of an answer.
    path: &'static str,
    title: &'static str,
    rows: Vec<Row>,
}

/// One offer or invitation.
struct Row {
    id: String,
    title: String,
    by: String,
    words: &'static str,
    until: String,
    expires: String,
}

/// `GET /shares`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Query(after): Query<After>,
) -> Result<Html<String>, Error> {
    let now = context.now();
    let local = Local::new("UTC", now);
    let mut offers = Vec::new();
    for offered in waiting(&context, &caller).await? {
        let (offer, inverter) = (offered.offer, offered.inverter);
        let title = if inverter.name.is_empty() { inverter.serial.to_string() } else { inverter.name };
        let title = match offered.organization {
            Some(organization) => format!("{title}, for {}", organization.name),
            None => title,
        };
        offers.push(Row {
            title,
            by: by(&context, offer.made_by).await?,
            words: role_words(offer.role),
            until: until_words(offer.ends, &local),
            expires: local.day(offer.expires_at),
            id: offer.public_id,
        });
    }
    let invited = context.state().invitations_to(&caller.account.email, now).await;
    let mut invitations = Vec::new();
    for (invitation, organization) in invited.map_err(|error| Error::internal("list invitations", error))? {
        invitations.push(Row {
            title: organization.name,
            by: by(&context, invitation.made_by).await?,
            words: member_words(invitation.role),
            until: String::new(),
            expires: local.day(invitation.expires_at),
            id: invitation.public_id,
        });
    }
    let sections = [("shares", "Inverters", offers), ("invitations", "Organizations", invitations)];
    let sections = sections.into_iter().filter(|(.., rows)| !rows.is_empty());
    let sections = sections.map(|(path, title, rows)| Section { path, title, rows }).collect();
    html(&Page { shell: Shell::new(&caller, now, None, "/shares"), said: after.said(), sections })
}

/// Who made it, with the address: whoever is to accept has to know from whom.
async fn by(context: &Context, maker: fleet::AccountKey) -> Result<String, Error> {
    let account = context.state().account(maker).await;
    let account = account.map_err(|error| Error::internal("look up an account", error))?;
    Ok(account.map_or("somebody who has left".to_owned(), |account| {
        format!("{} ({})", called(&account), account.email)
    }))
}

//! `GET /organizations/{organization}`: members, inverters, sites; for owners also invitations and settings.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use fleet::{Action, MemberRole};

use super::super::html;
use super::super::notice::After;
use super::super::people::list::called;
use super::super::people::{role_words, until_words};
use super::super::shell::Shell;
use super::member_words;
use crate::caller::Caller;
use crate::view::words::{self, Local};
use crate::view::zones;
use crate::{Context, Error, access};

#[derive(Template)]
#[template(path = "organization.html")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    code: String,
    name: String,
    role: &'static str,
    owns: bool,
    works: bool,
    second_factor: bool,
    members: Vec<Row>,
    invitations: Vec<Waiting>,
    /// Id, name, role and last day of each inverter.
    inverters: Vec<(String, String, String)>,
    /// Id, name, address and time zone of each site.
    sites: Vec<(String, String, String)>,
    zones: &'static [String],
}

/// A member.
struct Row {
    name: String,
    initials: String,
    email: String,
    role: MemberRole,
    words: &'static str,
    you: bool,
    disabled: bool,
}

/// An invitation without an answer.
struct Waiting {
    id: String,
    email: String,
    words: &'static str,
    expires: String,
}

/// `GET /organizations/{organization}`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(code): Path<String>,
    Query(after): Query<After>,
) -> Result<Html<String>, Error> {
    let (own, role) = access::organization(&context, &caller, &code, Action::View).await?;
    let now = context.now();
    let local = Local::new("UTC", now);
    let failed = |error| Error::internal("show an organization", error);
    let state = context.state();
    let (owns, works) = (role == MemberRole::Owner, role >= MemberRole::Member);
    let members = state.members(own.key).await.map_err(failed)?;
    let invitations =
        if owns { state.invitations_of(own.key, now).await.map_err(failed)? } else { Vec::new() };
    let sites = state.sites_of(own.key.into()).await.map_err(failed)?;
    let mut inverters = Vec::new();
    for row in access::fleet(&context, &caller).await? {
        let held = row.held.iter().find(|held| held.grant.holder == own.key.into());
        if let Some(held) = held {
            let until = until_words(held.grant.ends, &local);
            let words = format!("{} {until}", role_words(held.grant.role)).trim_end().to_owned();
            inverters.push((row.inverter.public_id.clone(), super::super::people::list::title(&row), words));
        }
    }
    html(&Page {
        shell: Shell::new(&caller, now, None, "/organizations"),
        said: after.said(),
        code: own.public_id,
        name: own.name,
        role: member_words(role),
        owns,
        works,
        second_factor: own.second_factor_required,
        members: members
            .into_iter()
            .map(|member| Row {
                initials: words::initials(&called(&member.account)),
                name: called(&member.account),
                you: member.account.key == caller.account.key,
                disabled: member.account.disabled,
                email: if owns { member.account.email.to_string() } else { String::new() },
                role: member.role,
                words: member_words(member.role),
            })
            .collect(),
        invitations: invitations
            .into_iter()
            .map(|invitation| Waiting {
                email: invitation.email.to_string(),
                words: member_words(invitation.role),
                expires: local.day(invitation.expires_at),
                id: invitation.public_id,
            })
            .collect(),
        inverters,
        sites: sites
            .into_iter()
            .map(|site| {
                let sub = if site.address.is_empty() { site.time_zone } else { site.address };
                (site.public_id, site.name, sub)
            })
            .collect(),
        zones: zones::all(),
    })
}

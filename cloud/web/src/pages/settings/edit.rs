//! `GET` and `POST /inverters/{id}/settings`: name, place, site, how long it must hold, by which rules its tests are judged.

use askama::Template;
use axum::extract::{Path, Query, Request, State};
use axum::response::{Html, Redirect};
use fleet::audit::Verb;
use fleet::screen::DEFAULT_REQUIRED_MINUTES;
use fleet::self_test::{RULE_SETS, RuleSet};
use fleet::{Action, InverterKey, InverterState, MemberRole};
use serde::Deserialize;
use store::state::InverterEdit;

use super::super::notice::After;
use super::super::organizations::named;
use super::super::people::failed;
use super::super::people::list::title;
use super::super::shell::Shell;
use super::super::site;
use super::super::{form, html};
use crate::caller::Caller;
use crate::sign_in::{act, fresh};
use crate::{Context, Error, access, journaled};

#[derive(Template)]
#[template(path = "settings.html")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    id: String,
    title: String,
    name: String,
    place: String,
    /// Minutes.
    required: u32,
    most_minutes: u32,
    /// Name, where it is written, chosen.
    rule_sets: Vec<(&'static str, &'static str, bool)>,
    /// Id, name, chosen.
    sites: Vec<(String, String, bool)>,
    /// Code and name of each organization that it can be handed over to.
    organizations: Vec<(String, String)>,
    /// The reader has a grant of their own.
    own: bool,
}

/// The form.
#[derive(Deserialize)]
struct Typed {
    name: String,
    #[serde(default)]
    place: String,
    #[serde(default)]
    site: String,
    /// Empty or missing: as it is.
    #[serde(default)]
    required: String,
    /// Name of a rule set; empty or missing: as it is.
    #[serde(default)]
    rules: String,
}

/// No emergency light has to burn for longer than a day.
const MOST_MINUTES: u32 = 1_440;

/// `GET /inverters/{id}/settings`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    Query(after): Query<After>,
) -> Result<Html<String>, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Edit).await?;
    let works = access::organizations(&context, &caller).await?;
    let works = works.into_iter().filter(|(_, role)| *role >= MemberRole::Member);
    let sites = site::choices(&context, &caller, &row).await?;
    let chosen = row.inverter.site;
    let judged_by = rule_set(&context, row.inverter.key);
    html(&Page {
        shell: Shell::new(&caller, context.now(), None, "/inverters"),
        said: after.said(),
        title: title(&row),
        own: row.held.iter().any(|held| held.grant.holder == caller.account.key.into()),
        name: row.inverter.name,
        place: row.inverter.place,
        required: row.inverter.required_minutes.unwrap_or(DEFAULT_REQUIRED_MINUTES),
        most_minutes: MOST_MINUTES,
        rule_sets: RULE_SETS.iter().map(|set| (set.name, set.source, set.code == judged_by.code)).collect(),
        sites: sites.into_iter().map(|site| (site.public_id, site.name, chosen == Some(site.key))).collect(),
        organizations: works.map(|(own, _)| (own.public_id, own.name)).collect(),
        id,
    })
}

/// `POST /inverters/{id}/settings`
pub async fn submit(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Redirect, Error> {
    let row = access::inverter(&context, &caller, &id, Action::Edit).await?;
    fresh::require(&context, &caller)?;
    let typed: Typed = form(request, "the fields name, place, required, rules and site").await?;
    let sites = site::choices(&context, &caller, &row).await?;
    let site = if typed.site.is_empty() {
        None
    } else {
        let chosen = sites.into_iter().find(|site| site.public_id == typed.site);
        Some(chosen.ok_or_else(|| Error::Request("Choose a site of the list.".to_owned()))?.key)
    };
    let required = minutes(&typed.required)?;
    let judge_by = match typed.rules.as_str() {
        "" => None,
        name => Some(
            RuleSet::from_name(name).ok_or_else(|| Error::Request("Choose rules of the list.".to_owned()))?,
        ),
    };
    let name = named(&typed.name).unwrap_or_default();
    let edit = InverterEdit {
        name: Some(name.clone()),
        place: Some(named(&typed.place).unwrap_or_default()),
        site: Some(site),
        // The inverter's owner in the pipeline is told of it by the server.
        required_minutes: required.map(Some),
        ..InverterEdit::default()
    };
    let act = act::of(&context, &caller, Verb::InverterEdit)?.on_inverter(row.inverter.key).with_detail(name);
    context.state().edit_inverter(row.inverter.key, edit, &act).await.map_err(failed("save settings"))?;
    if let Some(set) = judge_by.filter(|set| set.code != rule_set(&context, row.inverter.key).code) {
        let shown = |state: &InverterState| state.rules.rule_set().code == set.code;
        let act = fleet::Act::JudgeBy { rule_set: Some(set.code) };
        journaled::act(&context, &[row.inverter.key], &act, shown).await?;
    }
    Ok(Redirect::to(&format!("/inverters/{id}/settings?done=saved")))
}

/// By which rules its tests are judged now.
fn rule_set(context: &Context, inverter: InverterKey) -> &'static RuleSet {
    context.live().state(inverter).unwrap_or_default().rules.rule_set()
}

/// How long it must hold, where that was typed.
fn minutes(typed: &str) -> Result<Option<u32>, Error> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    let minutes = typed.trim().parse().ok().filter(|minutes| (1..=MOST_MINUTES).contains(minutes));
    minutes.map(Some).ok_or_else(|| {
        Error::Request(format!("Write how long it must hold as minutes from 1 to {MOST_MINUTES}."))
    })
}

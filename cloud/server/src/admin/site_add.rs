//! `admin site add`: a place where inverters stand.
//!
//! In: name, time zone, address, the organization that it belongs to. Out: a row, new or changed.

use anyhow::{Context, bail};
use fleet::Holder;
use fleet::audit::Verb;
use store::state::{NewSite, StateStore};
use wire::UtcMs;

use super::{act, secret};

/// Makes or changes the site.
///
/// # Errors
/// The time zone is not one, there is no such organization, or the store failed.
pub async fn run(
    name: &str,
    time_zone: &str,
    address: &str,
    organization: Option<&str>,
    state: &StateStore,
    now: UtcMs,
) -> anyhow::Result<()> {
    jiff::tz::TimeZone::get(time_zone).with_context(|| {
        format!("{time_zone:?} is not an IANA time zone; write for example America/Chicago")
    })?;
    let owner = match organization {
        None => None,
        Some(code) => match state.organization(code).await? {
            Some(organization) => Some(organization.key.into()),
            None => {
                bail!("there is no organization {code}. List them: inverter-connect admin organization list")
            }
        },
    };
    let public_id = &secret::public_id()?;
    let site = NewSite { public_id, owner, name, address, time_zone };
    let known = state.site_by_name(owner, name).await?;
    let verb = if known.is_some() { Verb::SiteEdit } else { Verb::SiteAdd };
    let act = act::on_the_command_line(verb, now)?.with_detail(name);
    let act = match owner {
        Some(Holder::Organization(key)) => act.in_organization(key),
        _ => act,
    };
    match known {
        Some(known) => state.update_site(known.key, site, &act).await?,
        None => state.add_site(site, &act).await.map(drop)?,
    }
    println!("{name}: site in {time_zone}");
    Ok(())
}

//! `admin site add`: a place where inverters stand.
//!
//! In: name, time zone, address, the organization that it belongs to. Out: a row, new or changed.

use anyhow::{Context, bail};
use store::state::{NewSite, StateStore};

use super::secret;

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
    state.upsert_site(NewSite { public_id, owner, name, address, time_zone }).await?;
    println!("{name}: site in {time_zone}");
    Ok(())
}

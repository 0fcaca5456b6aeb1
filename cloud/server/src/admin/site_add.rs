//! `admin site add`: a place where inverters stand.
//!
//! In: name, time zone, address. Out: a row, new or changed.

use anyhow::Context;
use store::state::{NewSite, StateStore};

use super::secret;

/// Makes or changes the site.
///
/// # Errors
/// The time zone is not one, or the store failed.
pub async fn run(name: &str, time_zone: &str, address: &str, state: &StateStore) -> anyhow::Result<()> {
    jiff::tz::TimeZone::get(time_zone).with_context(|| {
        format!("{time_zone:?} is not an IANA time zone; write for example America/Chicago")
    })?;
    let public_id = &secret::public_id()?;
    state.upsert_site(NewSite { public_id, name, address, time_zone }).await?;
    println!("{name}: site in {time_zone}");
    Ok(())
}

//! `admin allow`, `admin disallow`, `admin allow-list`: who may register.
//!
//! In: an address; who verified the customer, how, when. Out: rows, each change written to the audit log.

use anyhow::bail;
use clap::Args;
use fleet::audit::Verb;
use store::state::{AllowedFilter, AllowedStanding, Email, NewAllowed, StateStore};
use wire::UtcMs;

use super::act::on_the_command_line;
use super::evidence::Evidence;

/// `admin allow`
#[derive(Debug, Args)]
pub struct Arguments {
    /// The address.
    #[arg(value_parser = super::email)]
    email: Email,
    /// Who verified the customer.
    #[arg(long, value_name = "WHO")]
    verified_by: String,
    /// How, for the next operator: the order that they named, the number that was called back.
    #[arg(long, value_name = "TEXT")]
    note: String,
    /// Whose customer it is.
    #[arg(long, default_value = "")]
    company: String,
    /// The day on which they did, `YYYY-MM-DD`; today unless set.
    #[arg(long, value_name = "DATE")]
    verified_on: Option<String>,
}

/// Puts an address on the list.
///
/// # Errors
/// Something is missing, or the store failed.
pub async fn add(arguments: Arguments, state: &StateStore, now: UtcMs) -> anyhow::Result<()> {
    let Arguments { email, verified_by, note, company, verified_on } = arguments;
    let evidence = Evidence::new(&verified_by, ("--note", &note), verified_on.as_deref(), now)?;
    let act = on_the_command_line(Verb::AllowAdd, now)?.with_detail(format!("{email}, {evidence}"));
    let Evidence { by, at, how, .. } = &evidence;
    let new = NewAllowed {
        email: &email,
        company: company.trim(),
        verified_by: by,
        verified_at: *at,
        note: how,
        added_at: now,
    };
    state.allow(new, &act).await?;
    println!("{email}: may register");
    Ok(())
}

/// Takes an address off the list.
///
/// # Errors
/// It is not on it, or the store failed.
pub async fn remove(email: &Email, state: &StateStore, now: UtcMs) -> anyhow::Result<()> {
    let act = on_the_command_line(Verb::AllowRemove, now)?.with_detail(email.to_string());
    if !state.disallow(email, now, &act).await? {
        bail!("{email} is not on the allow-list");
    }
    println!("{email}: may register no more. An account that it has goes on");
    Ok(())
}

/// Prints the list, the newest change first.
///
/// # Errors
/// The store failed.
pub async fn list(search: &str, state: &StateStore, now: UtcMs) -> anyhow::Result<()> {
    let filter = AllowedFilter { search, standing: None };
    let (entries, _) = state.allow_list(filter, now, 0, u64::from(u32::MAX)).await?;
    for entry in entries {
        let standing = AllowedStanding::TABLE.iter().find(|(standing, _)| *standing == entry.standing);
        let standing = standing.map_or("", |(_, name)| name);
        let day: String = entry.verified_at.to_rfc3339().chars().take(10).collect();
        println!(
            "{} {standing} {:?} {day} {:?} {:?}",
            entry.email, entry.company, entry.verified_by, entry.note
        );
    }
    Ok(())
}

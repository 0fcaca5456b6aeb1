//! `admin grant add`: lets an account see an inverter, or see and manage it.
//!
//! In: address, serial number, role. Out: a row in place of the account's earlier one on that inverter.

use anyhow::{Context, bail};
use fleet::{AccountKey, Grant, Role};
use store::state::{Email, StateStore};
use wire::{Serial, UtcMs};

/// Grants.
///
/// # Errors
/// There is no such account or inverter, or the store failed.
pub async fn run(
    email: &Email,
    serial: Serial,
    role: &str,
    state: &StateStore,
    now: UtcMs,
) -> anyhow::Result<()> {
    let role =
        Role::from_name(role).with_context(|| format!("{role:?} is neither read-only nor read-write"))?;
    let account = account(email, state).await?;
    let Some(inverter) = state.inverter_by_serial(serial).await? else {
        bail!("there is no inverter {serial}. Register it first: inverter-connect admin device add {serial}");
    };
    state.set_grant(Grant { account, inverter: inverter.key, role, ends: None }, now).await?;
    println!("{}: {} on {serial}", email.as_str(), role.name());
    Ok(())
}

/// The account of an address, or what to do.
pub(super) async fn account(email: &Email, state: &StateStore) -> anyhow::Result<AccountKey> {
    match state.account_by_email(email).await? {
        Some(account) => Ok(account.key),
        None => {
            let email = email.as_str();
            bail!("there is no account {email}. Make it first: inverter-connect admin account add {email}")
        }
    }
}

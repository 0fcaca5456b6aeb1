//! `admin grant add`: lets an account or an organization see an inverter, or see and manage it.
//!
//! In: address or organization's code, serial number, role. Out: a row in place of the holder's earlier one on that
//! inverter.

use anyhow::{Context, bail};
use fleet::audit::Verb;
use fleet::{AccountKey, Grant, Holder, Role};
use store::state::{Email, StateStore};
use wire::{Serial, UtcMs};

use super::act;

/// Grants.
///
/// # Errors
/// There is no such account, organization or inverter, or the store failed.
pub async fn run(
    holder: &str,
    serial: Serial,
    role: &str,
    state: &StateStore,
    now: UtcMs,
) -> anyhow::Result<()> {
    let role =
        Role::from_name(role).with_context(|| format!("{role:?} is neither read-only nor read-write"))?;
    let holder_key = self::holder(holder, state).await?;
    let Some(inverter) = state.inverter_by_serial(serial).await? else {
        bail!("there is no inverter {serial}. Register it first: inverter-connect admin device add {serial}");
    };
    let act = act::on_the_command_line(Verb::ShareGrant, now)?.on_inverter(inverter.key);
    let act = match holder_key {
        Holder::Account(key) => act.of_account(key),
        Holder::Organization(key) => act.in_organization(key),
    };
    let grant = Grant { holder: holder_key, inverter: inverter.key, role, ends: None };
    state.set_grant(grant, &act.with_detail(role.name())).await?;
    println!("{holder}: {} on {serial}", role.name());
    Ok(())
}

/// The account of an address or the organization of a code, or what to do.
async fn holder(text: &str, state: &StateStore) -> anyhow::Result<Holder> {
    if text.contains('@') {
        return Ok(account(&Email::parse(text)?, state).await?.into());
    }
    match state.organization(text).await? {
        Some(organization) => Ok(organization.key.into()),
        None => bail!("there is no organization {text}. List them: inverter-connect admin organization list"),
    }
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

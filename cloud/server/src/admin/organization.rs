//! `admin organization add`, `member` and `list`.
//!
//! In: a name; a code with an address and a role. Out: rows, and lines with the code that names an organization
//! elsewhere.

use anyhow::{Context, bail};
use fleet::audit::Verb;
use fleet::{MemberRole, Membership};
use store::state::{Email, NewOrganization, StateStore};
use wire::UtcMs;

use super::{act, grant_add};

/// Makes an organization and prints its code. With an owner's address that account is its first owner.
///
/// # Errors
/// The owner has no account, or the store failed.
pub async fn add(name: &str, owner: Option<&Email>, state: &StateStore, now: UtcMs) -> anyhow::Result<()> {
    let owner = match owner {
        Some(email) => Some(grant_add::account(email, state).await?),
        None => None,
    };
    let code = web::organization_code()?;
    let new = NewOrganization { public_id: &code, name, owner };
    state.create_organization(new, act::on_the_command_line(Verb::OrganizationAdd, now)?).await?;
    println!("{code} {name}");
    Ok(())
}

/// Makes an account a member, or changes its role.
///
/// # Errors
/// There is no such organization, account or role, it would take the last owner, or the store failed.
pub async fn member(
    code: &str,
    email: &Email,
    role: &str,
    state: &StateStore,
    now: UtcMs,
) -> anyhow::Result<()> {
    let role = MemberRole::from_name(role)
        .with_context(|| format!("{role:?} is none of viewer, member and owner"))?;
    let Some(organization) = state.organization(code).await? else {
        bail!("there is no organization {code}. List them: inverter-connect admin organization list");
    };
    let account = grant_add::account(email, state).await?;
    let act = act::on_the_command_line(Verb::MemberRole, now)?
        .of_account(account)
        .in_organization(organization.key)
        .with_detail(role.name());
    state.set_member(Membership { organization: organization.key, account, role }, &act).await?;
    println!("{email}: {} of {}", role.name(), organization.name);
    Ok(())
}

/// Lists organizations with how many members and inverters each has.
///
/// # Errors
/// The store failed.
pub async fn list(state: &StateStore) -> anyhow::Result<()> {
    for organization in state.organizations().await? {
        let members = state.members(organization.key).await?.len();
        let inverters = state.grants_of(organization.key).await?.len();
        println!(
            "{} {} ({members} members, {inverters} inverters)",
            organization.public_id, organization.name
        );
    }
    Ok(())
}

//! Who is there to use the grants on an inverter, as rows say it within a transaction; `fleet::sharing` judges it.
//!
//! In: an inverter, an organization, an account, and who is thought away. Out: grants, each with whether somebody is
//! there to use it.

use std::collections::{BTreeSet, HashSet};

use fleet::sharing::{Manned, Refusal, keep_manager, keep_owner};
use fleet::{AccountKey, Grant, Holder, InverterKey, MemberRole, OrganizationKey};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};
use wire::UtcMs;

use super::grants::{self, on as on_inverter};
use super::members::member_role;
use super::tables::account;
use super::tables::organizations::member;
use super::{StateError, StateStore};

/// Who is thought away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Without {
    /// Nobody: as it is.
    Nothing,
    /// An account with its grants and memberships.
    Account(AccountKey),
    /// An organization with its grants.
    Organization(OrganizationKey),
}

/// The grants on an inverter.
pub(super) async fn on(
    change: &impl ConnectionTrait,
    inverter: InverterKey,
    without: Without,
) -> Result<Vec<Manned>, StateError> {
    let all = grants::find(change, on_inverter(inverter)).await?;
    let mut manned = Vec::with_capacity(all.len());
    for grant in all.into_iter().filter(|grant| !without.takes(grant)) {
        let there = match grant.holder {
            Holder::Account(key) => able(change, [key.0]).await?.contains(&key.0),
            Holder::Organization(key) => {
                members(change, key, without).await?.iter().any(|(role, able)| *able && role.manages())
            }
        };
        manned.push(Manned { grant, manned: there });
    }
    Ok(manned)
}

/// The members of an organization: role, and whether the account is not disabled.
pub(super) async fn members(
    change: &impl ConnectionTrait,
    organization: OrganizationKey,
    without: Without,
) -> Result<Vec<(MemberRole, bool)>, StateError> {
    let query = member::Entity::find().filter(member::Column::OrganizationId.eq(organization.0));
    let rows = query.all(change).await.map_err(StateError::doing("list members"))?;
    let able = able(change, rows.iter().map(|row| row.account_id)).await?;
    rows.into_iter()
        .filter(|row| without != Without::Account(AccountKey(row.account_id)))
        .map(|row| Ok((member_role(&row.role)?, able.contains(&row.account_id))))
        .collect()
}

/// What keeps an account from being deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeldBack {
    /// Nobody else can manage it.
    Inverter(InverterKey),
    /// It has no other owner.
    Organization(OrganizationKey),
}

impl HeldBack {
    fn refusal(self) -> Refusal {
        match self {
            Self::Inverter(_) => Refusal::LastManager,
            Self::Organization(_) => Refusal::LastOwner,
        }
    }
}

impl StateStore {
    /// What keeps an account from being deleted: what nobody else can manage or owns. Empty: it may go.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn held_back(&self, account: AccountKey, now: UtcMs) -> Result<Vec<HeldBack>, StateError> {
        held_back(&self.connection, account, now).await
    }
}

/// Refuses where an account's going would take the last manager or the last owner of something.
pub(super) async fn account_may_go(
    change: &impl ConnectionTrait,
    account: AccountKey,
    now: UtcMs,
) -> Result<(), StateError> {
    match held_back(change, account, now).await?.first() {
        None => Ok(()),
        Some(first) => Err(first.refusal().into()),
    }
}

async fn held_back(
    change: &impl ConnectionTrait,
    account: AccountKey,
    now: UtcMs,
) -> Result<Vec<HeldBack>, StateError> {
    let query = member::Entity::find().filter(member::Column::AccountId.eq(account.0));
    let memberships = query.all(change).await.map_err(StateError::doing("list memberships"))?;
    let (mut back, mut holders) = (Vec::new(), vec![Holder::Account(account)]);
    for row in memberships {
        let organization = OrganizationKey(row.organization_id);
        let before = members(change, organization, Without::Nothing).await?;
        let after = members(change, organization, Without::Account(account)).await?;
        if keep_owner(&before, &after).is_err() {
            back.push(HeldBack::Organization(organization));
        }
        holders.push(Holder::Organization(organization));
    }
    let mut inverters = BTreeSet::new();
    for holder in holders {
        let held = grants::find(change, grants::of(holder)).await?;
        inverters.extend(held.into_iter().map(|grant| grant.inverter));
    }
    for inverter in inverters {
        let before = on(change, inverter, Without::Nothing).await?;
        let after = on(change, inverter, Without::Account(account)).await?;
        if keep_manager(&before, &after, now).is_err() {
            back.push(HeldBack::Inverter(inverter));
        }
    }
    Ok(back)
}

/// Refuses where one of the inverters would lose its last manager.
pub(super) async fn all_keep_managers(
    change: &impl ConnectionTrait,
    inverters: impl IntoIterator<Item = InverterKey>,
    without: Without,
    now: UtcMs,
) -> Result<(), StateError> {
    for inverter in inverters {
        let before = on(change, inverter, Without::Nothing).await?;
        keep_manager(&before, &on(change, inverter, without).await?, now)?;
    }
    Ok(())
}

/// Of these accounts, those that are not disabled.
async fn able(
    change: &impl ConnectionTrait,
    keys: impl IntoIterator<Item = i64>,
) -> Result<HashSet<i64>, StateError> {
    let wanted =
        Condition::all().add(account::Column::Id.is_in(keys)).add(account::Column::Disabled.eq(false));
    let query = account::Entity::find().filter(wanted);
    let rows = query.all(change).await.map_err(StateError::doing("look up accounts"))?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

impl Without {
    fn takes(self, grant: &Grant) -> bool {
        match self {
            Self::Nothing => false,
            Self::Account(key) => grant.holder == Holder::Account(key),
            Self::Organization(key) => grant.holder == Holder::Organization(key),
        }
    }
}

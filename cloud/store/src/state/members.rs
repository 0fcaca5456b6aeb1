//! Members of organizations.
//!
//! In: an organization, an account, a role. Out: memberships. The last owner stays; `fleet::sharing` says so.

use fleet::sharing::keep_owner;
use fleet::{AccountKey, MemberRole, Membership, OrganizationKey};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, JoinType, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use wire::UtcMs;

use super::manned::{self, Without};
use super::tables::account;
use super::tables::organizations::member::{ActiveModel, Column, Entity, Model};
use super::tables::organizations::organization;
use super::{Account, Act, Organization, StateError, StateStore, audit, grants, ladders};

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub account: Account,
    /// What for.
    pub role: MemberRole,
    /// Since when.
    pub joined_at: UtcMs,
}

/// How many organizations an account owns, within the caller's transaction.
pub(super) async fn owned(change: &impl ConnectionTrait, account: AccountKey) -> Result<u64, DbErr> {
    let own = Entity::find().filter(Column::AccountId.eq(account.0));
    own.filter(Column::Role.eq(MemberRole::Owner.name())).count(change).await
}

/// Writes a membership within the caller's transaction, in place of an earlier one.
pub(super) async fn write(
    change: &impl ConnectionTrait,
    organization: OrganizationKey,
    account: AccountKey,
    role: MemberRole,
    joined_at: UtcMs,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        organization_id: Set(organization.0),
        account_id: Set(account.0),
        role: Set(role.name().to_owned()),
        joined_at: Set(joined_at.0),
    };
    let replace = OnConflict::columns([Column::OrganizationId, Column::AccountId])
        .update_column(Column::Role)
        .to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(change).await?;
    Ok(())
}

impl StateStore {
    /// Makes an account a member, or changes its role.
    ///
    /// # Errors
    /// [`StateError::Refused`] where the last owner would be none any more, [`StateError::Database`].
    pub async fn set_member(&self, membership: Membership, act: &Act) -> Result<(), StateError> {
        const DOING: &str = "write the membership";
        let Membership { organization, account, role } = membership;
        let change = self.begin_change(DOING).await?;
        let before = manned::members(&change, organization, Without::Nothing).await?;
        write(&change, organization, account, role, act.at()).await.map_err(StateError::doing(DOING))?;
        keep_owner(&before, &manned::members(&change, organization, Without::Nothing).await?)?;
        audit::append(&change, act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await
    }

    /// Takes an account out of an organization. Whether it was a member.
    ///
    /// # Errors
    /// [`StateError::Refused`] for the last owner, or where nobody would be left to manage an inverter;
    /// [`StateError::Database`].
    pub async fn remove_member(
        &self,
        organization: OrganizationKey,
        account: AccountKey,
        act: &Act,
    ) -> Result<bool, StateError> {
        const DOING: &str = "remove the member";
        let change = self.begin_change(DOING).await?;
        let before = manned::members(&change, organization, Without::Nothing).await?;
        let after = manned::members(&change, organization, Without::Account(account)).await?;
        keep_owner(&before, &after)?;
        // With an owner left the organization still manages all that it did.
        if !after.iter().any(|(role, able)| *able && role.manages()) {
            let held = grants::find(&change, grants::of(organization.into())).await?;
            let inverters = held.into_iter().map(|grant| grant.inverter);
            let without = Without::Organization(organization);
            manned::all_keep_managers(&change, inverters, without, act.at()).await?;
        }
        let delete = Entity::delete_by_id((organization.0, account.0)).exec(&change);
        if delete.await.map_err(StateError::doing(DOING))?.rows_affected == 0 {
            return Ok(false);
        }
        let forgotten = ladders::forget_member(&change, organization, account).await;
        forgotten.map_err(StateError::doing(DOING))?;
        audit::append(&change, act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await?;
        Ok(true)
    }

    /// An organization's members, by address.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn members(&self, organization: OrganizationKey) -> Result<Vec<Member>, StateError> {
        let to_account = Entity::belongs_to(account::Entity).from(Column::AccountId).to(account::Column::Id);
        let query = Entity::find()
            .join(JoinType::InnerJoin, to_account.into())
            .select_also(account::Entity)
            .filter(Column::OrganizationId.eq(organization.0))
            .order_by_asc(account::Column::Email);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list members"))?;
        rows.into_iter().filter_map(|(row, account)| Some(Member::from_rows(row, account?))).collect()
    }

    /// An account's organizations with its role in each, by name.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn organizations_of(
        &self,
        account: AccountKey,
    ) -> Result<Vec<(Organization, MemberRole)>, StateError> {
        let to = Entity::belongs_to(organization::Entity)
            .from(Column::OrganizationId)
            .to(organization::Column::Id);
        let query = Entity::find()
            .join(JoinType::InnerJoin, to.into())
            .select_also(organization::Entity)
            .filter(Column::AccountId.eq(account.0))
            .order_by_asc(organization::Column::Name)
            .order_by_asc(organization::Column::Id);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list organizations"))?;
        rows.into_iter()
            .filter_map(|(row, organization)| Some((row, organization?)))
            .map(|(row, organization)| Ok((Organization::from_row(organization), member_role(&row.role)?)))
            .collect()
    }
}

impl Member {
    fn from_rows(row: Model, account: account::Model) -> Result<Self, StateError> {
        Ok(Self {
            account: Account::from_row(account)?,
            role: member_role(&row.role)?,
            joined_at: UtcMs(row.joined_at),
        })
    }
}

/// A role column as a role.
pub(super) fn member_role(name: &str) -> Result<MemberRole, StateError> {
    MemberRole::from_name(name).ok_or_else(|| StateError::Row {
        table: "members",
        column: "role",
        value: name.to_owned(),
    })
}

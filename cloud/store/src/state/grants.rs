//! Grants: which account or organization may do what with which inverter.
//!
//! In and out: [`fleet::Grant`], which `fleet::authorize` judges. One per holder and inverter. What takes access away
//! asks `fleet::sharing` in its own transaction whether somebody is left who can manage.

use fleet::sharing::keep_manager;
use fleet::{AccountKey, Grant, Holder, InverterKey, OrganizationKey, Role};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait,
    QueryFilter, QueryOrder,
};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::manned::{self, Without};
use super::sites::columns;
use super::tables::grant::{ActiveModel, Column, Entity, Model};
use super::{Act, StateError, StateStore, audit};

/// Writes a grant within the caller's transaction, in place of the holder's earlier one on the same inverter. What is held all along counts from
/// where it began: a logbook has held the inverter's records since then.
pub(super) async fn write(
    change: &impl ConnectionTrait,
    grant: Grant,
    granted_at: UtcMs,
) -> Result<(), DbErr> {
    let (account_id, organization_id) = columns(Some(grant.holder));
    let row = ActiveModel {
        id: NotSet,
        inverter_id: Set(i64::from(grant.inverter.0)),
        account_id: Set(account_id),
        organization_id: Set(organization_id),
        role: Set(grant.role.name().to_owned()),
        granted_at: Set(granted_at.0),
        ends_at: Set(grant.ends.map(|t| t.0)),
        critical_by_email: Set(true),
    };
    let holder = if account_id.is_some() { Column::AccountId } else { Column::OrganizationId };
    let replace = OnConflict::columns([Column::InverterId, holder])
        .value(
            Column::GrantedAt,
            Expr::cust(
                "CASE WHEN grants.role = excluded.role AND (grants.ends_at IS NULL OR grants.ends_at > excluded.granted_at) \
                 THEN grants.granted_at ELSE excluded.granted_at END",
            ),
        )
        .update_columns([Column::Role, Column::EndsAt])
        .to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(change).await?;
    Ok(())
}

impl StateStore {
    /// Gives a grant, replacing the holder's earlier one on the same inverter.
    ///
    /// # Errors
    /// [`StateError::Refused`] where it would take the last who can manage, [`StateError::Database`], also where holder
    /// or inverter do not exist.
    pub async fn set_grant(&self, grant: Grant, act: &Act) -> Result<(), StateError> {
        const DOING: &str = "write the grant";
        let change = self.begin_change(DOING).await?;
        let before = manned::on(&change, grant.inverter, Without::Nothing).await?;
        write(&change, grant, act.at()).await.map_err(StateError::doing(DOING))?;
        let after = manned::on(&change, grant.inverter, Without::Nothing).await?;
        keep_manager(&before, &after, act.at())?;
        audit::append(&change, act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await
    }

    /// Takes a grant away. Whether there was one.
    ///
    /// # Errors
    /// [`StateError::Refused`] where it is the last that manages, [`StateError::Database`].
    pub async fn remove_grant(
        &self,
        holder: Holder,
        inverter: InverterKey,
        act: &Act,
    ) -> Result<bool, StateError> {
        const DOING: &str = "remove the grant";
        let change = self.begin_change(DOING).await?;
        let before = manned::on(&change, inverter, Without::Nothing).await?;
        let delete = Entity::delete_many().filter(of(holder)).filter(on(inverter));
        let removed = delete.exec(&change).await.map_err(StateError::doing(DOING))?.rows_affected > 0;
        if !removed {
            return Ok(false);
        }
        let after = manned::on(&change, inverter, Without::Nothing).await?;
        keep_manager(&before, &after, act.at())?;
        audit::append(&change, act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await?;
        Ok(true)
    }

    /// A holder's grants, ended ones too.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn grants_of(&self, holder: impl Into<Holder>) -> Result<Vec<Grant>, StateError> {
        find(&self.connection, of(holder.into())).await
    }

    /// The grants on an inverter, ended ones too.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn grants_on_inverter(&self, inverter: InverterKey) -> Result<Vec<Grant>, StateError> {
        find(&self.connection, on(inverter)).await
    }
}

/// Grants, by inverter, then accounts before organizations.
pub(super) async fn find(
    connection: &impl ConnectionTrait,
    which: Condition,
) -> Result<Vec<Grant>, StateError> {
    let query = Entity::find()
        .filter(which)
        .order_by_asc(Column::InverterId)
        .order_by_asc(Column::OrganizationId)
        .order_by_asc(Column::AccountId);
    let rows = query.all(connection).await.map_err(StateError::doing("list grants"))?;
    rows.into_iter().map(grant).collect()
}

/// The grants of a holder.
pub(super) fn of(holder: Holder) -> Condition {
    Condition::all().add(match holder {
        Holder::Account(key) => Column::AccountId.eq(key.0),
        Holder::Organization(key) => Column::OrganizationId.eq(key.0),
    })
}

/// The grants on an inverter.
pub(super) fn on(inverter: InverterKey) -> Condition {
    Condition::all().add(Column::InverterId.eq(i64::from(inverter.0)))
}

/// A row as a grant.
pub(super) fn grant(row: Model) -> Result<Grant, StateError> {
    let account = row.account_id.map(AccountKey).map(Holder::Account);
    let holder = account.or(row.organization_id.map(OrganizationKey).map(Holder::Organization));
    Ok(Grant {
        holder: holder.ok_or_else(|| StateError::Row {
            table: "grants",
            column: "account_id",
            value: "no holder".to_owned(),
        })?,
        inverter: inverter_key(row.inverter_id)?,
        role: role(&row.role)?,
        ends: row.ends_at.map(UtcMs),
    })
}

/// A role column as a role.
pub(super) fn role(name: &str) -> Result<Role, StateError> {
    Role::from_name(name).ok_or_else(|| StateError::Row {
        table: "grants",
        column: "role",
        value: name.to_owned(),
    })
}

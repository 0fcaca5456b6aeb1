//! Grants: which account may do what with which inverter.
//!
//! In and out: [`fleet::Grant`], which `fleet::authorize` judges. One per account and inverter.

use fleet::{AccountKey, Grant, InverterKey, Role};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder,
};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::tables::grant::{ActiveModel, Column, Entity, Model};
use super::{StateError, StateStore};

impl StateStore {
    /// Gives a grant, replacing the account's earlier one on the same inverter.
    ///
    /// # Errors
    /// [`StateError::Database`], also where account or inverter do not exist.
    pub async fn set_grant(&self, grant: Grant, granted_at: UtcMs) -> Result<(), StateError> {
        const DOING: &str = "write the grant";
        let change = self.begin_change(DOING).await?;
        let row = ActiveModel {
            id: NotSet,
            inverter_id: Set(i64::from(grant.inverter.0)),
            account_id: Set(Some(grant.account.0)),
            role: Set(grant.role.name().to_owned()),
            granted_at: Set(granted_at.0),
            ends_at: Set(grant.ends.map(|t| t.0)),
        };
        let replace = OnConflict::columns([Column::InverterId, Column::AccountId])
            .update_columns([Column::Role, Column::GrantedAt, Column::EndsAt])
            .to_owned();
        let insert = Entity::insert(row).on_conflict(replace);
        insert.exec_without_returning(&change).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await
    }

    /// Takes a grant away. Whether there was one.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn remove_grant(&self, account: AccountKey, inverter: InverterKey) -> Result<bool, StateError> {
        const DOING: &str = "remove the grant";
        let change = self.begin_change(DOING).await?;
        let delete = Entity::delete_many().filter(of(account)).filter(on(inverter));
        let removed = delete.exec(&change).await.map_err(StateError::doing(DOING))?.rows_affected > 0;
        self.commit_change(change, DOING).await?;
        Ok(removed)
    }

    /// An account's grants, ended ones too.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn grants_of_account(&self, account: AccountKey) -> Result<Vec<Grant>, StateError> {
        self.find_grants(of(account)).await
    }

    /// The grants on an inverter, ended ones too.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn grants_on_inverter(&self, inverter: InverterKey) -> Result<Vec<Grant>, StateError> {
        self.find_grants(on(inverter)).await
    }

    async fn find_grants(&self, which: Condition) -> Result<Vec<Grant>, StateError> {
        let query =
            Entity::find().filter(which).order_by_asc(Column::InverterId).order_by_asc(Column::AccountId);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list grants"))?;
        rows.into_iter().filter_map(|row| grant(row).transpose()).collect()
    }
}

fn of(account: AccountKey) -> Condition {
    Condition::all().add(Column::AccountId.eq(account.0))
}

fn on(inverter: InverterKey) -> Condition {
    Condition::all().add(Column::InverterId.eq(i64::from(inverter.0)))
}

fn grant(row: Model) -> Result<Option<Grant>, StateError> {
    let Some(account) = row.account_id else { return Ok(None) };
    Ok(Some(Grant {
        account: AccountKey(account),
        inverter: inverter_key(row.inverter_id)?,
        role: role(&row.role)?,
        ends: row.ends_at.map(UtcMs),
    }))
}

/// A role column as a role.
pub(super) fn role(name: &str) -> Result<Role, StateError> {
    Role::from_name(name).ok_or_else(|| StateError::Row {
        table: "grants",
        column: "role",
        value: name.to_owned(),
    })
}

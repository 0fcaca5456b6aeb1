//! What people want to be told, by which ways.
//!
//! In and out: [`Preferences`], one row an account; without a row the default holds.

use fleet::AccountKey;
use fleet::notice::Preferences;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait};

use super::tables::incidents::preference::{ActiveModel, Column, Entity, Model};
use super::{Act, StateError, StateStore, audit, calendar};

impl StateStore {
    /// What an account wants to be told; the default where it never said.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn preferences(&self, account: AccountKey) -> Result<Preferences, StateError> {
        let row = Entity::find_by_id(account.0).one(&self.connection).await;
        let row = row.map_err(StateError::doing("look up what somebody wants to be told"))?;
        row.as_ref().map_or_else(|| Ok(Preferences::default()), of)
    }

    /// Changes what an account wants to be told.
    ///
    /// # Errors
    /// [`StateError::Database`], also where there is no such account.
    pub async fn set_preferences(
        &self,
        account: AccountKey,
        preferences: &Preferences,
        act: &Act,
    ) -> Result<(), StateError> {
        const DOING: &str = "change what somebody wants to be told";
        let change = self.begin_change(DOING).await?;
        let row = ActiveModel { account_id: Set(account.0), preferences: Set(preferences.to_bytes()) };
        let replace = OnConflict::column(Column::AccountId).update_column(Column::Preferences).to_owned();
        let insert = Entity::insert(row).on_conflict(replace).exec_without_returning(&change);
        insert.await.map_err(StateError::doing(DOING))?;
        calendar::look_again(&change, account, act.at()).await.map_err(StateError::doing(DOING))?;
        audit::append(&change, act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await
    }
}

/// A row as preferences.
pub(super) fn of(row: &Model) -> Result<Preferences, StateError> {
    Preferences::from_bytes(&row.preferences).map_err(|error| StateError::Row {
        table: "preferences",
        column: "preferences",
        value: format!("{error} of account {}", row.account_id),
    })
}

//! Settings: named texts that are changed while the server runs.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait};

use super::tables::setting::{ActiveModel, Column, Entity};
use super::{StateError, StateStore};

impl StateStore {
    /// The setting of a name.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StateError> {
        let row = Entity::find_by_id(name).one(&self.connection).await;
        Ok(row.map_err(StateError::doing("read a setting"))?.map(|row| row.value))
    }

    /// Writes a setting.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<(), StateError> {
        const DOING: &str = "write a setting";
        let change = self.begin_change(DOING).await?;
        let row = ActiveModel { name: Set(name.to_owned()), value: Set(value.to_owned()) };
        let replace = OnConflict::column(Column::Name).update_column(Column::Value).to_owned();
        let insert = Entity::insert(row).on_conflict(replace);
        insert.exec_without_returning(&change).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await
    }
}

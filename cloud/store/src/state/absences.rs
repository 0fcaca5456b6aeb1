//! When the service itself was away, for whoever asks how well something was watched.
//!
//! In: from when to when, noted at each start. Out: the same. Kept for as long as readings are.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use wire::UtcMs;

use super::tables::calendar::absence::{ActiveModel, Column, Entity};
use super::{StateError, StateStore};

impl StateStore {
    /// Nobody watched from `from` to `to`.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn note_absence(&self, from: UtcMs, to: UtcMs) -> Result<(), StateError> {
        let row = ActiveModel { from_at: Set(from.0), to_at: Set(to.0) };
        // Killed again before it had watched anything, it was away for longer.
        let longer = OnConflict::column(Column::FromAt).update_column(Column::ToAt).to_owned();
        let insert = Entity::insert(row).on_conflict(longer).exec_without_returning(&self.connection);
        insert.await.map(drop).map_err(StateError::doing("note that the service was away"))
    }

    /// When nobody watched, of what ended after `since`; the oldest first.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn absences(&self, since: UtcMs) -> Result<Vec<(UtcMs, UtcMs)>, StateError> {
        let query = Entity::find().filter(Column::ToAt.gt(since.0)).order_by_asc(Column::FromAt);
        let rows = query.all(&self.connection).await;
        let rows = rows.map_err(StateError::doing("list when the service was away"))?;
        Ok(rows.into_iter().map(|row| (UtcMs(row.from_at), UtcMs(row.to_at))).collect())
    }

    /// Forgets absences that ended before `before`. How many.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn delete_absences_before(&self, before: UtcMs) -> Result<u64, StateError> {
        let old = Entity::delete_many().filter(Column::ToAt.lt(before.0)).exec(&self.connection).await;
        Ok(old.map_err(StateError::doing("forget when the service was away"))?.rows_affected)
    }
}

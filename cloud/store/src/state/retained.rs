//! Thirty days, for the state store: the sweep, and the instant that it goes by.
//!
//! In: now, which the caller has checked. Out: what is older than it may be is overwritten, in the database and in its WAL.
//! What goes how is said by the registry, [`crate::retention`], which this walks.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait};
use wire::UtcMs;

use super::tables::retention::clock::{ActiveModel, Column, Entity};
use super::{Act, StateError, StateStore, audit, connect};
use crate::retention::{Goes, PLACES};

/// The only row.
const CLOCK: i64 = 0;

impl StateStore {
    /// Forgets whatever the registry says is too old at `now`, then empties the WAL, in which it stands as it was. How many
    /// rows. What failed is tried again with the next call; the rest goes all the same.
    ///
    /// # Errors
    /// [`StateError::Database`], the first; also where readers kept the WAL from being emptied.
    pub async fn sweep(&self, now: UtcMs) -> Result<u64, StateError> {
        let (mut rows, mut failed) = (0, None);
        for place in PLACES {
            if let Goes::Rows(forget) = place.goes {
                match forget(self, now).await {
                    Ok(gone) => rows += gone,
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
        }
        connect::empty_wal(&self.connection).await?;
        failed.map_or(Ok(rows), Err)
    }

    /// The last instant that was believed; none in a new store.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn kept_clock(&self) -> Result<Option<UtcMs>, StateError> {
        let row = Entity::find_by_id(CLOCK).one(&self.connection).await;
        Ok(row.map_err(StateError::doing("read the clock"))?.map(|row| UtcMs(row.kept_at)))
    }

    /// Notes that `now` was believed.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn keep_clock(&self, now: UtcMs) -> Result<(), StateError> {
        keep(&self.connection, now).await.map_err(StateError::doing("keep the clock"))
    }

    /// An operator says that the clock is right: what is old at the act's instant may go.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn confirm_clock(&self, act: &Act) -> Result<(), StateError> {
        let doing = StateError::doing("confirm the clock");
        let change = connect::begin(&self.connection).await.map_err(&doing)?;
        keep(&change, act.at()).await.map_err(&doing)?;
        audit::append(&change, act).await.map_err(&doing)?;
        change.commit().await.map_err(&doing)
    }
}

async fn keep(connection: &impl ConnectionTrait, now: UtcMs) -> Result<(), DbErr> {
    let row = ActiveModel { id: Set(CLOCK), kept_at: Set(now.0) };
    let replace = OnConflict::column(Column::Id).update_column(Column::KeptAt).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(connection).await?;
    Ok(())
}

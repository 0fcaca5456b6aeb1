//! Logbooks that are given up.
//!
//! In: an owner's word. Out: a logbook that is nobody's at once, and of which nothing is left soon after: its entries go some at a time, as
//! all of them in one transaction would make every other writer wait. After a kill the next look goes on.

use std::time::{Duration, Instant};

use fleet::OrganizationKey;
use sea_orm::{ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::logbook::{kept_by, none_of};
use super::tables::logbook::{book, logged, waiting};
use super::{Act, StateError, StateStore, audit, pieces};

/// So long who gives a logbook up is let wait for its end.
const A_MOMENT: Duration = Duration::from_secs(2);

impl StateStore {
    /// An organization gives its logbook up: it is nobody's from then on, and all its entries are deleted, some at a time. Where there are
    /// so many that it takes more than a moment, [`StateStore::drop_given_up`] goes on.
    ///
    /// # Errors
    /// [`StateError::NotFound`], [`StateError::Database`].
    pub async fn end_logbook(&self, organization: OrganizationKey, act: &Act) -> Result<(), StateError> {
        const DOING: &str = "delete the logbook";
        let change = self.begin_change(DOING).await?;
        let row = book::ActiveModel { given_up_at: Set(Some(act.at().0)), ..book::ActiveModel::default() };
        let update = book::Entity::update_many().set(row).filter(kept_by(organization)).exec(&change).await;
        if update.map_err(StateError::doing(DOING))?.rows_affected == 0 {
            return Err(none_of(organization));
        }
        audit::append(&change, act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await?;
        // It is given up, whatever comes of this: the next look goes on, and says what is wrong.
        self.drop_given_up(A_MOMENT).await.or(Ok(()))
    }

    /// Deletes what is left of logbooks that were given up, in pieces, so that nobody's write waits for all of it; for about as long as
    /// `patience`.
    ///
    /// # Errors
    /// [`StateError::Database`]: what is left is still known.
    pub async fn drop_given_up(&self, patience: Duration) -> Result<(), StateError> {
        let doing = StateError::doing("delete a logbook that was given up");
        let begun = Instant::now();
        let given_up = book::Entity::find()
            .select_only()
            .column(book::Column::Id)
            .filter(book::Column::GivenUpAt.is_not_null());
        let given_up: Vec<i64> = given_up.into_tuple().all(&self.connection).await.map_err(&doing)?;
        for book in given_up {
            while self.drop_piece(book).await.map_err(&doing)? {
                if begun.elapsed() > patience {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The next piece of what a logbook holds and what waits for it, or at last the logbook. Whether there is more.
    async fn drop_piece(&self, book: i64) -> Result<bool, DbErr> {
        let began = Instant::now();
        let entry = logged::Entity::find()
            .select_only()
            .column(logged::Column::Number)
            .filter(logged::Column::BookId.eq(book))
            .order_by_asc(logged::Column::Number)
            .offset(pieces::AT_ONCE - 1)
            .limit(1);
        let entry: Option<i64> = entry.into_tuple().one(&self.connection).await?;
        let waits = waiting::Entity::find()
            .select_only()
            .column(waiting::Column::Id)
            .filter(waiting::Column::BookId.eq(book))
            .limit(pieces::AT_ONCE);
        let waits: Vec<i64> = waits.into_tuple().all(&self.connection).await?;
        if entry.is_none() && (waits.len() as u64) < pieces::AT_ONCE {
            // What is left goes with it.
            book::Entity::delete_by_id(book).exec(&self.connection).await?;
            return Ok(false);
        }
        if let Some(through) = entry {
            let piece = logged::Entity::delete_many().filter(logged::Column::BookId.eq(book));
            piece.filter(logged::Column::Number.lte(through)).exec(&self.connection).await?;
        }
        let gone = waiting::Entity::delete_many().filter(waiting::Column::Id.is_in(waits));
        gone.exec(&self.connection).await?;
        pieces::rest(began).await;
        Ok(true)
    }
}

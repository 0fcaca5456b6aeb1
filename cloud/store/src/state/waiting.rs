//! What offers and invitations have in common: each waits for one answer, somebody is told of it once, and it ends.
//!
//! In: the table and the random text that names a row outside. Out: rows marked or gone. Who may answer is the rooms' own
//! business.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use wire::UtcMs;

use super::outbox::{self, NewMail};
use super::tables::organizations::{invitation, offer};
use super::{StateError, StateStore, connect};

/// A table of what waits.
pub(super) trait Waiting: EntityTrait {
    const PUBLIC_ID: Self::Column;
    const EXPIRES_AT: Self::Column;
    const TOLD_AT: Self::Column;
}

impl Waiting for offer::Entity {
    const PUBLIC_ID: offer::Column = offer::Column::PublicId;
    const EXPIRES_AT: offer::Column = offer::Column::ExpiresAt;
    const TOLD_AT: offer::Column = offer::Column::ToldAt;
}

impl Waiting for invitation::Entity {
    const PUBLIC_ID: invitation::Column = invitation::Column::PublicId;
    const EXPIRES_AT: invitation::Column = invitation::Column::ExpiresAt;
    const TOLD_AT: invitation::Column = invitation::Column::ToldAt;
}

/// It waits no more: it was answered, or taken back.
pub(super) async fn close<W: Waiting>(change: &impl ConnectionTrait, public_id: &str) -> Result<(), DbErr> {
    W::delete_many().filter(W::PUBLIC_ID.eq(public_id)).exec(change).await.map(|_| ())
}

impl StateStore {
    /// Notes that whoever it concerns was told, with the mails that tell them: none where it concerns nobody.
    pub(super) async fn told<W: Waiting>(
        &self,
        public_id: &str,
        told_at: UtcMs,
        mails: &[NewMail<'_>],
    ) -> Result<(), StateError> {
        let failed = StateError::doing("tell of what waits for an answer");
        let change = connect::begin(&self.connection).await.map_err(&failed)?;
        let told = W::update_many().col_expr(W::TOLD_AT, Expr::value(told_at.0));
        told.filter(W::PUBLIC_ID.eq(public_id)).exec(&change).await.map_err(&failed)?;
        outbox::queue_all(&change, mails).await.map_err(&failed)?;
        change.commit().await.map_err(&failed)
    }

    /// Forgets offers and invitations whose time is over. How many.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn delete_expired_offers(&self, now: UtcMs) -> Result<u64, StateError> {
        let offers = self.forget::<offer::Entity>(now).await;
        let invitations = self.forget::<invitation::Entity>(now).await;
        let failed = StateError::doing("forget offers");
        Ok(offers.map_err(&failed)? + invitations.map_err(&failed)?)
    }

    async fn forget<W: Waiting>(&self, now: UtcMs) -> Result<u64, DbErr> {
        let over = W::delete_many().filter(W::EXPIRES_AT.lte(now.0)).exec(&self.connection).await;
        over.map(|over| over.rows_affected)
    }
}

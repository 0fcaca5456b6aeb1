//! What telephones, browsers and webhooks have in common: each is an account's own, and goes with the word of it.
//!
//! In: the table, the account, the random text that names a row outside. Out: the row gone, the act in the log, letters and
//! a last message queued, all or nothing.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use fleet::AccountKey;

use super::tables::channels::{phone, push, webhook};
use super::{Act, NewMail, NewNote, StateError, StateStore, audit, notes, outbox};

/// A table of ways to people.
pub(super) trait OwnWay: EntityTrait {
    const ACCOUNT: Self::Column;
    const PUBLIC_ID: Self::Column;
}

impl OwnWay for phone::Entity {
    const ACCOUNT: phone::Column = phone::Column::AccountId;
    const PUBLIC_ID: phone::Column = phone::Column::PublicId;
}

impl OwnWay for push::Entity {
    const ACCOUNT: push::Column = push::Column::AccountId;
    const PUBLIC_ID: push::Column = push::Column::PublicId;
}

impl OwnWay for webhook::Entity {
    const ACCOUNT: webhook::Column = webhook::Column::AccountId;
    const PUBLIC_ID: webhook::Column = webhook::Column::PublicId;
}

/// What goes out when a way goes.
#[derive(Clone, Copy)]
pub(super) struct Farewell<'a> {
    /// To its owner's address.
    pub letters: &'a [NewMail<'a>],
    /// To the way itself.
    pub last: Option<&'a NewNote<'a>>,
}

impl StateStore {
    /// Removes a way of an account. Whether the account had it; `doing` names it for errors.
    pub(super) async fn remove_way<W: OwnWay>(
        &self,
        doing: &'static str,
        (account, public_id): (AccountKey, &str),
        act: &Act,
        farewell: Farewell<'_>,
    ) -> Result<bool, StateError> {
        let failed = StateError::doing(doing);
        let change = self.begin_change(doing).await?;
        let own = W::delete_many().filter(W::ACCOUNT.eq(account.0)).filter(W::PUBLIC_ID.eq(public_id));
        if own.exec(&change).await.map_err(&failed)?.rows_affected == 0 {
            return Ok(false);
        }
        audit::append(&change, act).await.map_err(&failed)?;
        outbox::queue_all(&change, farewell.letters).await.map_err(&failed)?;
        if let Some(last) = farewell.last {
            notes::queue_note(&change, last).await.map_err(&failed)?;
        }
        self.commit_change(change, doing).await?;
        Ok(true)
    }
}

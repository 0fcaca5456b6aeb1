//! Recovery codes: for who has lost the authenticator app or the passkey. Each works once.
//!
//! In: hashes of codes (never a code). Out: how many are left; whether one was taken. A new set replaces the old.

use fleet::AccountKey;
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter,
};
use wire::UtcMs;

use super::tables::factors::recovery_code::{ActiveModel, Column, Entity};
use super::{Act, NewMail, Sha256, StateError, StateStore, audit, outbox};

impl StateStore {
    /// Unused recovery codes of an account.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn recovery_codes_left(&self, account: AccountKey) -> Result<u64, StateError> {
        let unused = Entity::find().filter(Column::AccountId.eq(account.0)).filter(Column::UsedAt.is_null());
        unused.count(&self.connection).await.map_err(StateError::doing("count recovery codes"))
    }

    /// Takes a code. Whether it was taken: not a second time.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn take_recovery_code(
        &self,
        account: AccountKey,
        hash: &Sha256,
        now: UtcMs,
        act: &Act,
        letter: &NewMail<'_>,
    ) -> Result<bool, StateError> {
        const DOING: &str = "take a recovery code";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let row = ActiveModel { used_at: Set(Some(now.0)), ..ActiveModel::default() };
        let update = Entity::update_many()
            .set(row)
            .filter(Column::AccountId.eq(account.0))
            .filter(Column::CodeHash.eq(hash.to_vec()))
            .filter(Column::UsedAt.is_null());
        if update.exec(&change).await.map_err(&doing)?.rows_affected == 0 {
            return Ok(false);
        }
        audit::append(&change, act).await.map_err(&doing)?;
        outbox::queue(&change, letter).await.map_err(&doing)?;
        self.commit_change(change, DOING).await?;
        Ok(true)
    }
}

/// Puts a new set in the place of the old, within the caller's transaction.
pub(super) async fn replace(
    change: &impl ConnectionTrait,
    account: AccountKey,
    hashes: &[Sha256],
) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::AccountId.eq(account.0)).exec(change).await?;
    if hashes.is_empty() {
        return Ok(());
    }
    let rows = hashes.iter().map(|hash| ActiveModel {
        id: NotSet,
        account_id: Set(account.0),
        code_hash: Set(hash.to_vec()),
        used_at: Set(None),
    });
    Entity::insert_many(rows).exec_without_returning(change).await?;
    Ok(())
}

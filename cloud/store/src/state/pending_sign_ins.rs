//! Sign-ins half-way: the password was right, the second factor is to come. No session yet.
//!
//! In: the SHA-256 of a token that one browser holds for five minutes. Out: whose sign-in it is. Each is used up once.

use fleet::AccountKey;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use wire::UtcMs;

use super::tables::account;
use super::tables::factors::pending_sign_in::{ActiveModel, Column, Entity};
use super::{Account, Sha256, StateError, StateStore};

/// A sign-in half-way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingSignIn {
    /// SHA-256 of its token.
    pub token_hash: Sha256,
    /// Whose.
    pub account: AccountKey,
    /// From then on the password is asked again.
    pub expires_at: UtcMs,
    /// The device is to be remembered.
    pub remember: bool,
}

impl StateStore {
    /// Notes that the password was right.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn begin_sign_in(&self, new: &PendingSignIn) -> Result<(), StateError> {
        let row = ActiveModel {
            token_hash: Set(new.token_hash.to_vec()),
            account_id: Set(new.account.0),
            expires_at: Set(new.expires_at.0),
            remember: Set(new.remember),
            failures: Set(0),
        };
        let insert = Entity::insert(row).exec_without_returning(&self.connection);
        insert.await.map_err(StateError::doing("begin a sign-in"))?;
        Ok(())
    }

    /// The sign-in of a token's hash with its account, unless expired at `now` or the account is disabled.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn pending_sign_in(
        &self,
        token_hash: &Sha256,
        now: UtcMs,
    ) -> Result<Option<(PendingSignIn, Account)>, StateError> {
        let doing = StateError::doing("look up a sign-in");
        let query = Entity::find_by_id(token_hash.to_vec()).filter(Column::ExpiresAt.gt(now.0));
        let Some(row) = query.one(&self.connection).await.map_err(&doing)? else { return Ok(None) };
        let holder = account::Entity::find_by_id(row.account_id).one(&self.connection).await;
        let Some(holder) = holder.map_err(&doing)?.filter(|holder| !holder.disabled) else {
            return Ok(None);
        };
        let pending = PendingSignIn {
            token_hash: *token_hash,
            account: AccountKey(row.account_id),
            expires_at: UtcMs(row.expires_at),
            remember: row.remember,
        };
        Ok(Some((pending, Account::from_row(holder)?)))
    }

    /// Counts a wrong code; how many there were.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn sign_in_failed(&self, token_hash: &Sha256) -> Result<u32, StateError> {
        let doing = StateError::doing("count a wrong code");
        let update = Entity::update_many()
            .col_expr(Column::Failures, Expr::col(Column::Failures).add(1))
            .filter(Column::TokenHash.eq(token_hash.to_vec()));
        update.exec(&self.connection).await.map_err(&doing)?;
        let row = Entity::find_by_id(token_hash.to_vec()).one(&self.connection).await.map_err(&doing)?;
        Ok(row.map_or(u32::MAX, |row| u32::try_from(row.failures).unwrap_or(u32::MAX)))
    }

    /// Uses a sign-in up. Whether there was one: not a second time.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn end_sign_in(&self, token_hash: &Sha256) -> Result<bool, StateError> {
        let delete = Entity::delete_by_id(token_hash.to_vec()).exec(&self.connection);
        Ok(delete.await.map_err(StateError::doing("end a sign-in"))?.rows_affected > 0)
    }

    /// Forgets sign-ins that nobody finished. How many.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn delete_expired_sign_ins(&self, now: UtcMs) -> Result<u64, StateError> {
        let delete = Entity::delete_many().filter(Column::ExpiresAt.lte(now.0));
        Ok(delete.exec(&self.connection).await.map_err(StateError::doing("forget sign-ins"))?.rows_affected)
    }
}

//! Authenticator apps: one an account, its secret sealed by who may open it.
//!
//! In: sealed secrets, steps whose code was right. Out: the row; whether a step was taken, each once. An app counts
//! when a code of it was typed in. Never sees a secret.

use fleet::AccountKey;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use wire::UtcMs;

use super::factor_changes::{self, FactorChange};
use super::tables::channels::webhook;
use super::tables::factors::recovery_code;
use super::tables::factors::totp::{ActiveModel, Column, Entity};
use super::{Act, Sha256, StateError, StateStore, audit};

/// An authenticator app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totp {
    /// Its secret, sealed under a key that is not in the database.
    pub sealed_secret: Vec<u8>,
    /// When it was begun.
    pub created_at: UtcMs,
    /// When a first code was typed in; until then it counts for nothing.
    pub confirmed_at: Option<UtcMs>,
    /// The newest step whose code was taken.
    pub last_step: i64,
}

impl StateStore {
    /// The authenticator app of an account, confirmed or not.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn totp(&self, account: AccountKey) -> Result<Option<Totp>, StateError> {
        let row = Entity::find_by_id(account.0).one(&self.connection).await;
        let row = row.map_err(StateError::doing("look up an authenticator app"))?;
        Ok(row.map(|row| Totp {
            sealed_secret: row.sealed_secret,
            created_at: UtcMs(row.created_at),
            confirmed_at: row.confirmed_at.map(UtcMs),
            last_step: row.last_step,
        }))
    }

    /// Tables with rows that are void without the key of second factors: sealed under it, or kept as hashes under it.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn under_factors_key(&self) -> Result<Vec<&'static str>, StateError> {
        let failed = StateError::doing("look for what is sealed");
        let apps = Entity::find().one(&self.connection).await.map_err(&failed)?.is_some();
        let codes = recovery_code::Entity::find().one(&self.connection).await.map_err(&failed)?.is_some();
        let webhooks = webhook::Entity::find().one(&self.connection).await.map_err(&failed)?.is_some();
        let all = [("totps", apps), ("recovery_codes", codes), ("webhooks", webhooks)];
        Ok(all.into_iter().filter(|(_, any)| *any).map(|(table, _)| table).collect())
    }

    /// Keeps the secret of an app that is being set up, in place of one that was not confirmed. Whether it was kept:
    /// not where a confirmed one is.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn begin_totp(
        &self,
        account: AccountKey,
        sealed_secret: Vec<u8>,
        now: UtcMs,
    ) -> Result<bool, StateError> {
        const DOING: &str = "begin an authenticator app";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let unconfirmed = Entity::delete_many().filter(Column::AccountId.eq(account.0));
        unconfirmed.filter(Column::ConfirmedAt.is_null()).exec(&change).await.map_err(&doing)?;
        let row = ActiveModel {
            account_id: Set(account.0),
            sealed_secret: Set(sealed_secret),
            created_at: Set(now.0),
            confirmed_at: Set(None),
            last_step: Set(0),
        };
        let there = OnConflict::column(Column::AccountId).do_nothing().to_owned();
        let kept = Entity::insert(row).on_conflict(there).exec_without_returning(&change).await;
        let kept = kept.map_err(&doing)? > 0;
        self.commit_change(change, DOING).await?;
        Ok(kept)
    }

    /// The code of `step` was typed in: the app counts from now on. The sessions that ended; `None` where there is no
    /// app that waits for it, or the step is not newer than the last one taken.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn confirm_totp(
        &self,
        step: i64,
        now: UtcMs,
        with: &FactorChange<'_>,
    ) -> Result<Option<Vec<Sha256>>, StateError> {
        const DOING: &str = "confirm an authenticator app";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let row =
            ActiveModel { confirmed_at: Set(Some(now.0)), last_step: Set(step), ..ActiveModel::default() };
        let update = Entity::update_many()
            .set(row)
            .filter(Column::AccountId.eq(with.account.0))
            .filter(Column::ConfirmedAt.is_null())
            .filter(Column::LastStep.lt(step));
        if update.exec(&change).await.map_err(&doing)?.rows_affected == 0 {
            return Ok(None);
        }
        let ended = factor_changes::with(&change, with).await.map_err(&doing)?;
        self.commit_change(change, DOING).await?;
        factor_changes::hashes(ended).map(Some)
    }

    /// Takes a step whose code was right. Whether it was taken: not a second time.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn take_totp_step(&self, account: AccountKey, step: i64) -> Result<bool, StateError> {
        let row = ActiveModel { last_step: Set(step), ..ActiveModel::default() };
        let update = Entity::update_many()
            .set(row)
            .filter(Column::AccountId.eq(account.0))
            .filter(Column::ConfirmedAt.is_not_null())
            .filter(Column::LastStep.lt(step));
        let taken = update.exec(&self.connection).await.map_err(StateError::doing("take a code's step"))?;
        Ok(taken.rows_affected > 0)
    }

    /// Makes an app that counts at once, for who was verified by other means; the code of `step` is taken already. A
    /// confirmed one gives way where `replaced` tells of it. The sessions that ended; `None`: there is one, and it stays.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn enroll_totp(
        &self,
        sealed_secret: Vec<u8>,
        step: i64,
        now: UtcMs,
        replaced: Option<&Act>,
        with: &FactorChange<'_>,
    ) -> Result<Option<Vec<Sha256>>, StateError> {
        const DOING: &str = "make an authenticator app";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let held = factor_changes::locked(&change, with.account).await.map_err(&doing)?;
        match replaced {
            None if held.app => return Ok(None),
            Some(act) if held.app => audit::append(&change, act).await.map_err(&doing)?,
            _ => {}
        }
        Entity::delete_by_id(with.account.0).exec(&change).await.map_err(&doing)?;
        let row = ActiveModel {
            account_id: Set(with.account.0),
            sealed_secret: Set(sealed_secret),
            created_at: Set(now.0),
            confirmed_at: Set(Some(now.0)),
            last_step: Set(step),
        };
        Entity::insert(row).exec_without_returning(&change).await.map_err(&doing)?;
        let ended = factor_changes::with(&change, with).await.map_err(&doing)?;
        self.commit_change(change, DOING).await?;
        factor_changes::hashes(ended).map(Some)
    }

    /// Removes the authenticator app. The sessions that ended; `None` where there is no app.
    ///
    /// # Errors
    /// [`StateError::KeepsFactor`] where it is the last factor of an account that must have one, [`StateError::Database`].
    pub async fn remove_totp(&self, with: &FactorChange<'_>) -> Result<Option<Vec<Sha256>>, StateError> {
        const DOING: &str = "remove an authenticator app";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let before = factor_changes::locked(&change, with.account).await.map_err(&doing)?;
        let delete = Entity::delete_many()
            .filter(Column::AccountId.eq(with.account.0))
            .filter(Column::ConfirmedAt.is_not_null());
        if delete.exec(&change).await.map_err(&doing)?.rows_affected == 0 {
            return Ok(None);
        }
        let ended = factor_changes::removed(&change, before, with).await?;
        self.commit_change(change, DOING).await?;
        factor_changes::hashes(ended).map(Some)
    }
}

//! Passkeys: public keys that prove who somebody is, several an account, and the account's name to authenticators.
//!
//! In: keys that `web` verified, counters. Out: rows by account or by credential. A counter moves only from the value
//! that was looked at, so that of two answers with one counter the second is seen.

use fleet::{AccountKey, ceilings};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
};
use wire::UtcMs;

use super::factor_changes::{self, FactorChange};
use super::tables::factors::passkey::{ActiveModel, Column, Entity, Model};
use super::tables::factors::passkey_user;
use super::{Act, NewMail, Sha256, StateError, StateStore, audit, outbox};

/// A passkey's number in the store. Never shown outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PasskeyKey(pub i64);

/// One passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Its number.
    pub key: PasskeyKey,
    /// Its name in addresses of pages.
    pub public_id: String,
    /// Its name to the authenticator.
    pub credential_id: Vec<u8>,
    /// Whose.
    pub account: AccountKey,
    /// What its owner calls it.
    pub name: String,
    /// A COSE key, as the authenticator wrote it.
    pub public_key: Vec<u8>,
    /// Signatures that the authenticator has counted.
    pub counter: u32,
    /// May be copied to its owner's other devices.
    pub backed_up: bool,
    /// When it was made.
    pub created_at: UtcMs,
    /// When it was last used.
    pub last_used_at: Option<UtcMs>,
    /// Its counter went back: it counts no more.
    pub suspect: bool,
}

/// A passkey to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewPasskey<'a> {
    /// Its name in addresses of pages.
    pub public_id: &'a str,
    /// Its name to the authenticator.
    pub credential_id: &'a [u8],
    /// What its owner calls it.
    pub name: &'a str,
    /// A COSE key.
    pub public_key: &'a [u8],
    /// Its counter.
    pub counter: u32,
    /// May be copied to its owner's other devices.
    pub backed_up: bool,
    /// Now.
    pub created_at: UtcMs,
}

impl StateStore {
    /// An account's passkeys, the oldest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn passkeys(&self, account: AccountKey) -> Result<Vec<Passkey>, StateError> {
        let query = Entity::find().filter(Column::AccountId.eq(account.0)).order_by_asc(Column::Id);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list passkeys"))?;
        rows.into_iter().map(Passkey::from_row).collect()
    }

    /// The passkey of a credential, with its account's name to authenticators.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn passkey(&self, credential_id: &[u8]) -> Result<Option<(Passkey, Vec<u8>)>, StateError> {
        let doing = StateError::doing("look up a passkey");
        let query = Entity::find().filter(Column::CredentialId.eq(credential_id.to_vec()));
        let Some(row) = query.one(&self.connection).await.map_err(&doing)? else { return Ok(None) };
        let user = passkey_user::Entity::find_by_id(row.account_id).one(&self.connection).await;
        let handle = user.map_err(&doing)?.map(|user| user.handle).unwrap_or_default();
        Ok(Some((Passkey::from_row(row)?, handle)))
    }

    /// The account's name to authenticators: `fresh` where it has none yet.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn passkey_handle(&self, account: AccountKey, fresh: [u8; 32]) -> Result<Vec<u8>, StateError> {
        let doing = StateError::doing("name an account to authenticators");
        let row = passkey_user::ActiveModel { account_id: Set(account.0), handle: Set(fresh.to_vec()) };
        let there = OnConflict::column(passkey_user::Column::AccountId).do_nothing().to_owned();
        let insert = passkey_user::Entity::insert(row).on_conflict(there);
        insert.exec_without_returning(&self.connection).await.map_err(&doing)?;
        let row = passkey_user::Entity::find_by_id(account.0).one(&self.connection).await.map_err(&doing)?;
        row.map(|row| row.handle)
            .ok_or_else(|| StateError::NotFound { what: "account", name: account.0.to_string() })
    }

    /// Keeps a passkey. The sessions that ended.
    ///
    /// # Errors
    /// [`StateError::Taken`] where the credential is known already, [`StateError::Database`].
    pub async fn add_passkey(
        &self,
        new: NewPasskey<'_>,
        with: &FactorChange<'_>,
    ) -> Result<Vec<Sha256>, StateError> {
        const DOING: &str = "keep a passkey";
        let change = self.begin_change(DOING).await?;
        let there = Entity::find().filter(Column::AccountId.eq(with.account.0)).count(&change).await;
        StateError::unless_room(there.map_err(StateError::doing(DOING))?, ceilings::PASSKEYS)?;
        let row = ActiveModel {
            id: NotSet,
            public_id: Set(new.public_id.to_owned()),
            credential_id: Set(new.credential_id.to_vec()),
            account_id: Set(with.account.0),
            name: Set(new.name.to_owned()),
            public_key: Set(new.public_key.to_vec()),
            counter: Set(new.counter.into()),
            backed_up: Set(new.backed_up),
            created_at: Set(new.created_at.0),
            last_used_at: Set(None),
            suspect: Set(false),
        };
        let insert = Entity::insert(row).exec_without_returning(&change);
        insert.await.map_err(StateError::taken(DOING, "a passkey", new.name))?;
        let ended = factor_changes::with(&change, with).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await?;
        factor_changes::hashes(ended)
    }

    /// Calls a passkey something else. Whether the account has it.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn rename_passkey(
        &self,
        account: AccountKey,
        public_id: &str,
        name: &str,
        act: &Act,
    ) -> Result<bool, StateError> {
        const DOING: &str = "rename a passkey";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let row = ActiveModel { name: Set(name.to_owned()), ..ActiveModel::default() };
        let update = Entity::update_many()
            .set(row)
            .filter(Column::AccountId.eq(account.0))
            .filter(Column::PublicId.eq(public_id));
        if update.exec(&change).await.map_err(&doing)?.rows_affected == 0 {
            return Ok(false);
        }
        audit::append(&change, act).await.map_err(&doing)?;
        self.commit_change(change, DOING).await?;
        Ok(true)
    }

    /// Removes a passkey. The sessions that ended; `None` where the account does not have it.
    ///
    /// # Errors
    /// [`StateError::KeepsFactor`] where it is the last factor of an account that must have one, [`StateError::Database`].
    pub async fn remove_passkey(
        &self,
        public_id: &str,
        with: &FactorChange<'_>,
    ) -> Result<Option<Vec<Sha256>>, StateError> {
        const DOING: &str = "remove a passkey";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let before = factor_changes::locked(&change, with.account).await.map_err(&doing)?;
        let delete = Entity::delete_many()
            .filter(Column::AccountId.eq(with.account.0))
            .filter(Column::PublicId.eq(public_id));
        if delete.exec(&change).await.map_err(&doing)?.rows_affected == 0 {
            return Ok(None);
        }
        let ended = factor_changes::removed(&change, before, with).await?;
        self.commit_change(change, DOING).await?;
        factor_changes::hashes(ended).map(Some)
    }

    /// Moves a passkey's counter on. Whether it was moved: not where somebody moved it meanwhile, or it is suspect.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn passkey_used(
        &self,
        key: PasskeyKey,
        from: u32,
        to: u32,
        now: UtcMs,
    ) -> Result<bool, StateError> {
        let row =
            ActiveModel { counter: Set(to.into()), last_used_at: Set(Some(now.0)), ..ActiveModel::default() };
        let update = Entity::update_many()
            .set(row)
            .filter(Column::Id.eq(key.0))
            .filter(Column::Counter.eq(i64::from(from)))
            .filter(Column::Suspect.eq(false));
        let moved = update.exec(&self.connection).await.map_err(StateError::doing("note a passkey's use"))?;
        Ok(moved.rows_affected > 0)
    }

    /// A copy of a passkey may be about: it counts no more.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn suspect_passkey(
        &self,
        key: PasskeyKey,
        act: &Act,
        letter: &NewMail<'_>,
    ) -> Result<(), StateError> {
        const DOING: &str = "stop a passkey";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let row = ActiveModel { suspect: Set(true), ..ActiveModel::default() };
        let update = Entity::update_many().set(row).filter(Column::Id.eq(key.0));
        update.filter(Column::Suspect.eq(false)).exec(&change).await.map_err(&doing)?;
        audit::append(&change, act).await.map_err(&doing)?;
        outbox::queue(&change, letter).await.map_err(&doing)?;
        self.commit_change(change, DOING).await
    }
}

impl Passkey {
    fn from_row(row: Model) -> Result<Self, StateError> {
        let counter = u32::try_from(row.counter).map_err(|_| StateError::Row {
            table: "passkeys",
            column: "counter",
            value: row.counter.to_string(),
        })?;
        Ok(Self {
            key: PasskeyKey(row.id),
            public_id: row.public_id,
            credential_id: row.credential_id,
            account: AccountKey(row.account_id),
            name: row.name,
            public_key: row.public_key,
            counter,
            backed_up: row.backed_up,
            created_at: UtcMs(row.created_at),
            last_used_at: row.last_used_at.map(UtcMs),
            suspect: row.suspect,
        })
    }
}

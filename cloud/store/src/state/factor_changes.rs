//! What goes with every change of second factors, in its transaction.
//!
//! In: a [`FactorChange`]. Out: an audit row, letters to the owner, recovery codes replaced or forgotten, every session
//! ended but the one that made the change. Decides nothing: whether the change may be made is `fleet::factors`'s rule.

use fleet::AccountKey;
use fleet::factors::Held;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
};

use super::tables::factors::{passkey, totp};
use super::tables::session;
use super::{Act, NewMail, Sha256, StateError, StateStore, audit, outbox, recovery_codes, sha256};

/// What goes with a change of second factors.
#[derive(Clone, Copy, Debug)]
pub struct FactorChange<'a> {
    /// Whose.
    pub account: AccountKey,
    /// Who did it.
    pub act: &'a Act,
    /// The session that goes on; all others end.
    pub keep: Option<&'a Sha256>,
    /// To the owner.
    pub letters: &'a [NewMail<'a>],
    /// What becomes of the recovery codes.
    pub codes: Codes<'a>,
}

/// What becomes of the recovery codes.
#[derive(Clone, Copy, Debug)]
pub enum Codes<'a> {
    /// They stay.
    Keep,
    /// These take their place.
    Replace(&'a [Sha256]),
    /// The last factor goes, so they stand in for nothing.
    Forget,
}

impl StateStore {
    /// The second factors of an account that count.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn factors(&self, account: AccountKey) -> Result<Held, StateError> {
        let doing = StateError::doing("look up second factors");
        let apps = totp::Entity::find_by_id(account.0).filter(totp::Column::ConfirmedAt.is_not_null());
        let app = apps.count(&self.connection).await.map_err(&doing)? > 0;
        let passkeys = passkey::Entity::find()
            .filter(passkey::Column::AccountId.eq(account.0))
            .filter(passkey::Column::Suspect.eq(false));
        let passkeys = passkeys.count(&self.connection).await.map_err(&doing)?;
        Ok(Held { app, passkeys: usize::try_from(passkeys).unwrap_or(usize::MAX) })
    }
}

impl StateStore {
    /// Replaces recovery codes. The sessions that ended.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn change_recovery_codes(&self, with: &FactorChange<'_>) -> Result<Vec<Sha256>, StateError> {
        const DOING: &str = "make recovery codes";
        let change = self.begin_change(DOING).await?;
        let ended = self::with(&change, with).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await?;
        hashes(ended)
    }
}

/// Writes all that goes with the change; the sessions that it ended.
pub(super) async fn with(
    change: &DatabaseTransaction,
    made: &FactorChange<'_>,
) -> Result<Vec<Vec<u8>>, DbErr> {
    match made.codes {
        Codes::Keep => {}
        Codes::Replace(hashes) => recovery_codes::replace(change, made.account, hashes).await?,
        Codes::Forget => recovery_codes::replace(change, made.account, &[]).await?,
    }
    audit::append(change, made.act).await?;
    for letter in made.letters {
        outbox::queue(change, letter).await?;
    }
    end_others(change, made.account, made.keep).await
}

/// The hashes of ended sessions, for who tells their live streams.
pub(super) fn hashes(ended: Vec<Vec<u8>>) -> Result<Vec<Sha256>, StateError> {
    ended.into_iter().map(|hash| sha256(hash, "sessions", "token_hash")).collect()
}

pub(super) async fn end_others(
    change: &impl ConnectionTrait,
    account: AccountKey,
    keep: Option<&Sha256>,
) -> Result<Vec<Vec<u8>>, DbErr> {
    let of_account = session::Entity::find().filter(session::Column::AccountId.eq(account.0)).all(change);
    let hashes = of_account.await?.into_iter().map(|row| row.token_hash);
    let others: Vec<_> = hashes.filter(|hash| keep.is_none_or(|keep| hash != keep)).collect();
    session::Entity::delete_many()
        .filter(session::Column::TokenHash.is_in(others.iter().cloned()))
        .exec(change)
        .await?;
    Ok(others)
}

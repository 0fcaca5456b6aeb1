//! What goes with every change of second factors, in its transaction.
//!
//! In: a [`FactorChange`]. Out: an audit row, letters to the owner, recovery codes replaced or forgotten, every session
//! ended but the one that made the change. Decides nothing: whether a factor may go is `fleet::factors`'s rule, asked with
//! what the transaction itself sees.

use fleet::AccountKey;
use fleet::factors::{Held, Needs, may_become};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
    QuerySelect,
};

use super::tables::factors::{passkey, totp};
use super::tables::organizations::{member, organization};
use super::tables::{account, session};
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
    /// What becomes of the recovery codes while there is a factor that they stand in for.
    pub codes: Codes<'a>,
}

/// What becomes of the recovery codes.
#[derive(Clone, Copy, Debug)]
pub enum Codes<'a> {
    /// They stay.
    Keep,
    /// These take their place.
    Replace(&'a [Sha256]),
}

impl StateStore {
    /// The second factors of an account that count.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn factors(&self, account: AccountKey) -> Result<Held, StateError> {
        held(&self.connection, account).await.map_err(StateError::doing("look up second factors"))
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

/// The second factors that count, as the transaction sees them. The account's row is locked first, so that on any database
/// of two changes of one account the later sees the earlier.
pub(super) async fn locked(change: &DatabaseTransaction, account: AccountKey) -> Result<Held, DbErr> {
    account::Entity::find_by_id(account.0).lock_exclusive().one(change).await?;
    held(change, account).await
}

async fn held(connection: &impl ConnectionTrait, account: AccountKey) -> Result<Held, DbErr> {
    let apps = totp::Entity::find_by_id(account.0).filter(totp::Column::ConfirmedAt.is_not_null());
    let app = apps.count(connection).await? > 0;
    let passkeys = passkey::Entity::find()
        .filter(passkey::Column::AccountId.eq(account.0))
        .filter(passkey::Column::Suspect.eq(false));
    let passkeys = passkeys.count(connection).await?;
    Ok(Held { app, passkeys: usize::try_from(passkeys).unwrap_or(usize::MAX) })
}

/// What the account needs a factor for.
async fn needs(change: &DatabaseTransaction, account: AccountKey) -> Result<Needs, DbErr> {
    let Some(row) = account::Entity::find_by_id(account.0).one(change).await? else {
        return Ok(Needs::default());
    };
    let to = member::Entity::belongs_to(organization::Entity)
        .from(member::Column::OrganizationId)
        .to(organization::Column::Id);
    let demanding = member::Entity::find()
        .join(sea_orm::JoinType::InnerJoin, to.into())
        .filter(member::Column::AccountId.eq(account.0))
        .filter(organization::Column::SecondFactorRequired.eq(true));
    Ok(Needs {
        weak_password: !row.password_stands_alone,
        operator: row.operator,
        demanded: demanding.count(change).await? > 0,
    })
}

/// Writes all that goes with a factor's removal, where it may go; with the last one go the recovery codes, which stand in
/// for nothing then. `before`: what [`locked`] saw.
pub(super) async fn removed(
    change: &DatabaseTransaction,
    before: Held,
    made: &FactorChange<'_>,
) -> Result<Vec<Vec<u8>>, StateError> {
    let failed = StateError::doing("remove a second factor");
    let after = held(change, made.account).await.map_err(&failed)?;
    may_become(before, after, needs(change, made.account).await.map_err(&failed)?)?;
    let codes = if after.any() { made.codes } else { Codes::Replace(&[]) };
    with(change, &FactorChange { codes, ..*made }).await.map_err(failed)
}

/// Writes all that goes with the change; the sessions that it ended.
pub(super) async fn with(
    change: &DatabaseTransaction,
    made: &FactorChange<'_>,
) -> Result<Vec<Vec<u8>>, DbErr> {
    match made.codes {
        Codes::Keep => {}
        Codes::Replace(hashes) => recovery_codes::replace(change, made.account, hashes).await?,
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

//! What an operator may do to accounts: see that they are there and how they are guarded, shut them out, end their sessions.
//!
//! In: an account, an act for the log. Out: rows; the hashes of sessions that ended, so that their live pages are closed.
//! Never shows or changes a password or a factor, never makes a session.

use std::collections::{HashMap, HashSet};

use fleet::AccountKey;
use fleet::audit::Verb;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
};
use wire::UtcMs;

use super::tables::factors::{passkey, totp};
use super::tables::{account, api_token, audit as log, grant, session};
use super::{Account, Act, Sha256, StateError, StateStore, audit, sha256};

/// An account as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// Who.
    pub account: Account,
    /// Sessions that count.
    pub sessions: u64,
    /// It has an authenticator app.
    pub app: bool,
    /// Passkeys.
    pub passkeys: u64,
    /// API tokens that count.
    pub tokens: u64,
    /// Inverters that it has access to by itself.
    pub inverters: u64,
    /// When it was last signed in to, as far as the log tells.
    pub last_sign_in: Option<UtcMs>,
    /// When a session of it was last used.
    pub last_seen: Option<UtcMs>,
}

impl StateStore {
    /// Every account, by address, with what belongs to it.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn account_rows(&self, now: UtcMs) -> Result<Vec<AccountRow>, StateError> {
        let counted = self.counted(now).await.map_err(StateError::doing("list accounts"))?;
        let row = |account: Account| {
            let key = account.key.0;
            let (sessions, last_seen) = counted.sessions.get(&key).copied().unwrap_or_default();
            AccountRow {
                sessions,
                app: counted.apps.contains(&key),
                passkeys: counted.passkeys.get(&key).copied().unwrap_or(0),
                tokens: counted.tokens.get(&key).copied().unwrap_or(0),
                inverters: counted.inverters.get(&key).copied().unwrap_or(0),
                last_sign_in: counted.sign_ins.get(&key).copied().map(UtcMs),
                last_seen: (sessions > 0).then_some(UtcMs(last_seen)),
                account,
            }
        };
        Ok(self.accounts().await?.into_iter().map(row).collect())
    }

    /// Lets an account sign in again, or no more; then its sessions end, too, and are told. API tokens of a disabled
    /// account do not count.
    ///
    /// # Errors
    /// [`StateError::NotFound`], [`StateError::Database`].
    pub async fn set_account_disabled(
        &self,
        key: AccountKey,
        disabled: bool,
        act: &Act,
    ) -> Result<Vec<Sha256>, StateError> {
        const DOING: &str = "disable or enable an account";
        let change = self.begin_change(DOING).await?;
        let row = account::ActiveModel { disabled: Set(disabled), ..account::ActiveModel::default() };
        let update = account::Entity::update_many().set(row).filter(account::Column::Id.eq(key.0));
        if update.exec(&change).await.map_err(StateError::doing(DOING))?.rows_affected == 0 {
            return Err(StateError::NotFound { what: "account", name: key.0.to_string() });
        }
        let ended = if disabled { end_all(&change, key).await? } else { Vec::new() };
        audit::append(&change, &act.clone().of_account(key)).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await?;
        Ok(ended)
    }

    /// Signs an account out everywhere; the sessions that ended are told.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn end_all_sessions(&self, key: AccountKey, act: &Act) -> Result<Vec<Sha256>, StateError> {
        const DOING: &str = "end sessions";
        let change = self.begin_change(DOING).await?;
        let ended = end_all(&change, key).await?;
        audit::append(&change, &act.clone().of_account(key)).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await?;
        Ok(ended)
    }

    async fn counted(&self, now: UtcMs) -> Result<Counted, DbErr> {
        let sessions: Vec<(i64, i64, i64)> = session::Entity::find()
            .select_only()
            .column(session::Column::AccountId)
            .column_as(session::Column::AccountId.count(), "sessions")
            .column_as(session::Column::LastSeenAt.max(), "last_seen")
            .filter(session::Column::ExpiresAt.gt(now.0))
            .group_by(session::Column::AccountId)
            .into_tuple()
            .all(&self.connection)
            .await?;
        let counts = api_token::Column::ExpiresAt.is_null().or(api_token::Column::ExpiresAt.gt(now.0));
        let tokens = api_token::Entity::find()
            .select_only()
            .column(api_token::Column::AccountId)
            .column_as(api_token::Column::Id.count(), "tokens")
            .filter(api_token::Column::RevokedAt.is_null())
            .filter(counts)
            .group_by(api_token::Column::AccountId)
            .into_tuple::<(i64, i64)>()
            .all(&self.connection)
            .await?;
        let holds = grant::Column::EndsAt.is_null().or(grant::Column::EndsAt.gt(now.0));
        let inverters = grant::Entity::find()
            .select_only()
            .column(grant::Column::AccountId)
            .column_as(grant::Column::Id.count(), "inverters")
            .filter(grant::Column::AccountId.is_not_null())
            .filter(holds)
            .group_by(grant::Column::AccountId)
            .into_tuple::<(i64, i64)>()
            .all(&self.connection)
            .await?;
        let apps = totp::Entity::find()
            .select_only()
            .column(totp::Column::AccountId)
            .filter(totp::Column::ConfirmedAt.is_not_null())
            .into_tuple::<i64>()
            .all(&self.connection)
            .await?;
        let passkeys = passkey::Entity::find()
            .select_only()
            .column(passkey::Column::AccountId)
            .column_as(passkey::Column::Id.count(), "passkeys")
            .group_by(passkey::Column::AccountId)
            .into_tuple::<(i64, i64)>()
            .all(&self.connection)
            .await?;
        let sign_ins = log::entry::Entity::find()
            .select_only()
            .column(log::entry::Column::ActorId)
            .column_as(log::entry::Column::At.max(), "last")
            .filter(log::entry::Column::Verb.eq(Verb::SignIn.name()))
            .filter(log::entry::Column::ActorId.is_not_null())
            .group_by(log::entry::Column::ActorId)
            .into_tuple::<(i64, i64)>()
            .all(&self.connection)
            .await?;
        let counted = |rows: Vec<(i64, i64)>| {
            rows.into_iter().map(|(key, count)| (key, u64::try_from(count).unwrap_or(0))).collect()
        };
        let of = |(key, count, seen): (i64, i64, i64)| (key, (u64::try_from(count).unwrap_or(0), seen));
        Ok(Counted {
            sessions: sessions.into_iter().map(of).collect(),
            tokens: counted(tokens),
            apps: apps.into_iter().collect(),
            passkeys: counted(passkeys),
            inverters: counted(inverters),
            sign_ins: sign_ins.into_iter().collect(),
        })
    }
}

/// What belongs to accounts, by their numbers.
struct Counted {
    /// How many, and when one was last used.
    sessions: HashMap<i64, (u64, i64)>,
    tokens: HashMap<i64, u64>,
    apps: HashSet<i64>,
    passkeys: HashMap<i64, u64>,
    inverters: HashMap<i64, u64>,
    sign_ins: HashMap<i64, i64>,
}

async fn end_all(change: &impl ConnectionTrait, key: AccountKey) -> Result<Vec<Sha256>, StateError> {
    let doing = StateError::doing("end sessions");
    let own = session::Column::AccountId.eq(key.0);
    let rows = session::Entity::find().filter(own.clone()).all(change).await.map_err(&doing)?;
    session::Entity::delete_many().filter(own).exec(change).await.map_err(&doing)?;
    rows.into_iter().map(|row| sha256(row.token_hash, "sessions", "token_hash")).collect()
}

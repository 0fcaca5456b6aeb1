//! Sessions of signed-in people.
//!
//! In: the SHA-256 of a session's token (never the token). Out: the session with its account. Whether it has ended is
//! decided here by the expiry alone; idle time and re-authentication are `fleet::session`'s rules.

use fleet::AccountKey;
use fleet::session::Life;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef,
};
use wire::UtcMs;

use super::tables::account;
use super::tables::session::{ActiveModel, Column, Entity, Model};
use super::{Account, Act, Sha256, StateError, StateStore, audit, connect, factor_changes, sha256};

/// One session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of its token.
    pub token_hash: Sha256,
    /// Whose.
    pub account: AccountKey,
    /// When the person signed in.
    pub created_at: UtcMs,
    /// How long it counts and for what; its last use to the caller's grain.
    pub life: Life,
    /// The browser's own words.
    pub user_agent: String,
    /// Network address at the last proof.
    pub address: Option<String>,
}

/// A session to be made.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    /// SHA-256 of its token.
    pub token_hash: Sha256,
    /// Whose.
    pub account: AccountKey,
    /// How long it counts and for what; it begins when the proof was given.
    pub life: Life,
    /// The browser's own words; at most 200 characters are kept.
    pub user_agent: &'a str,
    /// Network address.
    pub address: Option<&'a str>,
}

/// Enough to recognise a browser by.
const USER_AGENT_CHARACTERS: usize = 200;

impl StateStore {
    /// Makes a session: somebody signed in.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn create_session(&self, new: NewSession<'_>, act: &Act) -> Result<(), StateError> {
        let doing = StateError::doing("create a session");
        let row = ActiveModel {
            token_hash: Set(new.token_hash.to_vec()),
            account_id: Set(new.account.0),
            created_at: Set(new.life.confirmed_at.0),
            user_agent: Set(new.user_agent.chars().take(USER_AGENT_CHARACTERS).collect()),
            address: Set(new.address.map(str::to_owned)),
            ..of(new.life)
        };
        // Sessions come and go without moving the change counter: no page looks another way for it.
        let change = connect::begin(&self.connection).await.map_err(&doing)?;
        Entity::insert(row).exec_without_returning(&change).await.map_err(&doing)?;
        audit::append(&change, act).await.map_err(&doing)?;
        change.commit().await.map_err(&doing)
    }

    /// The session of a token's hash with its account, unless expired at `now` or the account is disabled.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn session(
        &self,
        token_hash: &Sha256,
        now: UtcMs,
    ) -> Result<Option<(Session, Account)>, StateError> {
        let query = Entity::find_by_id(token_hash.to_vec())
            .filter(Column::ExpiresAt.gt(now.0))
            .join(JoinType::InnerJoin, to_holder())
            .filter(account::Column::Disabled.eq(false))
            .select_also(account::Entity);
        let found = query.one(&self.connection).await.map_err(StateError::doing("look up a session"))?;
        let Some((row, Some(holder))) = found else { return Ok(None) };
        Ok(Some((Session::from_row(row)?, Account::from_row(holder)?)))
    }

    /// Notes that a session was used, as [`Life::used`] says. Call it at most each minute or so.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn touch_session(&self, token_hash: &Sha256, used: Life) -> Result<(), StateError> {
        let row = ActiveModel {
            last_seen_at: Set(used.last_seen_at.0),
            active_until: Set(used.active_until.0),
            ..ActiveModel::default()
        };
        // A session that was confirmed meanwhile has a new hash, so that an older life cannot overwrite it.
        let update = Entity::update_many().set(row).filter(Column::TokenHash.eq(token_hash.to_vec()));
        update.exec(&self.connection).await.map_err(StateError::doing("note a session's use"))?;
        Ok(())
    }

    /// Gives a session a new token, after a proof or a change of factors. Whether there was one.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn rotate_session(&self, old: &Sha256, new: NewSession<'_>) -> Result<bool, StateError> {
        let row = ActiveModel {
            token_hash: Set(new.token_hash.to_vec()),
            user_agent: Set(new.user_agent.chars().take(USER_AGENT_CHARACTERS).collect()),
            address: Set(new.address.map(str::to_owned)),
            ..of(new.life)
        };
        let update = Entity::update_many().set(row).filter(Column::TokenHash.eq(old.to_vec()));
        let update = update.filter(Column::AccountId.eq(new.account.0)).exec(&self.connection);
        Ok(update.await.map_err(StateError::doing("renew a session"))?.rows_affected > 0)
    }

    /// Its owner ends a session of theirs. Whether there was one.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn end_session(
        &self,
        account: AccountKey,
        token_hash: &Sha256,
        act: &Act,
    ) -> Result<bool, StateError> {
        let doing = StateError::doing("end a session");
        let change = connect::begin(&self.connection).await.map_err(&doing)?;
        let delete = Entity::delete_by_id(token_hash.to_vec()).filter(Column::AccountId.eq(account.0));
        if delete.exec(&change).await.map_err(&doing)?.rows_affected == 0 {
            return Ok(false);
        }
        audit::append(&change, act).await.map_err(&doing)?;
        change.commit().await.map_err(&doing)?;
        Ok(true)
    }

    /// The owner ends all sessions but `keep`. Those that ended.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn end_other_sessions(
        &self,
        account: AccountKey,
        keep: Option<&Sha256>,
        act: &Act,
    ) -> Result<Vec<Sha256>, StateError> {
        let doing = StateError::doing("end sessions");
        let change = connect::begin(&self.connection).await.map_err(&doing)?;
        let ended = factor_changes::end_others(&change, account, keep).await.map_err(&doing)?;
        if !ended.is_empty() {
            audit::append(&change, act).await.map_err(&doing)?;
        }
        change.commit().await.map_err(&doing)?;
        factor_changes::hashes(ended)
    }

    /// Ends a session that another took the place of. Whether there was one.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn delete_session(&self, token_hash: &Sha256) -> Result<bool, StateError> {
        let delete = Entity::delete_by_id(token_hash.to_vec()).exec(&self.connection);
        Ok(delete.await.map_err(StateError::doing("end a session"))?.rows_affected > 0)
    }

    /// Forgets sessions that expired before `now`. How many.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn delete_expired_sessions(&self, now: UtcMs) -> Result<u64, StateError> {
        let delete = Entity::delete_many().filter(Column::ExpiresAt.lte(now.0));
        Ok(delete.exec(&self.connection).await.map_err(StateError::doing("forget sessions"))?.rows_affected)
    }

    /// An account's sessions that count at `now`, the last used first.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn sessions(&self, account: AccountKey, now: UtcMs) -> Result<Vec<Session>, StateError> {
        let query = Entity::find()
            .filter(Column::AccountId.eq(account.0))
            .filter(Column::ExpiresAt.gt(now.0))
            .order_by_desc(Column::LastSeenAt);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list sessions"))?;
        rows.into_iter().map(Session::from_row).collect()
    }
}

/// The columns of a life.
/// Whose a session is is asked with it: each query costs a busy machine two changes of threads.
fn to_holder() -> RelationDef {
    Entity::belongs_to(account::Entity).from(Column::AccountId).to(account::Column::Id).into()
}

fn of(life: Life) -> ActiveModel {
    ActiveModel {
        confirmed_at: Set(life.confirmed_at.0),
        last_seen_at: Set(life.last_seen_at.0),
        active_until: Set(life.active_until.0),
        expires_at: Set(life.expires_at.0),
        remembered: Set(life.remembered),
        ..ActiveModel::default()
    }
}

impl Session {
    fn from_row(row: Model) -> Result<Self, StateError> {
        Ok(Self {
            token_hash: sha256(row.token_hash, "sessions", "token_hash")?,
            account: AccountKey(row.account_id),
            created_at: UtcMs(row.created_at),
            life: Life {
                confirmed_at: UtcMs(row.confirmed_at),
                last_seen_at: UtcMs(row.last_seen_at),
                active_until: UtcMs(row.active_until),
                expires_at: UtcMs(row.expires_at),
                remembered: row.remembered,
            },
            user_agent: row.user_agent,
            address: row.address,
        })
    }
}

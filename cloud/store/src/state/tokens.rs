//! Bearer tokens of the API.
//!
//! In: the SHA-256 of a token (never the token). Out: the token's row with its account.

use fleet::{AccountKey, InverterKey, TokenReach, TokenScope, ceilings};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait,
    ExprTrait, JoinType, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, RelationDef,
};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::tables::account;
use super::tables::api_token::{ActiveModel, Column, Entity, Model};
use super::tables::factors::api_token_inverter as reached;
use super::{Account, Act, Sha256, StateError, StateStore, audit};

/// A token's number. May be shown: it opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenKey(pub i64);

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Its number.
    pub key: TokenKey,
    /// Whose.
    pub account: AccountKey,
    /// What its owner calls it.
    pub name: String,
    /// What for.
    pub reach: TokenReach,
    /// When it was made.
    pub created_at: UtcMs,
    /// From this instant on it does not count; `None`: until revoked.
    pub expires_at: Option<UtcMs>,
    /// When it was last used, to the caller's grain.
    pub last_used_at: Option<UtcMs>,
    /// When it was revoked.
    pub revoked_at: Option<UtcMs>,
}

impl ApiToken {
    /// Whether it counts at `now`.
    #[must_use]
    pub fn counts(&self, now: UtcMs) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|ends| now < ends)
    }
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken<'a> {
    /// SHA-256 of the token.
    pub token_hash: Sha256,
    /// Whose.
    pub account: AccountKey,
    /// What its owner calls it.
    pub name: &'a str,
    /// What for.
    pub reach: &'a TokenReach,
    /// Now.
    pub created_at: UtcMs,
    /// End, if it has one.
    pub expires_at: Option<UtcMs>,
}

impl StateStore {
    /// Makes a token.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn create_token(&self, new: NewToken<'_>, act: &Act) -> Result<TokenKey, StateError> {
        const DOING: &str = "create a token";
        let change = self.begin_change(DOING).await?;
        let ends = Column::ExpiresAt.is_null().or(Column::ExpiresAt.gt(new.created_at.0));
        let live =
            Entity::find().filter(Column::AccountId.eq(new.account.0)).filter(Column::RevokedAt.is_null());
        let live = live.filter(ends).count(&change).await.map_err(StateError::doing(DOING))?;
        StateError::unless_room(live, ceilings::TOKENS)?;
        let row = ActiveModel {
            id: NotSet,
            token_hash: Set(new.token_hash.to_vec()),
            account_id: Set(new.account.0),
            name: Set(new.name.to_owned()),
            scope: Set(new.reach.scope.name().to_owned()),
            created_at: Set(new.created_at.0),
            expires_at: Set(new.expires_at.map(|t| t.0)),
            last_used_at: Set(None),
            revoked_at: Set(None),
            all_inverters: Set(new.reach.inverters.is_none()),
        };
        let made = Entity::insert(row).exec(&change).await.map_err(StateError::doing(DOING))?;
        for inverter in new.reach.inverters.iter().flatten() {
            let row = reached::ActiveModel {
                token_id: Set(made.last_insert_id),
                inverter_id: Set(i64::from(inverter.0)),
            };
            let insert = reached::Entity::insert(row).exec_without_returning(&change);
            insert.await.map_err(StateError::doing(DOING))?;
        }
        let act = act.clone().of_account(new.account);
        audit::append(&change, &act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await?;
        Ok(TokenKey(made.last_insert_id))
    }

    /// The token of a hash with its account, unless expired at `now`, revoked, or of a disabled account.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn token_by_hash(
        &self,
        token_hash: &Sha256,
        now: UtcMs,
    ) -> Result<Option<(ApiToken, Account)>, StateError> {
        let doing = StateError::doing("look up a token");
        let query = Entity::find()
            .filter(Column::TokenHash.eq(token_hash.to_vec()))
            .filter(Column::RevokedAt.is_null())
            .filter(Column::ExpiresAt.is_null().or(Column::ExpiresAt.gt(now.0)))
            .join(JoinType::InnerJoin, to_holder())
            .filter(account::Column::Disabled.eq(false))
            .select_also(account::Entity);
        let found = query.one(&self.connection).await.map_err(&doing)?;
        let Some((row, Some(holder))) = found else { return Ok(None) };
        Ok(Some((self.api_token(row).await?, Account::from_row(holder)?)))
    }

    /// Notes that a token was used. Call it at most each minute or so.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn touch_token(&self, key: TokenKey, now: UtcMs) -> Result<(), StateError> {
        let row = ActiveModel { last_used_at: Set(Some(now.0)), ..ActiveModel::default() };
        let update = Entity::update_many().set(row).filter(Column::Id.eq(key.0));
        update.exec(&self.connection).await.map_err(StateError::doing("note a token's use"))?;
        Ok(())
    }

    /// An account's tokens, ended ones too, the newest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn tokens(&self, account: AccountKey) -> Result<Vec<ApiToken>, StateError> {
        let query = Entity::find().filter(Column::AccountId.eq(account.0)).order_by_desc(Column::Id);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list tokens"))?;
        let mut tokens = Vec::with_capacity(rows.len());
        for row in rows {
            tokens.push(self.api_token(row).await?);
        }
        Ok(tokens)
    }

    /// Revokes a token of an account. Whether there was one that counted.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn revoke_token(
        &self,
        account: AccountKey,
        key: TokenKey,
        now: UtcMs,
        act: &Act,
    ) -> Result<bool, StateError> {
        const DOING: &str = "revoke a token";
        let change = self.begin_change(DOING).await?;
        let row = ActiveModel { revoked_at: Set(Some(now.0)), ..ActiveModel::default() };
        let update = Entity::update_many()
            .set(row)
            .filter(Column::Id.eq(key.0))
            .filter(Column::AccountId.eq(account.0))
            .filter(Column::RevokedAt.is_null());
        if update.exec(&change).await.map_err(StateError::doing(DOING))?.rows_affected == 0 {
            return Ok(false);
        }
        let act = act.clone().of_account(account);
        audit::append(&change, &act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await?;
        Ok(true)
    }
}

/// Revokes every token of an account that counts, within the caller's transaction; `act` is written where there was one,
/// with their names.
pub(super) async fn revoke_all(
    change: &impl ConnectionTrait,
    account: AccountKey,
    act: &Act,
) -> Result<(), DbErr> {
    let counts = Condition::all()
        .add(Column::AccountId.eq(account.0))
        .add(Column::RevokedAt.is_null())
        .add(Column::ExpiresAt.is_null().or(Column::ExpiresAt.gt(act.at().0)));
    let names = Entity::find().filter(counts.clone()).order_by_asc(Column::Id).select_only();
    let names: Vec<String> = names.column(Column::Name).into_tuple().all(change).await?;
    if names.is_empty() {
        return Ok(());
    }
    let row = ActiveModel { revoked_at: Set(Some(act.at().0)), ..ActiveModel::default() };
    Entity::update_many().set(row).filter(counts).exec(change).await?;
    let act = act.clone().of_account(account).with_detail(format!("all: {}", names.join(", ")));
    audit::append(change, &act).await
}

/// Who a token is looked up for is asked with it: each query costs a busy machine two changes of threads.
fn to_holder() -> RelationDef {
    Entity::belongs_to(account::Entity).from(Column::AccountId).to(account::Column::Id).into()
}

impl StateStore {
    async fn api_token(&self, row: Model) -> Result<ApiToken, StateError> {
        let scope = TokenScope::from_name(&row.scope).ok_or_else(|| StateError::Row {
            table: "api_tokens",
            column: "scope",
            value: row.scope.clone(),
        })?;
        let inverters = if row.all_inverters { None } else { Some(self.reached_by(row.id).await?) };
        Ok(ApiToken {
            key: TokenKey(row.id),
            account: AccountKey(row.account_id),
            name: row.name,
            reach: TokenReach { scope, inverters },
            created_at: UtcMs(row.created_at),
            expires_at: row.expires_at.map(UtcMs),
            last_used_at: row.last_used_at.map(UtcMs),
            revoked_at: row.revoked_at.map(UtcMs),
        })
    }

    async fn reached_by(&self, token: i64) -> Result<Vec<InverterKey>, StateError> {
        let query = reached::Entity::find().filter(reached::Column::TokenId.eq(token));
        let query = query.order_by_asc(reached::Column::InverterId).all(&self.connection);
        let rows = query.await.map_err(StateError::doing("look up a token's inverters"))?;
        rows.into_iter().map(|row| inverter_key(row.inverter_id)).collect()
    }
}

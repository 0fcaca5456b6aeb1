//! What a mailed link does: makes an account, sets a new password, changes an address.
//!
//! In: the SHA-256 of a link's secret, what to write, the act for the audit log. Out: whether the link counted, and what
//! it changed; all in one transaction, so that a link is used exactly when what it is for was done. Whether a password
//! is good is the caller's business, and known before.

use fleet::AccountKey;
use fleet::factors::may_guard;
use fleet::registration::Purpose;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait,
    QueryFilter, QuerySelect,
};
use wire::UtcMs;

use super::tables::{account, session};
use super::{
    Account, Act, By, NewAccount, NewMail, Sha256, StateError, StateStore, accounts, audit, factor_changes,
    mailed_links, outbox, sha256, tokens,
};

/// A new password, as it is kept.
#[derive(Clone, Copy)]
pub struct ChosenPassword<'a> {
    /// PHC string of its hash.
    pub hash: &'a str,
    /// It does without a second factor (decision 30).
    pub stands_alone: bool,
}

impl StateStore {
    /// Makes the account of the address that a link was mailed to. `act` is the new account's own. `None`: the link
    /// does not count, nothing was changed.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn register(
        &self,
        link_hash: &Sha256,
        name: &str,
        password_hash: &str,
        now: UtcMs,
        act: Act,
    ) -> Result<Option<Account>, StateError> {
        const DOING: &str = "register an account";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let Some(link) = mailed_links::take(&change, Purpose::Register, link_hash, now).await? else {
            return Ok(None);
        };
        let new = NewAccount { email: &link.email, name, password_hash, operator: false, created_at: now };
        let key = accounts::insert(&change, new).await?;
        let act = act.done_by(By::Account(key)).of_account(key);
        audit::append(&change, &act).await.map_err(&doing)?;
        self.commit_change(change, DOING).await?;
        self.account(key).await
    }

    /// Sets a new password by a mailed link, ends every session and revokes every API token: whoever asked for it does not
    /// know who had the old one. `revoking` is the act of that, if any token counted. Out: the ended sessions' hashes;
    /// `None`: the link does not count, nothing was changed.
    ///
    /// # Errors
    /// [`StateError::KeepsFactor`] where the password does not do by itself and there is no factor, [`StateError`].
    pub async fn reset_password(
        &self,
        link_hash: &Sha256,
        password: ChosenPassword<'_>,
        now: UtcMs,
        act: Act,
        revoking: Act,
        letter: &NewMail<'_>,
    ) -> Result<Option<Vec<Sha256>>, StateError> {
        const DOING: &str = "reset a password";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let link = mailed_links::take(&change, Purpose::Reset, link_hash, now).await?;
        let Some(key) = link.and_then(|link| link.account).map(|account| account.key) else {
            return Ok(None);
        };
        let ended = set_password(&change, key, password, None).await?;
        let act = act.done_by(By::Account(key)).of_account(key);
        audit::append(&change, &act).await.map_err(&doing)?;
        tokens::revoke_all(&change, key, &revoking.done_by(By::Account(key))).await.map_err(&doing)?;
        outbox::queue(&change, letter).await.map_err(&doing)?;
        self.commit_change(change, DOING).await?;
        Ok(Some(ended))
    }

    /// Makes the address that a link was mailed to the address of `account`, which must be the link's own. `false`: the
    /// link does not count, nothing was changed.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn change_address(
        &self,
        account: AccountKey,
        link_hash: &Sha256,
        now: UtcMs,
        act: &Act,
        letters: &[NewMail<'_>],
    ) -> Result<bool, StateError> {
        const DOING: &str = "change an address";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let link = mailed_links::take(&change, Purpose::Address, link_hash, now).await?;
        let Some(link) = link.filter(|link| link.account.as_ref().is_some_and(|held| held.key == account))
        else {
            return Ok(false);
        };
        let row = account::ActiveModel {
            email: Set(link.email.as_str().to_owned()),
            ..account::ActiveModel::default()
        };
        let update = account::Entity::update_many().set(row).filter(account::Column::Id.eq(account.0));
        update.exec(&change).await.map_err(&doing)?;
        audit::append(&change, act).await.map_err(&doing)?;
        outbox::queue_all(&change, letters).await.map_err(&doing)?;
        self.commit_change(change, DOING).await?;
        Ok(true)
    }

    /// Sets a new password of somebody who is signed in, and ends their other sessions; with `revoking` also every API token.
    /// Out: the ended sessions' hashes.
    ///
    /// # Errors
    /// [`StateError::KeepsFactor`] where the password does not do by itself and there is no factor, [`StateError`].
    pub async fn change_password(
        &self,
        account: AccountKey,
        password: ChosenPassword<'_>,
        keep: Option<&Sha256>,
        act: &Act,
        revoking: Option<&Act>,
        letter: &NewMail<'_>,
    ) -> Result<Vec<Sha256>, StateError> {
        const DOING: &str = "change a password";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let ended = set_password(&change, account, password, keep).await?;
        audit::append(&change, act).await.map_err(&doing)?;
        if let Some(revoking) = revoking {
            tokens::revoke_all(&change, account, revoking).await.map_err(&doing)?;
        }
        outbox::queue(&change, letter).await.map_err(&doing)?;
        self.commit_change(change, DOING).await?;
        Ok(ended)
    }
}

/// Writes the hash; ends all sessions but one, and every sign-in that waits for its second factor.
async fn set_password(
    change: &DatabaseTransaction,
    account: AccountKey,
    password: ChosenPassword<'_>,
    keep: Option<&Sha256>,
) -> Result<Vec<Sha256>, StateError> {
    let doing = StateError::doing("write a password");
    let held = factor_changes::locked(change, account).await.map_err(&doing)?;
    may_guard(password.stands_alone, held)?;
    let row = account::ActiveModel {
        password_hash: Set(password.hash.to_owned()),
        password_stands_alone: Set(password.stands_alone),
        ..account::ActiveModel::default()
    };
    let update = account::Entity::update_many().set(row).filter(account::Column::Id.eq(account.0));
    if update.exec(change).await.map_err(&doing)?.rows_affected == 0 {
        return Err(StateError::NotFound { what: "account", name: account.0.to_string() });
    }
    // Whoever gave the old password and has yet to give a second factor begins again.
    let mut half_way = Query::delete();
    half_way.from_table("pending_sign_ins").cond_where(Expr::col("account_id").eq(account.0));
    change.execute(&half_way).await.map_err(&doing)?;
    end_sessions(change, account, keep).await
}

/// Ends all sessions but one. Out: their hashes.
pub(super) async fn end_sessions(
    change: &impl ConnectionTrait,
    account: AccountKey,
    keep: Option<&Sha256>,
) -> Result<Vec<Sha256>, StateError> {
    let doing = StateError::doing("end sessions");
    let mut of = Condition::all().add(session::Column::AccountId.eq(account.0));
    if let Some(keep) = keep {
        of = of.add(session::Column::TokenHash.ne(keep.to_vec()));
    }
    let ended: Vec<Vec<u8>> = session::Entity::find()
        .filter(of.clone())
        .select_only()
        .column(session::Column::TokenHash)
        .into_tuple()
        .all(change)
        .await
        .map_err(&doing)?;
    session::Entity::delete_many().filter(of).exec(change).await.map_err(&doing)?;
    ended.into_iter().map(|hash| sha256(hash, "sessions", "token_hash")).collect()
}

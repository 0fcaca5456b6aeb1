//! Deleting an account.
//!
//! In: an account whose owner wants it gone. Out: nothing that names it is left: sessions, tokens, factors, grants,
//! memberships, links, mails and messages to it, what it wrote to alarms, what waits for its answer, the details of its acts
//! in the audit log. The log's rows stay; they hold numbers. Refuses where nobody would be left to manage an inverter or own an organization.

use fleet::AccountKey;
use sea_orm::sea_query::{Expr, Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use super::tables::audit::{detail, entry};
use super::tables::incidents::alarm;
use super::tables::organizations::{invitation, offer};
use super::tables::{account, outbox as mails};
use super::{
    Account, Act, NewMail, Sha256, StateError, StateStore, audit, mailed_links, manned, outbox, registration,
};

impl StateStore {
    /// Deletes an account, and writes the last letter to it. Out: the ended sessions' hashes.
    ///
    /// # Errors
    /// [`StateError::Refused`], [`StateError::Database`].
    pub async fn delete_account(
        &self,
        account: &Account,
        act: &Act,
        farewell: &NewMail<'_>,
    ) -> Result<Vec<Sha256>, StateError> {
        const DOING: &str = "delete an account";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        manned::account_may_go(&change, account.key, act.at()).await?;
        let ended = registration::end_sessions(&change, account.key, None).await?;
        audit::append(&change, act).await.map_err(&doing)?;
        forget(&change, account).await.map_err(&doing)?;
        // Tokens, factors, grants, memberships and sites go with it.
        account::Entity::delete_by_id(account.key.0).exec(&change).await.map_err(&doing)?;
        outbox::queue(&change, farewell).await.map_err(&doing)?;
        self.commit_change(change, DOING).await?;
        Ok(ended)
    }
}

/// Erases what names the account outside its own rows.
async fn forget(change: &impl ConnectionTrait, account: &Account) -> Result<(), DbErr> {
    let (key, address) = (account.key, account.email.as_str());
    mailed_links::forget(change, address, key).await?;
    let told =
        Condition::any().add(mails::Column::Recipient.eq(address)).add(mails::Column::AccountId.eq(key.0));
    mails::Entity::delete_many().filter(told).exec(change).await?;
    alarm::Entity::update_many()
        .col_expr(alarm::Column::AcknowledgedBy, Expr::value(None::<i64>))
        .col_expr(alarm::Column::Note, Expr::value(""))
        .filter(alarm::Column::AcknowledgedBy.eq(key.0))
        .exec(change)
        .await?;
    let offers =
        Condition::any().add(offer::Column::Recipient.eq(address)).add(offer::Column::MadeBy.eq(key.0));
    offer::Entity::delete_many().filter(offers).exec(change).await?;
    let invitations =
        Condition::any().add(invitation::Column::Email.eq(address)).add(invitation::Column::MadeBy.eq(key.0));
    invitation::Entity::delete_many().filter(invitations).exec(change).await?;
    let details = detail::Column::Sequence.in_subquery(acts_of(key));
    detail::Entity::delete_many().filter(details).exec(change).await?;
    Ok(())
}

/// The numbers of what an account did and of what was done to it.
fn acts_of(account: AccountKey) -> SelectStatement {
    let concerns = Condition::any()
        .add(entry::Column::ActorId.eq(account.0))
        .add(entry::Column::AccountId.eq(account.0));
    Query::select().column(entry::Column::Sequence).from(entry::Entity).cond_where(concerns).to_owned()
}

//! Webhooks: addresses of people's own programs.
//!
//! In: an address, its sealed secret, the challenge that it must answer first. Out: rows; when one has failed for days it
//! is switched off, and its owner is told. Never sees a secret.

use fleet::AccountKey;
use fleet::notice::{MOST_WEBHOOKS, webhook_is_over};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
};
use wire::UtcMs;

use super::own_ways::Farewell;
use super::tables::channels::webhook::{ActiveModel, Column, Entity, Model};
use super::{Act, NewMail, NewNote, StateError, StateStore, audit, notes, outbox};

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its name in addresses and in the outbox.
    pub public_id: String,
    /// Whose.
    pub account: AccountKey,
    /// Where requests go.
    pub url: String,
    /// What they are signed with, sealed.
    pub sealed_secret: Vec<u8>,
    /// When it was made.
    pub added_at: UtcMs,
    /// When its challenge was answered.
    pub verified_at: Option<UtcMs>,
    /// Since when it has answered nothing good.
    pub failing_since: Option<UtcMs>,
    /// When it was switched off.
    pub disabled_at: Option<UtcMs>,
}

/// A webhook to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewWebhook<'a> {
    /// Its name.
    pub public_id: &'a str,
    /// Whose.
    pub account: AccountKey,
    /// Where requests go.
    pub url: &'a str,
    /// What they are signed with, sealed.
    pub sealed_secret: &'a [u8],
    /// The challenge.
    pub challenge: NewNote<'a>,
}

impl Webhook {
    /// Messages are sent there.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.verified_at.is_some() && self.disabled_at.is_none()
    }
}

impl StateStore {
    /// An account's webhooks, the oldest first.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn webhooks(&self, account: AccountKey) -> Result<Vec<Webhook>, StateError> {
        let query = Entity::find().filter(Column::AccountId.eq(account.0)).order_by_asc(Column::Id);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list webhooks"))?;
        Ok(rows.into_iter().map(Webhook::from_row).collect())
    }

    /// One webhook.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn webhook(&self, public_id: &str) -> Result<Option<Webhook>, StateError> {
        let row = Entity::find().filter(Column::PublicId.eq(public_id)).one(&self.connection).await;
        Ok(row.map_err(StateError::doing("look up a webhook"))?.map(Webhook::from_row))
    }

    /// Keeps a webhook and sends its challenge. `false`: the account has as many as may be.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn add_webhook(
        &self,
        new: NewWebhook<'_>,
        act: &Act,
        letters: &[NewMail<'_>],
    ) -> Result<bool, StateError> {
        const DOING: &str = "keep a webhook";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let of_account = Entity::find().filter(Column::AccountId.eq(new.account.0)).count(&change).await;
        if of_account.map_err(&doing)? >= MOST_WEBHOOKS as u64 {
            return Ok(false);
        }
        let row = ActiveModel {
            id: NotSet,
            public_id: Set(new.public_id.to_owned()),
            account_id: Set(new.account.0),
            url: Set(new.url.to_owned()),
            sealed_secret: Set(new.sealed_secret.to_vec()),
            added_at: Set(act.at().0),
            verified_at: Set(None),
            failing_since: Set(None),
            disabled_at: Set(None),
        };
        Entity::insert(row).exec_without_returning(&change).await.map_err(&doing)?;
        notes::queue_note(&change, &new.challenge).await.map_err(&doing)?;
        audit::append(&change, act).await.map_err(&doing)?;
        outbox::queue_all(&change, letters).await.map_err(&doing)?;
        self.commit_change(change, DOING).await?;
        Ok(true)
    }

    /// It answered as it should; with `verified`, a challenge.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn webhook_answered(
        &self,
        public_id: &str,
        verified: bool,
        now: UtcMs,
    ) -> Result<(), StateError> {
        const DOING: &str = "note a webhook's answer";
        let change = self.begin_change(DOING).await?;
        let mut row = ActiveModel { failing_since: Set(None), ..ActiveModel::default() };
        if verified {
            (row.verified_at, row.disabled_at) = (Set(Some(now.0)), Set(None));
        }
        let update = Entity::update_many().set(row).filter(Column::PublicId.eq(public_id));
        update.exec(&change).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await
    }

    /// It did not answer as it should. When that has gone on for days, it is switched off, which is logged, and `letter` is
    /// sent. Whether it was switched off now.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn webhook_failed(
        &self,
        public_id: &str,
        act: &Act,
        letter: &NewMail<'_>,
    ) -> Result<bool, StateError> {
        const DOING: &str = "note a webhook's failure";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let row = Entity::find().filter(Column::PublicId.eq(public_id)).one(&change).await.map_err(&doing)?;
        let Some(row) = row.filter(|row| row.verified_at.is_some() && row.disabled_at.is_none()) else {
            return Ok(false);
        };
        let since = UtcMs(row.failing_since.unwrap_or(act.at().0));
        let over = webhook_is_over(since, act.at());
        let update = ActiveModel {
            failing_since: Set(Some(since.0)),
            disabled_at: Set(over.then_some(act.at().0)),
            ..ActiveModel::default()
        };
        Entity::update_many()
            .set(update)
            .filter(Column::Id.eq(row.id))
            .exec(&change)
            .await
            .map_err(&doing)?;
        if over {
            audit::append(&change, act).await.map_err(&doing)?;
            outbox::queue(&change, letter).await.map_err(&doing)?;
        }
        self.commit_change(change, DOING).await?;
        Ok(over)
    }

    /// Sends a challenge once more; answered, it switches the webhook on again. Whether the account has it.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn challenge_webhook(
        &self,
        account: AccountKey,
        public_id: &str,
        act: &Act,
        challenge: &NewNote<'_>,
    ) -> Result<bool, StateError> {
        const DOING: &str = "challenge a webhook";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let found = Entity::find()
            .filter(Column::AccountId.eq(account.0))
            .filter(Column::PublicId.eq(public_id))
            .count(&change);
        if found.await.map_err(&doing)? == 0 {
            return Ok(false);
        }
        notes::queue_note(&change, challenge).await.map_err(&doing)?;
        audit::append(&change, act).await.map_err(&doing)?;
        self.commit_change(change, DOING).await?;
        Ok(true)
    }

    /// Removes a webhook. Whether the account had it.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn remove_webhook(
        &self,
        account: AccountKey,
        public_id: &str,
        act: &Act,
        letters: &[NewMail<'_>],
    ) -> Result<bool, StateError> {
        let goes = Farewell { letters, last: None };
        self.remove_way::<Entity>("remove a webhook", (account, public_id), act, goes).await
    }
}

impl Webhook {
    fn from_row(row: Model) -> Self {
        Self {
            public_id: row.public_id,
            account: AccountKey(row.account_id),
            url: row.url,
            sealed_secret: row.sealed_secret,
            added_at: UtcMs(row.added_at),
            verified_at: row.verified_at.map(UtcMs),
            failing_since: row.failing_since.map(UtcMs),
            disabled_at: row.disabled_at.map(UtcMs),
        }
    }
}

//! Browsers that messages are pushed to.
//!
//! In: what a browser subscribed with, the hash of a proof that the first message carries. Out: rows. A browser is
//! verified when it brought the proof back. One endpoint is one browser: whoever signs in there last gets its messages.

use fleet::AccountKey;
use fleet::notice::MOST_PUSH_DEVICES;
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
};
use wire::UtcMs;

use super::own_ways::Farewell;
use super::tables::channels::push::{ActiveModel, Column, Entity, Model};
use super::{Act, NewMail, NewNote, Sha256, StateError, StateStore, audit, notes, outbox};

/// A browser.
#[derive(Clone, PartialEq, Eq)]
pub struct PushDevice {
    /// Its name in addresses and in the outbox.
    pub public_id: String,
    /// Whose.
    pub account: AccountKey,
    /// Where its push service takes messages.
    pub endpoint: String,
    /// Its key, an uncompressed point of P-256.
    pub public_key: Vec<u8>,
    /// What it shares with us.
    pub secret: Vec<u8>,
    /// What its owner sees.
    pub name: String,
    /// When it subscribed.
    pub added_at: UtcMs,
    /// When it first brought back what was pushed.
    pub verified_at: Option<UtcMs>,
}

/// A browser to be kept.
#[derive(Clone, Copy)]
pub struct NewPushDevice<'a> {
    /// Its name.
    pub public_id: &'a str,
    /// Whose.
    pub account: AccountKey,
    /// Where its push service takes messages.
    pub endpoint: &'a str,
    /// Its key.
    pub public_key: &'a [u8],
    /// What it shares with us.
    pub secret: &'a [u8],
    /// What its owner sees.
    pub name: &'a str,
    /// Of what the first message carries.
    pub proof_hash: Sha256,
    /// The first message.
    pub message: NewNote<'a>,
    /// Whose the same browser was until now, if it was somebody else's.
    pub taken_from: Option<TakenFrom<'a>>,
}

/// Who loses a browser, and how that is written down and told.
#[derive(Clone, Copy, Debug)]
pub struct TakenFrom<'a> {
    /// Whose it was.
    pub account: AccountKey,
    /// For the log.
    pub act: &'a Act,
    /// To them.
    pub letter: NewMail<'a>,
}

/// Endpoints and secrets let anybody push: printing shows neither.
impl std::fmt::Debug for PushDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushDevice").field("public_id", &self.public_id).finish_non_exhaustive()
    }
}

impl StateStore {
    /// An account's browsers, the oldest first.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn push_devices(&self, account: AccountKey) -> Result<Vec<PushDevice>, StateError> {
        let query = Entity::find().filter(Column::AccountId.eq(account.0)).order_by_asc(Column::Id);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list browsers"))?;
        Ok(rows.into_iter().map(PushDevice::from_row).collect())
    }

    /// One browser.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn push_device(&self, public_id: &str) -> Result<Option<PushDevice>, StateError> {
        let row = Entity::find().filter(Column::PublicId.eq(public_id)).one(&self.connection).await;
        Ok(row.map_err(StateError::doing("look up a browser"))?.map(PushDevice::from_row))
    }

    /// The browser whose push service takes messages there.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn push_device_at(&self, endpoint: &str) -> Result<Option<PushDevice>, StateError> {
        let row = Entity::find().filter(Column::Endpoint.eq(endpoint)).one(&self.connection).await;
        Ok(row.map_err(StateError::doing("look up a browser"))?.map(PushDevice::from_row))
    }

    /// Keeps a browser, in the place of the same endpoint. `false`: the account has as many as may be.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn add_push_device(
        &self,
        new: NewPushDevice<'_>,
        act: &Act,
        letters: &[NewMail<'_>],
    ) -> Result<bool, StateError> {
        const DOING: &str = "keep a browser";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let same =
            Entity::find().filter(Column::Endpoint.eq(new.endpoint)).one(&change).await.map_err(&doing)?;
        if let Some(same) = same {
            Entity::delete_by_id(same.id).exec(&change).await.map_err(&doing)?;
            if let Some(taken) = new.taken_from.filter(|taken| taken.account.0 == same.account_id) {
                audit::append(&change, taken.act).await.map_err(&doing)?;
                outbox::queue(&change, &taken.letter).await.map_err(&doing)?;
            }
        }
        let of_account = Entity::find().filter(Column::AccountId.eq(new.account.0)).count(&change).await;
        if of_account.map_err(&doing)? >= MOST_PUSH_DEVICES as u64 {
            return Ok(false);
        }
        let row = ActiveModel {
            id: NotSet,
            public_id: Set(new.public_id.to_owned()),
            account_id: Set(new.account.0),
            endpoint: Set(new.endpoint.to_owned()),
            public_key: Set(new.public_key.to_vec()),
            secret: Set(new.secret.to_vec()),
            name: Set(new.name.to_owned()),
            proof_hash: Set(new.proof_hash.to_vec()),
            added_at: Set(act.at().0),
            verified_at: Set(None),
        };
        Entity::insert(row).exec_without_returning(&change).await.map_err(&doing)?;
        notes::queue_note(&change, &new.message).await.map_err(&doing)?;
        audit::append(&change, act).await.map_err(&doing)?;
        outbox::queue_all(&change, letters).await.map_err(&doing)?;
        self.commit_change(change, DOING).await?;
        Ok(true)
    }

    /// A browser brought back what was pushed to it. Whether it was its proof.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn push_arrived(
        &self,
        public_id: &str,
        proof_hash: &Sha256,
        now: UtcMs,
    ) -> Result<bool, StateError> {
        const DOING: &str = "verify a browser";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let row = ActiveModel { verified_at: Set(Some(now.0)), ..ActiveModel::default() };
        let update = Entity::update_many()
            .set(row)
            .filter(Column::PublicId.eq(public_id))
            .filter(Column::ProofHash.eq(proof_hash.to_vec()))
            .filter(Column::VerifiedAt.is_null());
        let verified = update.exec(&change).await.map_err(&doing)?.rows_affected > 0;
        self.commit_change(change, DOING).await?;
        Ok(verified)
    }

    /// Removes a browser of an account. Whether it had it.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn remove_push_device(
        &self,
        account: AccountKey,
        public_id: &str,
        act: &Act,
        letters: &[NewMail<'_>],
    ) -> Result<bool, StateError> {
        let goes = Farewell { letters, last: None };
        self.remove_way::<Entity>("remove a browser", (account, public_id), act, goes).await
    }
}

impl PushDevice {
    fn from_row(row: Model) -> Self {
        Self {
            public_id: row.public_id,
            account: AccountKey(row.account_id),
            endpoint: row.endpoint,
            public_key: row.public_key,
            secret: row.secret,
            name: row.name,
            added_at: UtcMs(row.added_at),
            verified_at: row.verified_at.map(UtcMs),
        }
    }
}

//! How messages about alarms to one person went, all in all.
//!
//! In: an account, since when. Out: how many, by channel and by what is known of them. Never what they said or where to.

use fleet::AccountKey;
use fleet::notice::{Channel, Fate};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use wire::UtcMs;

use super::outbox::channel;
use super::tables::outbox::{Column, Entity};
use super::{MailState, StateError, StateStore};

/// Messages of one channel of which the same is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// By which way.
    pub channel: Channel,
    /// What is known.
    pub fate: Fate,
    /// How many.
    pub count: u64,
}

impl StateStore {
    /// Messages about alarms that were queued for an account from `since` on. What was withheld, as access to it had ended,
    /// does not count.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn reached(&self, account: AccountKey, since: UtcMs) -> Result<Vec<Reached>, StateError> {
        let query = Entity::find()
            .select_only()
            .column(Column::Channel)
            .column(Column::State)
            .column_as(Column::Id.count(), "messages")
            .filter(Column::AccountId.eq(account.0))
            .filter(Column::IncidentId.is_not_null())
            .filter(Column::QueuedAt.gte(since.0))
            .filter(Column::State.ne(MailState::Withheld.name()))
            .group_by(Column::Channel)
            .group_by(Column::State);
        let rows: Vec<(String, String, i64)> =
            query.into_tuple().all(&self.connection).await.map_err(StateError::doing("count messages"))?;
        let mut reached: Vec<Reached> = Vec::new();
        for (name, state, count) in rows {
            let channel = channel(&name)?;
            let known = MailState::from_name(&state);
            let known = known.ok_or(StateError::Row { table: "outbox", column: "state", value: state })?;
            let (fate, count) = (known.fate(channel), count.unsigned_abs());
            match reached.iter_mut().find(|one| (one.channel, one.fate) == (channel, fate)) {
                Some(one) => one.count += count,
                None => reached.push(Reached { channel, fate, count }),
            }
        }
        reached.sort_by_key(|one| (one.channel, one.fate.name()));
        Ok(reached)
    }
}

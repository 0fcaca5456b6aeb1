//! Events: what happened to inverters, once each.
//!
//! In: rows under deterministic keys. Out: the same; writing one again changes nothing, so replaying the journal is
//! harmless (decision 8).

use fleet::InverterKey;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::tables::event::{ActiveModel, Column, Entity, Model};
use super::{StateError, StateStore, connect, pieces};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// To which inverter.
    pub inverter: InverterKey,
    /// The same for the same cause, however often it is applied; unique per inverter.
    pub key: String,
    /// What kind, for example `raised`.
    pub kind: String,
    /// Which condition, where it is about one.
    pub condition: Option<String>,
    /// When it happened.
    pub occurred_at: UtcMs,
    /// When the cloud heard of it.
    pub received_at: UtcMs,
    /// Told of by late data.
    pub late: bool,
    /// The rest, as the kind has it.
    pub detail: String,
}

/// Rows in one statement: 8 columns each, well below SQLite's 32,766 parameters.
const ROWS_A_STATEMENT: usize = 1_000;
/// Most events that one read returns.
const MOST_EVENTS: u64 = 10_000;

impl StateStore {
    /// Writes events at once; those already there are left as they are.
    ///
    /// # Errors
    /// [`StateError::Database`]; then none is written.
    pub async fn commit_events(&self, events: &[EventRow]) -> Result<(), StateError> {
        if events.is_empty() {
            return Ok(());
        }
        let failed = StateError::doing("write events");
        let transaction = connect::begin(&self.connection).await.map_err(&failed)?;
        insert(&transaction, events).await.map_err(&failed)?;
        transaction.commit().await.map_err(&failed)
    }

    /// An inverter's events with `from <= occurred_at < to`, the newest first, at most `most` (10,000 at the most).
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn events(
        &self,
        inverter: InverterKey,
        from: UtcMs,
        to: UtcMs,
        most: u64,
    ) -> Result<Vec<EventRow>, StateError> {
        let query = Entity::find()
            .filter(Column::InverterId.eq(i64::from(inverter.0)))
            .filter(Column::OccurredAt.gte(from.0))
            .filter(Column::OccurredAt.lt(to.0))
            .order_by_desc(Column::OccurredAt)
            .order_by_desc(Column::Key)
            .limit(most.min(MOST_EVENTS));
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list events"))?;
        rows.into_iter().map(EventRow::from_row).collect()
    }

    /// What late data told of inverters in `from <= received_at < to`: conditions that had held, each inverter and condition
    /// once, at most `most`.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn told_late(
        &self,
        inverters: &[InverterKey],
        from: UtcMs,
        to: UtcMs,
        most: u64,
    ) -> Result<Vec<(InverterKey, String)>, StateError> {
        let query = Entity::find()
            .select_only()
            .columns([Column::InverterId, Column::Condition])
            .distinct()
            .filter(Column::InverterId.is_in(inverters.iter().map(|key| i64::from(key.0))))
            .filter(Column::Kind.eq("was_raised"))
            .filter(Column::ReceivedAt.gte(from.0))
            .filter(Column::ReceivedAt.lt(to.0))
            .order_by_asc(Column::InverterId)
            .limit(most);
        let rows: Vec<(i64, Option<String>)> =
            query.into_tuple().all(&self.connection).await.map_err(StateError::doing("list late events"))?;
        rows.into_iter()
            .map(|(key, condition)| Ok((inverter_key(key)?, condition.unwrap_or_default())))
            .collect()
    }

    /// Forgets events that occurred before `before`. How many.
    ///
    /// # Errors
    /// [`StateError::Database`]; what went before it is gone.
    pub async fn delete_events_before(&self, before: UtcMs) -> Result<u64, StateError> {
        let gone =
            pieces::delete::<Entity>(&self.connection, Column::OccurredAt, before, Condition::all()).await;
        gone.map_err(StateError::doing("forget events"))
    }
}

/// Inserts within the caller's transaction.
pub(super) async fn insert(connection: &impl ConnectionTrait, events: &[EventRow]) -> Result<(), DbErr> {
    for part in events.chunks(ROWS_A_STATEMENT) {
        Entity::insert_many(part.iter().map(EventRow::to_row))
            .on_conflict_do_nothing()
            .exec_without_returning(connection)
            .await?;
    }
    Ok(())
}

impl EventRow {
    /// The row of what happened to an inverter.
    #[must_use]
    pub fn of(inverter: InverterKey, event: &fleet::Event) -> Self {
        Self {
            inverter,
            key: event.key(),
            kind: event.kind.name().to_owned(),
            condition: event.kind.condition().map(|condition| condition.name().to_owned()),
            occurred_at: event.time,
            received_at: event.received_at,
            late: event.late,
            detail: event.kind.detail(),
        }
    }

    fn to_row(&self) -> ActiveModel {
        ActiveModel {
            inverter_id: Set(i64::from(self.inverter.0)),
            key: Set(self.key.clone()),
            kind: Set(self.kind.clone()),
            condition: Set(self.condition.clone()),
            occurred_at: Set(self.occurred_at.0),
            received_at: Set(self.received_at.0),
            late: Set(self.late),
            detail: Set(self.detail.clone()),
        }
    }

    fn from_row(row: Model) -> Result<Self, StateError> {
        Ok(Self {
            inverter: inverter_key(row.inverter_id)?,
            key: row.key,
            kind: row.kind,
            condition: row.condition,
            occurred_at: UtcMs(row.occurred_at),
            received_at: UtcMs(row.received_at),
            late: row.late,
            detail: row.detail,
        })
    }
}

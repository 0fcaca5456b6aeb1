//! Records: tests and outages of inverters that are over.
//!
//! In: records under deterministic keys. Out: the same; writing one again changes nothing, and one of which more is known by then takes
//! its place. Thirty days from their start they are gone.

use fleet::{InverterKey, Record};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::tables::records::record::{ActiveModel, Column, Entity, Model};
use super::{StateError, StateStore, connect, logbook_enter, pieces};

/// A test or an outage of an inverter.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordRow {
    /// Of which inverter.
    pub inverter: InverterKey,
    /// What it was.
    pub record: Record,
    /// When the cloud had heard all that is in it.
    pub told_at: UtcMs,
}

/// Rows in one statement: 7 columns each, well below SQLite's 32,766 parameters.
const ROWS_A_STATEMENT: usize = 1_000;
/// Most records that one read returns.
const MOST_RECORDS: u64 = 100_000;
/// Inverters in one statement's list.
const INVERTERS_A_STATEMENT: usize = 10_000;

impl StateStore {
    /// Writes records at once; one that is there under the same key is replaced.
    ///
    /// # Errors
    /// [`StateError::Database`]; then none is written.
    pub async fn commit_records(&self, records: &[RecordRow]) -> Result<(), StateError> {
        if records.is_empty() {
            return Ok(());
        }
        let failed = StateError::doing("write records");
        let change = connect::begin(&self.connection).await.map_err(&failed)?;
        insert(&change, records).await.map_err(&failed)?;
        change.commit().await.map_err(&failed)
    }

    /// Records of some inverters with `from <= start < to`, the oldest first, at most `most` (100,000 at the most).
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn records(
        &self,
        inverters: &[InverterKey],
        from: UtcMs,
        to: UtcMs,
        most: u64,
    ) -> Result<Vec<RecordRow>, StateError> {
        let mut found = Vec::new();
        for part in inverters.chunks(INVERTERS_A_STATEMENT) {
            let query = Entity::find()
                .filter(Column::InverterId.is_in(part.iter().map(|key| i64::from(key.0))))
                .filter(Column::StartedAt.gte(from.0))
                .filter(Column::StartedAt.lt(to.0))
                .order_by_asc(Column::StartedAt)
                .order_by_asc(Column::InverterId)
                .order_by_asc(Column::Key)
                .limit(most.min(MOST_RECORDS));
            let rows = query.all(&self.connection).await.map_err(StateError::doing("list records"))?;
            for row in rows {
                found.push(RecordRow::from_row(row)?);
            }
        }
        if inverters.len() > INVERTERS_A_STATEMENT {
            found.sort_by_key(|row| (row.record.started(), row.inverter));
            found.truncate(usize::try_from(most.min(MOST_RECORDS)).unwrap_or(usize::MAX));
        }
        Ok(found)
    }

    /// One record of an inverter, by its key.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn record(&self, inverter: InverterKey, key: &str) -> Result<Option<RecordRow>, StateError> {
        let row = Entity::find_by_id((i64::from(inverter.0), key.to_owned())).one(&self.connection).await;
        row.map_err(StateError::doing("read a record"))?.map(RecordRow::from_row).transpose()
    }

    /// Forgets records of what began before `before`. How many.
    ///
    /// # Errors
    /// [`StateError::Database`]: what went before it is gone.
    pub async fn delete_records_before(&self, before: UtcMs) -> Result<u64, StateError> {
        let gone =
            pieces::delete::<Entity>(&self.connection, Column::StartedAt, before, Condition::all()).await;
        gone.map_err(StateError::doing("forget records"))
    }
}

/// Inserts within the caller's transaction.
pub(super) async fn insert(connection: &impl ConnectionTrait, records: &[RecordRow]) -> Result<(), DbErr> {
    let replace = OnConflict::columns([Column::InverterId, Column::Key])
        .update_columns([Column::StartedAt, Column::ToldAt, Column::Record])
        // A story that was told is not told again.
        .value(
            Column::TellAt,
            Expr::cust("CASE WHEN records.tell_at IS NULL THEN NULL ELSE excluded.tell_at END"),
        )
        .to_owned();
    for part in records.chunks(ROWS_A_STATEMENT) {
        let rows = Entity::insert_many(part.iter().map(RecordRow::to_row)).on_conflict(replace.clone());
        rows.exec_without_returning(connection).await?;
    }
    // An organization that keeps a logbook has them entered there.
    logbook_enter::wait(connection, records).await
}

impl RecordRow {
    fn to_row(&self) -> ActiveModel {
        let tell_at = match &self.record {
            Record::Outage(outage) => outage.tell_at(self.told_at),
            Record::Test(_) => None,
        };
        ActiveModel {
            inverter_id: Set(i64::from(self.inverter.0)),
            key: Set(self.record.key()),
            kind: Set(self.record.kind().name().to_owned()),
            started_at: Set(self.record.started().0),
            told_at: Set(self.told_at.0),
            record: Set(self.record.to_bytes()),
            tell_at: Set(tell_at.map(|at| at.0)),
        }
    }

    pub(super) fn from_row(row: Model) -> Result<Self, StateError> {
        let record = Record::from_bytes(&row.record).map_err(|error| StateError::Row {
            table: "records",
            column: "record",
            value: format!("{} ({error})", row.key),
        })?;
        Ok(Self { inverter: inverter_key(row.inverter_id)?, record, told_at: UtcMs(row.told_at) })
    }
}

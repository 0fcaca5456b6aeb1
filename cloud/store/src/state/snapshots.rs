//! Snapshots: what is true of each inverter, as bytes of the pipeline, with the journal position they stand at.
//!
//! In: the states that changed, events, the position. Out: all of it or nothing, in one transaction (decision 8).

use fleet::InverterKey;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter};

use wire::UtcMs;

use super::inverters::inverter_key;
use super::tables::incidents::alarm;
use super::tables::records::record;
use super::tables::{inverter, journal_position, snapshot};
use super::{EventRow, RecordRow, StateError, StateStore, connect, events, records};
use crate::Position;

/// Where the pipeline stood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshots {
    /// Everything at or before it is in `states`; [`Position::START`] in a new store.
    pub position: Position,
    /// The time that it had come to there; 1970 in a new store.
    pub watched_until: UtcMs,
    /// State of each inverter, as it was given.
    pub states: Vec<(InverterKey, Vec<u8>)>,
}

/// The only partition on one machine.
const PARTITION: i64 = 0;
/// Rows in one statement: 2 columns each, and not more than some megabytes at once.
const ROWS_A_STATEMENT: usize = 500;

impl StateStore {
    /// Replaces the given states, writes the events (those already there stay) and the records, and moves the position and the time that it
    /// had come to there: all or nothing, durable on return.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn commit_snapshots(
        &self,
        states: &[(InverterKey, Vec<u8>)],
        new_events: &[EventRow],
        new_records: &[RecordRow],
        position: Position,
        watched_until: UtcMs,
    ) -> Result<(), StateError> {
        let failed = StateError::doing("write snapshots");
        let transaction = connect::begin(&self.connection).await.map_err(&failed)?;
        write_states(&transaction, states).await.map_err(&failed)?;
        events::insert(&transaction, new_events).await.map_err(&failed)?;
        records::insert(&transaction, new_records).await.map_err(&failed)?;
        write_position(&transaction, position, watched_until).await.map_err(&failed)?;
        transaction.commit().await.map_err(&failed)
    }

    /// Forgets states, events, alarms and records of inverters that were given up, should one have been written after that. How many states.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn forget_given_up(&self) -> Result<u64, StateError> {
        let failed = StateError::doing("forget inverters that were given up");
        let there = || {
            sea_orm::sea_query::Query::select().column(inverter::Column::Id).from(inverter::Entity).to_owned()
        };
        self.delete_events_of_nobody().await?;
        let alarms = alarm::Entity::delete_many().filter(alarm::Column::InverterId.not_in_subquery(there()));
        alarms.exec(&self.connection).await.map_err(&failed)?;
        let records =
            record::Entity::delete_many().filter(record::Column::InverterId.not_in_subquery(there()));
        records.exec(&self.connection).await.map_err(&failed)?;
        let states =
            snapshot::Entity::delete_many().filter(snapshot::Column::InverterId.not_in_subquery(there()));
        Ok(states.exec(&self.connection).await.map_err(&failed)?.rows_affected)
    }

    /// All states and the position they stand at, from one instant.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn load_snapshots(&self) -> Result<Snapshots, StateError> {
        let failed = StateError::doing("load snapshots");
        let transaction = connect::begin(&self.connection).await.map_err(&failed)?;
        let position =
            journal_position::Entity::find_by_id(PARTITION).one(&transaction).await.map_err(&failed)?;
        let states = snapshot::Entity::find().all(&transaction).await.map_err(&failed)?;
        transaction.rollback().await.map_err(&failed)?;
        let watched_until = position.as_ref().map_or(UtcMs(0), |row| UtcMs(row.watched_until));
        let position = position.map(position_of).transpose()?.unwrap_or_default();
        let states = states.into_iter().map(|row| Ok((inverter_key(row.inverter_id)?, row.state)));
        Ok(Snapshots { position, watched_until, states: states.collect::<Result<_, StateError>>()? })
    }
}

async fn write_states(
    transaction: &DatabaseTransaction,
    states: &[(InverterKey, Vec<u8>)],
) -> Result<(), DbErr> {
    let replace =
        OnConflict::column(snapshot::Column::InverterId).update_column(snapshot::Column::State).to_owned();
    for part in states.chunks(ROWS_A_STATEMENT) {
        let rows = part.iter().map(|(inverter, state)| snapshot::ActiveModel {
            inverter_id: Set(i64::from(inverter.0)),
            state: Set(state.clone()),
        });
        let insert = snapshot::Entity::insert_many(rows).on_conflict(replace.clone());
        insert.exec_without_returning(transaction).await?;
    }
    Ok(())
}

async fn write_position(
    transaction: &DatabaseTransaction,
    position: Position,
    watched_until: UtcMs,
) -> Result<(), DbErr> {
    use journal_position::{ActiveModel, Column, Entity};
    let row = ActiveModel {
        partition: Set(PARTITION),
        batch: Set(position.batch.cast_signed()),
        entry: Set(i64::from(position.index)),
        watched_until: Set(watched_until.0),
    };
    let columns = [Column::Batch, Column::Entry, Column::WatchedUntil];
    let replace = OnConflict::column(Column::Partition).update_columns(columns).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(transaction).await?;
    Ok(())
}

fn position_of(row: journal_position::Model) -> Result<Position, StateError> {
    let index = u32::try_from(row.entry).map_err(|_| StateError::Row {
        table: "journal_positions",
        column: "entry",
        value: row.entry.to_string(),
    })?;
    Ok(Position { batch: row.batch.cast_unsigned(), index })
}

//! Events: what happened to inverters, once each.
//!
//! In: rows under deterministic keys. Out: the same; writing one again changes nothing, so replaying the journal is
//! harmless (decision 8).

use std::time::Instant;

use fleet::InverterKey;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait,
    FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Statement,
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

/// Old ones that go at once, signed as SQLite counts.
const AT_ONCE: i64 = pieces::AT_ONCE.cast_signed();
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
    /// Inverter after inverter: what one had stands together, so a piece changes few pages. In the order of time it would
    /// change some of every inverter's.
    ///
    /// # Errors
    /// [`StateError::Database`]; what went before it is gone.
    pub async fn delete_events_before(&self, before: UtcMs) -> Result<u64, StateError> {
        let doing = StateError::doing("forget events");
        let (mut gone, mut after) = (0, i64::MIN);
        loop {
            let began = Instant::now();
            let old = old_after(&self.connection, after, before).await.map_err(&doing)?;
            let together = fit_together(&old);
            let Some(last) = together.last() else { return Ok(gone) };
            let theirs = Column::InverterId.is_in(together.iter().map(|one| one.inverter_id));
            if last.rows > AT_ONCE {
                let only = Condition::all().add(theirs);
                gone += pieces::delete::<Entity>(&self.connection, Column::OccurredAt, before, only)
                    .await
                    .map_err(&doing)?;
            } else {
                let these = Entity::delete_many().filter(theirs).filter(Column::OccurredAt.lt(before.0));
                gone += these.exec(&self.connection).await.map_err(&doing)?.rows_affected;
            }
            pieces::rest(began).await;
            after = last.inverter_id;
        }
    }

    /// Forgets events of inverters that are not there any more.
    pub(super) async fn delete_events_of_nobody(&self) -> Result<(), StateError> {
        let doing = StateError::doing("forget events of inverters that were given up");
        for inverter in of_nobody(&self.connection).await.map_err(&doing)? {
            let only = Condition::all().add(Column::InverterId.eq(inverter));
            let all = UtcMs(i64::MAX);
            pieces::delete::<Entity>(&self.connection, Column::OccurredAt, all, only)
                .await
                .map_err(&doing)?;
        }
        Ok(())
    }
}

/// Inverters after one that have events, each found by a search in an index.
const HEARD: &str = "WITH RECURSIVE heard (id) AS (
        SELECT min(inverter_id) FROM events WHERE inverter_id > ?
        UNION ALL
        SELECT (SELECT min(inverter_id) FROM events WHERE inverter_id > heard.id) FROM heard WHERE id IS NOT NULL
    )";

/// An inverter with old events.
#[derive(FromQueryResult)]
struct Old {
    inverter_id: i64,
    /// How many, counted up to one more than go at once.
    rows: i64,
}

/// The next inverters after one that have events before `before`, by their numbers. Each step is a search in an index, so it
/// costs what there are inverters, not what there are events.
async fn old_after(connection: &DatabaseConnection, after: i64, before: UtcMs) -> Result<Vec<Old>, DbErr> {
    let sql = format!(
        "{HEARD}
        SELECT inverter_id, rows FROM (
            SELECT id AS inverter_id, (
                SELECT count(*) FROM (
                    SELECT 1 FROM events WHERE inverter_id = heard.id AND occurred_at < ? LIMIT ?
                )
            ) AS rows FROM heard WHERE id IS NOT NULL
        ) WHERE rows > 0 LIMIT ?"
    );
    let values = [after.into(), before.0.into(), (AT_ONCE + 1).into(), AT_ONCE.into()];
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    Old::find_by_statement(statement).all(connection).await
}

/// The first of them whose rows go at once; one alone where it has more.
fn fit_together(old: &[Old]) -> &[Old] {
    let mut rows = 0;
    let fit = old.iter().take_while(|one| {
        rows += one.rows;
        rows <= AT_ONCE
    });
    old.get(..fit.count().max(1)).unwrap_or_default()
}

/// Inverters that have events and are not there any more. As [`old_after`], it costs what there are inverters.
async fn of_nobody(connection: &DatabaseConnection) -> Result<Vec<i64>, DbErr> {
    let sql =
        format!("{HEARD} SELECT id FROM heard WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM inverters)");
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, [i64::MIN.into()]);
    let rows = connection.query_all_raw(statement).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()
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

//! Alarms: each from its raise to its end, with who has seen it.
//!
//! In: rows that the room `announcing` writes in its transaction. Out: the same, by the code in addresses, by inverter.
//! What an alarm is, is named by its record (decision 8); the code that names it outside is random and is drawn once, when
//! its row is first written. Rows go when they are 30 days old; one that is still active keeps its present state.

use fleet::alarm::Key;
use fleet::condition::Severity;
use fleet::{AccountKey, InverterKey};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::tables::incidents::alarm::{ActiveModel, Column, Entity, Model};
use super::{IncidentKey, StateError, StateStore, pieces};

/// Most alarms that one read returns.
const MOST_ALARMS: u64 = 10_000;

/// One alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Of which inverter.
    pub inverter: InverterKey,
    /// The text of its `fleet::alarm::AlarmName`: unique per inverter.
    pub name: String,
    /// Names it in addresses.
    pub code: String,
    /// What it is about.
    pub key: Key,
    /// How much it matters.
    pub severity: Severity,
    /// Since when its condition held.
    pub since: UtcMs,
    /// When it was raised.
    pub raised_at: UtcMs,
    /// When its condition was gone, and when it was cleared.
    pub cleared: Option<(UtcMs, UtcMs)>,
    /// It came and went.
    pub unstable: bool,
    /// Nobody was told of it so far: it was raised on the shelf or in maintenance.
    pub quiet: bool,
    /// When somebody acknowledged it.
    pub acknowledged_at: Option<UtcMs>,
    /// Who; nobody any more where that account is gone.
    pub acknowledged_by: Option<AccountKey>,
    /// What that person wrote, or empty.
    pub note: String,
    /// On the shelf until then.
    pub shelved_until: Option<UtcMs>,
    /// What it is part of.
    pub incident: Option<IncidentKey>,
}

impl StateStore {
    /// How many alarms are active, by severity. Few where any is.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn active_alarms_by_severity(&self) -> Result<Vec<(Severity, u64)>, StateError> {
        let rows: Vec<(String, i64)> = Entity::find()
            .select_only()
            .column(Column::Severity)
            .column_as(Column::Name.count(), "alarms")
            .filter(Column::ClearedAt.is_null())
            .group_by(Column::Severity)
            .into_tuple()
            .all(&self.connection)
            .await
            .map_err(StateError::doing("count alarms"))?;
        let named = |(name, count): (String, i64)| Some((Severity::from_name(&name)?, count.unsigned_abs()));
        Ok(rows.into_iter().filter_map(named).collect())
    }

    /// The alarm of a code, whosever inverter it is of: the caller asks `fleet::authorize`.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn alarm(&self, code: &str) -> Result<Option<Alarm>, StateError> {
        let query = Entity::find().filter(Column::Code.eq(code));
        let row = query.one(&self.connection).await.map_err(StateError::doing("look up an alarm"))?;
        row.map(Alarm::from_row).transpose()
    }

    /// The alarms of inverters that were raised in `from <= raised_at < to`, the newest first, at most `most` (10,000 at the
    /// most).
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn alarms(
        &self,
        inverters: &[InverterKey],
        from: UtcMs,
        to: UtcMs,
        most: u64,
    ) -> Result<Vec<Alarm>, StateError> {
        let query = Entity::find()
            .filter(Column::InverterId.is_in(inverters.iter().map(|key| i64::from(key.0))))
            .filter(Column::RaisedAt.gte(from.0))
            .filter(Column::RaisedAt.lt(to.0))
            .order_by_desc(Column::RaisedAt)
            .order_by_asc(Column::Code)
            .limit(most.min(MOST_ALARMS));
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list alarms"))?;
        rows.into_iter().map(Alarm::from_row).collect()
    }

    /// The alarms of inverters that were on at some time from `from` on, the newest first, at most `most` (10,000 at the
    /// most).
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn alarms_on_since(
        &self,
        inverters: &[InverterKey],
        from: UtcMs,
        most: u64,
    ) -> Result<Vec<Alarm>, StateError> {
        let query = Entity::find()
            .filter(Column::InverterId.is_in(inverters.iter().map(|key| i64::from(key.0))))
            .filter(Condition::any().add(Column::ClearedAt.is_null()).add(Column::ClearedAt.gte(from.0)))
            .order_by_desc(Column::RaisedAt)
            .order_by_asc(Column::Code)
            .limit(most.min(MOST_ALARMS));
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list alarms"))?;
        rows.into_iter().map(Alarm::from_row).collect()
    }

    /// The alarms of one inverter that were active at any time in `from <= time < to`, the newest first, at most `most`.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn alarms_during(
        &self,
        inverter: InverterKey,
        from: UtcMs,
        to: UtcMs,
        most: u64,
    ) -> Result<Vec<Alarm>, StateError> {
        let query = Entity::find()
            .filter(Column::InverterId.eq(i64::from(inverter.0)))
            .filter(Column::RaisedAt.lt(to.0))
            .filter(Condition::any().add(Column::ClearedAt.is_null()).add(Column::EndedAt.gte(from.0)))
            .order_by_desc(Column::RaisedAt)
            .limit(most.min(MOST_ALARMS));
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list alarms"))?;
        rows.into_iter().map(Alarm::from_row).collect()
    }

    /// Forgets alarms that were raised before `before` and are over, and of those that are not what people wrote before
    /// then. How many are gone.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn delete_alarms_before(&self, before: UtcMs) -> Result<u64, StateError> {
        let failed = StateError::doing("forget alarms");
        let over = Condition::all().add(Column::ClearedAt.is_not_null());
        let gone = pieces::delete::<Entity>(&self.connection, Column::RaisedAt, before, over).await;
        let gone = gone.map_err(&failed)?;
        let old = Condition::all().add(Column::AcknowledgedAt.lt(before.0)).add(Column::Note.ne(""));
        let erase = Entity::update_many().col_expr(Column::Note, Expr::value("")).filter(old);
        erase.exec(&self.connection).await.map_err(&failed)?;
        Ok(gone)
    }
}

impl Alarm {
    pub(super) fn to_row(&self) -> ActiveModel {
        ActiveModel {
            inverter_id: Set(i64::from(self.inverter.0)),
            name: Set(self.name.clone()),
            code: Set(self.code.clone()),
            condition: Set(self.key.condition.name().to_owned()),
            key: Set(self.key.to_string()),
            severity: Set(self.severity.name().to_owned()),
            since: Set(self.since.0),
            raised_at: Set(self.raised_at.0),
            ended_at: Set(self.cleared.map(|(ended, _)| ended.0)),
            cleared_at: Set(self.cleared.map(|(_, cleared)| cleared.0)),
            unstable: Set(self.unstable),
            quiet: Set(self.quiet),
            acknowledged_at: Set(self.acknowledged_at.map(|at| at.0)),
            acknowledged_by: Set(self.acknowledged_by.map(|by| by.0)),
            note: Set(self.note.clone()),
            shelved_until: Set(self.shelved_until.map(|until| until.0)),
            incident_id: Set(self.incident.map(|incident| incident.0)),
        }
    }

    pub(super) fn from_row(row: Model) -> Result<Self, StateError> {
        let bad = |column, value| StateError::Row { table: "alarms", column, value };
        let key = Key::parse(&row.key);
        let severity = Severity::from_name(&row.severity);
        Ok(Self {
            inverter: inverter_key(row.inverter_id)?,
            name: row.name,
            code: row.code,
            key: key.ok_or_else(|| bad("key", row.key))?,
            severity: severity.ok_or_else(|| bad("severity", row.severity))?,
            since: UtcMs(row.since),
            raised_at: UtcMs(row.raised_at),
            cleared: row.ended_at.map(UtcMs).zip(row.cleared_at.map(UtcMs)),
            unstable: row.unstable,
            quiet: row.quiet,
            acknowledged_at: row.acknowledged_at.map(UtcMs),
            acknowledged_by: row.acknowledged_by.map(AccountKey),
            note: row.note,
            shelved_until: row.shelved_until.map(UtcMs),
            incident: row.incident_id.map(IncidentKey),
        })
    }
}

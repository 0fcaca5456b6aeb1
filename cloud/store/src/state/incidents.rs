//! Incidents: what fails together at one place, as `fleet::notice::Incident` keeps it.
//!
//! In: incidents that the room `announcing` writes in its transaction. Out: the same, and whether one is due. A row is only
//! replaced by the one that was made from it: its revision says so, so that of two who pass it at once one does.

use fleet::InverterKey;
use fleet::notice::Incident;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::tables::incidents::incident::{ActiveModel, Column, Entity, Model};
use super::tables::incidents::{alarm, reminder};
use super::{SiteKey, StateError, StateStore, connect};

/// An incident's number: random, so that several at once need not ask for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IncidentKey(pub i64);

/// Where something fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// At a site, of all its inverters.
    Site(SiteKey),
    /// At an inverter that stands at no site.
    Inverter(InverterKey),
}

/// An incident with what its row says beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentRow {
    /// Its number.
    pub key: IncidentKey,
    /// Where.
    pub place: Place,
    /// What is known of it.
    pub incident: Incident,
    /// How many messages were made of it.
    pub messages: i64,
    /// How often its row was written; 0: never.
    revision: i64,
}

impl IncidentRow {
    /// One that has no row yet.
    #[must_use]
    pub const fn new(key: IncidentKey, place: Place, incident: Incident) -> Self {
        Self { key, place, incident, messages: 0, revision: 0 }
    }
}

/// Rows in one statement: 10 columns each, and blobs of some hundred kilobytes among them.
const ROWS_A_STATEMENT: usize = 500;
/// Incidents that go on for a month are few; more wait for the next sweep.
const MOST_OLD: u64 = 100;

impl StateStore {
    /// Whether an incident or a reminder is due at `now`.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn is_due(&self, now: UtcMs) -> Result<bool, StateError> {
        let failed = StateError::doing("look what is due");
        let incident = Entity::find().select_only().column(Column::Id).filter(Column::DueAt.lte(now.0));
        let incident: Option<i64> = incident.into_tuple().one(&self.connection).await.map_err(&failed)?;
        if incident.is_some() {
            return Ok(true);
        }
        let reminder = reminder::Entity::find().filter(reminder::Column::DueAt.lte(now.0));
        Ok(reminder.one(&self.connection).await.map_err(&failed)?.is_some())
    }

    /// An incident.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn incident(&self, key: IncidentKey) -> Result<Option<IncidentRow>, StateError> {
        let row = Entity::find_by_id(key.0).one(&self.connection).await;
        row.map_err(StateError::doing("look up an incident"))?.map(IncidentRow::from_row).transpose()
    }

    /// The incidents of a site that are not over, the oldest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn open_incidents_at(&self, site: SiteKey) -> Result<Vec<IncidentRow>, StateError> {
        let there = Condition::all().add(Column::SiteId.eq(site.0)).add(Column::IsOpen.eq(true));
        let query = Entity::find().filter(there).order_by_asc(Column::BeganAt).order_by_asc(Column::Id);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list a site's incidents"))?;
        rows.into_iter().map(IncidentRow::from_row).collect()
    }

    /// Forgets incidents that are over and began before `before`, and of those that go on what was over before then. How
    /// many are gone.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn delete_incidents_before(&self, before: UtcMs) -> Result<u64, StateError> {
        let failed = StateError::doing("forget incidents");
        let change = connect::begin(&self.connection).await.map_err(&failed)?;
        let old = Column::BeganAt.lt(before.0);
        let over = Condition::all().add(old.clone()).add(Column::IsOpen.eq(false));
        let deleted = Entity::delete_many().filter(over).exec(&change).await.map_err(&failed)?.rows_affected;
        let open = Entity::find().filter(old).filter(Column::IsOpen.eq(true)).limit(MOST_OLD);
        for row in open.all(&change).await.map_err(&failed)? {
            let mut row = IncidentRow::from_row(row)?;
            row.incident.forget(before);
            write(&change, &[row]).await.map_err(&failed)?;
        }
        let there = sea_orm::sea_query::Query::select().column(Column::Id).from(Entity).to_owned();
        let lost =
            reminder::Entity::delete_many().filter(reminder::Column::IncidentId.not_in_subquery(there));
        lost.exec(&change).await.map_err(&failed)?;
        change.commit().await.map_err(&failed)?;
        Ok(deleted)
    }
}

/// Writes incidents over those that they were made from. Whether all were still those.
pub(super) async fn write(change: &impl ConnectionTrait, rows: &[IncidentRow]) -> Result<bool, DbErr> {
    let columns =
        [Column::State, Column::Revision, Column::Messages, Column::IsOpen, Column::DueAt, Column::OverAt];
    let mut same = OnConflict::column(Column::Id);
    // The row that stands there is the one that this was made from.
    let next = Expr::col((Entity, Column::Revision)).add(1);
    same.update_columns(columns).action_and_where(next.eq(Expr::col(("excluded", Column::Revision))));
    let mut written = 0;
    for part in rows.chunks(ROWS_A_STATEMENT) {
        let insert = Entity::insert_many(part.iter().map(IncidentRow::to_row)).on_conflict(same.clone());
        written += insert.exec_without_returning(change).await?;
    }
    Ok(written == rows.len() as u64)
}

/// Has the open incidents of `which` looked at at once. Whoever has one in hand meanwhile finds it changed, and reads it anew.
pub(super) async fn look_again(change: &impl ConnectionTrait, which: Condition) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(0_i64))
        .col_expr(Column::Revision, Expr::col(Column::Revision).add(1))
        .filter(which)
        .filter(Column::IsOpen.eq(true))
        .exec(change)
        .await
        .map(drop)
}

/// An inverter was given up: its alarms go, and incidents know it no more.
pub(super) async fn forget_inverter(
    change: &impl ConnectionTrait,
    inverter: InverterKey,
    now: UtcMs,
) -> Result<(), StateError> {
    let failed = StateError::doing("forget an inverter's alarms");
    let own = alarm::Column::InverterId.eq(i64::from(inverter.0));
    let incidents: Vec<i64> = alarm::Entity::find()
        .select_only()
        .column(alarm::Column::IncidentId)
        .distinct()
        .filter(own.clone())
        .filter(alarm::Column::IncidentId.is_not_null())
        .into_tuple()
        .all(change)
        .await
        .map_err(&failed)?;
    let rows = Entity::find().filter(Column::Id.is_in(incidents)).all(change).await.map_err(&failed)?;
    for row in rows {
        let mut row = IncidentRow::from_row(row)?;
        if row.incident.gone(inverter, now) {
            write(change, &[row]).await.map_err(&failed)?;
        } else {
            Entity::delete_by_id(row.key.0).exec(change).await.map_err(&failed)?;
        }
    }
    alarm::Entity::delete_many().filter(own).exec(change).await.map(drop).map_err(failed)
}

impl Place {
    /// The columns: site, inverter.
    fn columns(self) -> (Option<i64>, Option<i64>) {
        match self {
            Self::Site(site) => (Some(site.0), None),
            Self::Inverter(inverter) => (None, Some(i64::from(inverter.0))),
        }
    }
}

impl IncidentRow {
    fn to_row(&self) -> ActiveModel {
        let (site_id, inverter_id) = self.place.columns();
        let ended_at = self.incident.ended_at();
        ActiveModel {
            id: Set(self.key.0),
            site_id: Set(site_id),
            inverter_id: Set(inverter_id),
            state: Set(self.incident.to_bytes()),
            revision: Set(self.revision.saturating_add(1)),
            messages: Set(self.messages),
            is_open: Set(!self.incident.is_over()),
            due_at: Set(self.incident.due().map(|due| due.0)),
            began_at: Set(self.incident.began_at().0),
            over_at: Set(ended_at.map(|ended| ended.0)),
        }
    }

    pub(super) fn from_row(row: Model) -> Result<Self, StateError> {
        let bad = |column, value| StateError::Row { table: "incidents", column, value };
        let site = row.site_id.map(|site| Place::Site(SiteKey(site)));
        let inverter = row.inverter_id.map(inverter_key).transpose()?.map(Place::Inverter);
        let incident = Incident::from_bytes(&row.state);
        Ok(Self {
            key: IncidentKey(row.id),
            place: site.or(inverter).ok_or_else(|| bad("site_id", "no place".to_owned()))?,
            incident: incident.map_err(|error| bad("state", error.to_string()))?,
            messages: row.messages,
            revision: row.revision,
        })
    }
}

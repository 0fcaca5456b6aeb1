//! One transaction in which turns of alarms become rows, and messages to people.
//!
//! In: events under their keys; then alarms, incidents and messages that were made of those that were new. Out: what they
//! are made from: alarms that are open, incidents, where inverters stand, whom it concerns. All of it is written or nothing
//! (decision 8); what is made, `fleet::notice` decides and the caller writes.

use std::collections::{HashMap, HashSet};

use fleet::notice::Ladder;
use fleet::{AccountKey, InverterKey};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, ExprTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::tables::incidents::{alarm, incident, reminder};
use super::tables::{event, inverter, site};
use super::{
    Alarm, EventRow, IncidentKey, IncidentRow, Inverter, NewMessage, Place, Recipients, SentTo, Site,
    SiteKey, StateError, StateStore, connect, events, incidents, ladders, outbox, receipts, recipients,
};

/// Pairs of keys in one condition: SQLite lets an expression be 1,000 deep.
const PAIRS_A_STATEMENT: usize = 400;
/// Keys in one statement.
const KEYS_A_STATEMENT: usize = 10_000;
/// Alarms in one statement: 17 columns each.
const ROWS_A_STATEMENT: usize = 1_000;

/// The transaction. Dropped without [`Announcing::commit`] nothing of it is written.
pub struct Announcing {
    pub(super) change: DatabaseTransaction,
}

/// An inverter with where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The inverter.
    pub inverter: Inverter,
    /// Where.
    pub site: Option<Site>,
    /// No other inverter stands there.
    pub alone: bool,
}

/// Somebody is to be reminded of what nobody has acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reminder {
    /// Of what.
    pub incident: IncidentKey,
    /// Who.
    pub account: AccountKey,
    /// When.
    pub due_at: UtcMs,
}

/// What was made, to be written.
#[derive(Debug, Default)]
pub struct Made {
    /// Alarms, new or changed.
    pub alarms: Vec<Alarm>,
    /// Incidents, new or changed.
    pub incidents: Vec<IncidentRow>,
    /// Messages.
    pub messages: Vec<NewMessage>,
    /// Reminders, new or moved.
    pub reminders: Vec<Reminder>,
    /// Reminders that are over.
    pub no_reminders: Vec<(IncidentKey, AccountKey)>,
}

impl StateStore {
    /// Begins. It keeps others from writing until it is over.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn announcing(&self) -> Result<Announcing, StateError> {
        let begun = connect::begin(&self.connection).await;
        Ok(Announcing { change: begun.map_err(StateError::doing("begin to tell of alarms"))? })
    }
}

impl Announcing {
    /// Writes events; the inverter and key of those that were not there.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn new_events(&self, rows: &[EventRow]) -> Result<HashSet<(InverterKey, String)>, StateError> {
        let failed = StateError::doing("write events");
        let mut new: HashSet<(InverterKey, String)> =
            rows.iter().map(|row| (row.inverter, row.key.clone())).collect();
        for part in rows.chunks(PAIRS_A_STATEMENT) {
            let one = |row: &EventRow| {
                let own = event::Column::InverterId.eq(i64::from(row.inverter.0));
                own.and(event::Column::Key.eq(row.key.as_str()))
            };
            let any = part.iter().fold(Condition::any(), |any, row| any.add(one(row)));
            let query = event::Entity::find()
                .select_only()
                .columns([event::Column::InverterId, event::Column::Key])
                .filter(any);
            let known: Vec<(i64, String)> = query.into_tuple().all(&self.change).await.map_err(&failed)?;
            for (inverter, key) in known {
                new.remove(&(inverter_key(inverter)?, key));
            }
        }
        events::insert(&self.change, rows).await.map_err(&failed)?;
        Ok(new)
    }

    /// Inverters with where they stand; those that were given up are not there.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn placed(
        &self,
        inverters: &[InverterKey],
    ) -> Result<HashMap<InverterKey, Placed>, StateError> {
        let failed = StateError::doing("look up where inverters stand");
        let mut found = Vec::with_capacity(inverters.len());
        for part in inverters.chunks(KEYS_A_STATEMENT) {
            let these = inverter::Column::Id.is_in(part.iter().map(|key| i64::from(key.0)));
            let rows = inverter::Entity::find().filter(these).all(&self.change).await.map_err(&failed)?;
            for row in rows {
                found.push(Inverter::from_row(row)?);
            }
        }
        let keys: HashSet<i64> = found.iter().filter_map(|found| found.site).map(|key| key.0).collect();
        let sites = self.sites(keys.into_iter().collect()).await.map_err(&failed)?;
        let placed = |inverter: Inverter| {
            let at = inverter.site.and_then(|key| sites.get(&key));
            let (site, alone) = at.map_or((None, true), |(site, count)| (Some(site.clone()), *count < 2));
            (inverter.key, Placed { inverter, site, alone })
        };
        Ok(found.into_iter().map(placed).collect())
    }

    /// Sites, each with how many inverters stand there.
    async fn sites(&self, keys: Vec<i64>) -> Result<HashMap<SiteKey, (Site, i64)>, DbErr> {
        let mut sites = HashMap::with_capacity(keys.len());
        for part in keys.chunks(KEYS_A_STATEMENT) {
            let counts: Vec<(i64, i64)> = inverter::Entity::find()
                .select_only()
                .column(inverter::Column::SiteId)
                .column_as(inverter::Column::Id.count(), "inverters")
                .filter(inverter::Column::SiteId.is_in(part.iter().copied()))
                .group_by(inverter::Column::SiteId)
                .into_tuple()
                .all(&self.change)
                .await?;
            let counts: HashMap<i64, i64> = counts.into_iter().collect();
            let rows = site::Entity::find().filter(site::Column::Id.is_in(part.iter().copied()));
            for row in rows.all(&self.change).await? {
                let count = counts.get(&row.id).copied().unwrap_or(0);
                sites.insert(SiteKey(row.id), (Site::from_row(row), count));
            }
        }
        Ok(sites)
    }

    /// The alarms of inverters that are not cleared.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn open_alarms(&self, inverters: &[InverterKey]) -> Result<Vec<Alarm>, StateError> {
        let of = |part: &[InverterKey]| {
            let these = alarm::Column::InverterId.is_in(part.iter().map(|key| i64::from(key.0)));
            Condition::all().add(these).add(alarm::Column::ClearedAt.is_null())
        };
        self.alarms(inverters.chunks(KEYS_A_STATEMENT).map(of)).await
    }

    /// The alarms of incidents.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn alarms_of(&self, incidents: &[IncidentKey]) -> Result<Vec<Alarm>, StateError> {
        let of = |part: &[IncidentKey]| {
            Condition::all().add(alarm::Column::IncidentId.is_in(part.iter().map(|key| key.0)))
        };
        self.alarms(incidents.chunks(KEYS_A_STATEMENT).map(of)).await
    }

    async fn alarms(&self, which: impl Iterator<Item = Condition>) -> Result<Vec<Alarm>, StateError> {
        let mut alarms = Vec::new();
        for which in which {
            let rows = alarm::Entity::find().filter(which).all(&self.change).await;
            for row in rows.map_err(StateError::doing("list alarms"))? {
                alarms.push(Alarm::from_row(row)?);
            }
        }
        Ok(alarms)
    }

    /// Of these codes, those that name an alarm already.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn taken_codes(&self, codes: &[String]) -> Result<HashSet<String>, StateError> {
        let mut taken = HashSet::new();
        for part in codes.chunks(KEYS_A_STATEMENT) {
            let query = alarm::Entity::find()
                .select_only()
                .column(alarm::Column::Code)
                .filter(alarm::Column::Code.is_in(part.iter().map(String::as_str)));
            let known: Vec<String> =
                query.into_tuple().all(&self.change).await.map_err(StateError::doing("look up codes"))?;
            taken.extend(known);
        }
        Ok(taken)
    }

    /// Incidents of these numbers, and those at these places that are not over; the newest last.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn incidents(
        &self,
        keys: &[IncidentKey],
        places: &[Place],
    ) -> Result<Vec<IncidentRow>, StateError> {
        let mut found: Vec<IncidentRow> = Vec::new();
        for part in keys.chunks(KEYS_A_STATEMENT) {
            let these = incident::Column::Id.is_in(part.iter().map(|key| key.0));
            found.extend(self.incidents_where(Condition::all().add(these)).await?);
        }
        for part in places.chunks(KEYS_A_STATEMENT) {
            let sites =
                part.iter().filter_map(|place| if let Place::Site(key) = place { Some(key.0) } else { None });
            let lone = part.iter().filter_map(|place| match place {
                Place::Inverter(key) => Some(i64::from(key.0)),
                Place::Site(_) => None,
            });
            for there in [incident::Column::SiteId.is_in(sites), incident::Column::InverterId.is_in(lone)] {
                let open = Condition::all().add(there).add(incident::Column::IsOpen.eq(true));
                found.extend(self.incidents_where(open).await?);
            }
        }
        found.sort_by_key(|row| (row.incident.began_at(), row.key));
        found.dedup_by_key(|row| row.key);
        Ok(found)
    }

    /// Incidents that are due at `now`, at most `most`.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn due_incidents(&self, now: UtcMs, most: u64) -> Result<Vec<IncidentRow>, StateError> {
        let due = incident::Entity::find()
            .filter(incident::Column::DueAt.lte(now.0))
            .order_by_asc(incident::Column::DueAt)
            .limit(most);
        let rows = due.all(&self.change).await.map_err(StateError::doing("list incidents"))?;
        rows.into_iter().map(IncidentRow::from_row).collect()
    }

    async fn incidents_where(&self, which: Condition) -> Result<Vec<IncidentRow>, StateError> {
        let rows = incident::Entity::find().filter(which).all(&self.change).await;
        let rows = rows.map_err(StateError::doing("list incidents"))?;
        rows.into_iter().map(IncidentRow::from_row).collect()
    }

    /// Reminders that are due at `now`, at most `most`.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn due_reminders(&self, now: UtcMs, most: u64) -> Result<Vec<Reminder>, StateError> {
        let due = reminder::Entity::find()
            .filter(reminder::Column::DueAt.lte(now.0))
            .order_by_asc(reminder::Column::DueAt)
            .limit(most);
        let rows = due.all(&self.change).await.map_err(StateError::doing("list reminders"))?;
        Ok(rows.into_iter().map(Reminder::from_row).collect())
    }

    /// The ladders by which alarms of these places are escalated at `now`; places without one are left out.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn ladders(&self, places: &[Place], now: UtcMs) -> Result<HashMap<Place, Ladder>, StateError> {
        let mut found = HashMap::new();
        for part in places.chunks(KEYS_A_STATEMENT) {
            found.extend(ladders::of_places(&self.change, part, now).await?);
        }
        Ok(found)
    }

    /// What was sent, or is to be, about these incidents.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn sent_about(&self, incidents: &[IncidentKey]) -> Result<Vec<SentTo>, StateError> {
        receipts::sent_about(&self.change, incidents).await
    }

    /// Everybody whom alarms of `inverters` concern at `now`.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn recipients(&self, inverters: &[InverterKey], now: UtcMs) -> Result<Recipients, StateError> {
        recipients::find(&self.change, inverters, now).await
    }

    /// Writes what was made and ends. `false`: somebody else changed an incident meanwhile, and nothing is written.
    ///
    /// # Errors
    /// [`StateError::Database`]; then nothing is written.
    pub async fn commit(self, made: &Made) -> Result<bool, StateError> {
        let failed = StateError::doing("tell of alarms");
        if !incidents::write(&self.change, &made.incidents).await.map_err(&failed)? {
            self.change.rollback().await.map_err(&failed)?;
            return Ok(false);
        }
        self.write_alarms(&made.alarms).await.map_err(&failed)?;
        self.write_reminders(made).await.map_err(&failed)?;
        outbox::queue_messages(&self.change, &made.messages).await.map_err(&failed)?;
        self.change.commit().await.map_err(&failed)?;
        Ok(true)
    }

    async fn write_alarms(&self, alarms: &[Alarm]) -> Result<(), DbErr> {
        use alarm::Column;
        let columns = [
            Column::EndedAt,
            Column::ClearedAt,
            Column::Unstable,
            Column::Quiet,
            Column::AcknowledgedAt,
            Column::AcknowledgedBy,
            Column::Note,
            Column::ShelvedUntil,
            Column::IncidentId,
        ];
        let same = OnConflict::columns([Column::InverterId, Column::Name]).update_columns(columns).to_owned();
        for part in alarms.chunks(ROWS_A_STATEMENT) {
            let insert = alarm::Entity::insert_many(part.iter().map(Alarm::to_row)).on_conflict(same.clone());
            insert.exec_without_returning(&self.change).await?;
        }
        Ok(())
    }

    async fn write_reminders(&self, made: &Made) -> Result<(), DbErr> {
        use reminder::{Column, Entity};
        for (incident, account) in &made.no_reminders {
            Entity::delete_by_id((incident.0, account.0)).exec(&self.change).await?;
        }
        let same = OnConflict::columns([Column::IncidentId, Column::AccountId])
            .update_column(Column::DueAt)
            .to_owned();
        for part in made.reminders.chunks(ROWS_A_STATEMENT) {
            let rows = part.iter().copied().map(Reminder::to_row);
            let insert = Entity::insert_many(rows).on_conflict(same.clone());
            insert.exec_without_returning(&self.change).await?;
        }
        Ok(())
    }
}

impl Reminder {
    fn to_row(self) -> reminder::ActiveModel {
        reminder::ActiveModel {
            incident_id: Set(self.incident.0),
            account_id: Set(self.account.0),
            due_at: Set(self.due_at.0),
        }
    }

    fn from_row(row: reminder::Model) -> Self {
        Self {
            incident: IncidentKey(row.incident_id),
            account: AccountKey(row.account_id),
            due_at: UtcMs(row.due_at),
        }
    }
}

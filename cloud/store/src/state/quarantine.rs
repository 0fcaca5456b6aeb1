//! Reports that could not be read, kept for whoever looks into it: a few of each device, a thousand in all, 30 days.
//!
//! In: payloads from the pipeline, in its order, under deterministic keys, so that a replay writes none twice. Out: the
//! newest. They may hold telemetry: nobody sees one past 30 days, swept or not, and each download is an act in the log.

use fleet::InverterKey;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, QuerySelect,
};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::tables::devices::quarantine::{ActiveModel, Column, Entity};
use super::{Act, StateError, StateStore, audit, connect};

/// Of one device, the newest so many.
pub const QUARANTINED_OF_A_DEVICE: u64 = 20;
/// Of all devices, the newest so many.
pub const QUARANTINED_IN_ALL: u64 = 1_000;
/// Readers see nothing older, milliseconds.
const KEEP_MS: i64 = 30 * wire::time::DAY_MS;
/// Most of a reason that is kept, characters.
const MOST_REASON: usize = 300;

/// A report to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewQuarantined {
    /// Deterministic: where it stands in the journal.
    pub key: String,
    /// Whose.
    pub inverter: InverterKey,
    /// When it came.
    pub received_at: UtcMs,
    /// Why it could not be read.
    pub reason: String,
    /// The bytes as they came.
    pub payload: Vec<u8>,
}

/// A report that is kept, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Its number.
    pub id: i64,
    /// Whose.
    pub inverter: InverterKey,
    /// When it came.
    pub received_at: UtcMs,
    /// Why it could not be read.
    pub reason: String,
    /// Bytes.
    pub size: u64,
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    inverter_id: i64,
    received_at: i64,
    reason: String,
    size: i64,
}

impl StateStore {
    /// Keeps reports, and lets older ones go that are too many.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn quarantine(&self, reports: &[NewQuarantined]) -> Result<(), StateError> {
        if reports.is_empty() {
            return Ok(());
        }
        let doing = StateError::doing("keep reports that could not be read");
        let once = OnConflict::column(Column::Key).do_nothing().to_owned();
        let change = connect::begin(&self.connection).await.map_err(&doing)?;
        for report in reports {
            let row = ActiveModel {
                id: NotSet,
                key: Set(report.key.clone()),
                inverter_id: Set(i64::from(report.inverter.0)),
                received_at: Set(report.received_at.0),
                reason: Set(report.reason.chars().take(MOST_REASON).collect()),
                size: Set(i64::try_from(report.payload.len()).unwrap_or(i64::MAX)),
                payload: Set(report.payload.clone()),
            };
            let insert = Entity::insert(row).on_conflict(once.clone());
            insert.exec_without_returning(&change).await.map_err(&doing)?;
        }
        let mut devices: Vec<i64> = reports.iter().map(|report| i64::from(report.inverter.0)).collect();
        devices.sort_unstable();
        devices.dedup();
        for device in devices {
            trim(&change, Some(device), QUARANTINED_OF_A_DEVICE).await.map_err(&doing)?;
        }
        trim(&change, None, QUARANTINED_IN_ALL).await.map_err(&doing)?;
        change.commit().await.map_err(&doing)
    }

    /// Everything that is kept at `now`, the newest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn quarantined(&self, now: UtcMs) -> Result<Vec<Quarantined>, StateError> {
        let columns = [Column::Id, Column::InverterId, Column::ReceivedAt, Column::Reason, Column::Size];
        let query = Entity::find()
            .select_only()
            .columns(columns)
            .filter(Column::ReceivedAt.gt(now.plus_ms(-KEEP_MS).0))
            .order_by_desc(Column::Id)
            .into_model::<Row>();
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list the quarantine"))?;
        rows.into_iter().map(Quarantined::from_row).collect()
    }

    /// The bytes of one; hands them out only together with the act in the log.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn take_quarantined(
        &self,
        id: i64,
        now: UtcMs,
        act: &Act,
    ) -> Result<Option<(Quarantined, Vec<u8>)>, StateError> {
        let doing = StateError::doing("read a report in quarantine");
        let query = Entity::find_by_id(id).filter(Column::ReceivedAt.gt(now.plus_ms(-KEEP_MS).0));
        let change = connect::begin(&self.connection).await.map_err(&doing)?;
        let Some(row) = query.one(&change).await.map_err(&doing)? else { return Ok(None) };
        let inverter = inverter_key(row.inverter_id)?;
        audit::append(&change, &act.clone().on_inverter(inverter)).await.map_err(&doing)?;
        change.commit().await.map_err(&doing)?;
        let (id, reason, received_at) = (row.id, row.reason, UtcMs(row.received_at));
        let size = u64::try_from(row.size).unwrap_or(0);
        Ok(Some((Quarantined { id, inverter, received_at, reason, size }, row.payload)))
    }

    /// Deletes one. Whether it was there.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn delete_quarantined(&self, id: i64, act: &Act) -> Result<bool, StateError> {
        let doing = StateError::doing("delete a report in quarantine");
        let change = connect::begin(&self.connection).await.map_err(&doing)?;
        let Some(row) = Entity::find_by_id(id).one(&change).await.map_err(&doing)? else { return Ok(false) };
        Entity::delete_by_id(id).exec(&change).await.map_err(&doing)?;
        let act = act.clone().on_inverter(inverter_key(row.inverter_id)?);
        audit::append(&change, &act).await.map_err(&doing)?;
        change.commit().await.map_err(&doing)?;
        Ok(true)
    }

    /// Forgets what is older than 30 days at `now`. How many.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn forget_quarantined(&self, now: UtcMs) -> Result<u64, StateError> {
        let delete = Entity::delete_many().filter(Column::ReceivedAt.lte(now.plus_ms(-KEEP_MS).0));
        let done = delete.exec(&self.connection).await;
        Ok(done.map_err(StateError::doing("forget reports in quarantine"))?.rows_affected)
    }
}

/// Leaves the newest `most`, of one device or of all.
async fn trim(change: &impl ConnectionTrait, device: Option<i64>, most: u64) -> Result<(), DbErr> {
    let of_device = device.map(|device| Column::InverterId.eq(device));
    let of_device = sea_orm::Condition::all().add_option(of_device);
    let last = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(of_device.clone())
        .order_by_desc(Column::Id)
        .offset(most)
        .limit(1)
        .into_tuple::<i64>()
        .one(change)
        .await?;
    if let Some(last) = last {
        Entity::delete_many().filter(of_device).filter(Column::Id.lte(last)).exec(change).await?;
    }
    Ok(())
}

impl Quarantined {
    fn from_row(row: Row) -> Result<Self, StateError> {
        Ok(Self {
            id: row.id,
            inverter: inverter_key(row.inverter_id)?,
            received_at: UtcMs(row.received_at),
            reason: row.reason,
            size: u64::try_from(row.size).unwrap_or(0),
        })
    }
}

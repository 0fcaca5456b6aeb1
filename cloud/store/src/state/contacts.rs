//! When each device was last in contact, and what it said of itself.
//!
//! In: contacts, gathered by who holds the sessions and written a batch at a time, never once a report. Out: the newest
//! of each device. Says nothing of what the device reported. Does not move the change counter.

use std::collections::{HashMap, HashSet};

use fleet::InverterKey;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait, QuerySelect};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::tables::devices::contact::{ActiveModel, Column, Entity, Model};
use super::tables::inverter;
use super::{StateError, StateStore, connect};

/// One device's newest session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Whose.
    pub inverter: InverterKey,
    /// When it connected.
    pub connected_at: UtcMs,
    /// When it was last known to be there, to the writer's grain.
    pub last_contact_at: UtcMs,
    /// What it speaks, for example `MQTT 5.0`.
    pub protocol: String,
    /// What it says it runs; not to be trusted further than to be shown.
    pub software: Option<String>,
}

/// Bound variables of one statement stay far below SQLite's and PostgreSQL's limits.
const ROWS_A_STATEMENT: usize = 200;

impl StateStore {
    /// Writes contacts, each in place of the device's earlier one. A device that is registered no more is left out.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn write_contacts(&self, contacts: &[Contact]) -> Result<(), StateError> {
        let doing = StateError::doing("write last contacts");
        let columns = [Column::ConnectedAt, Column::LastContactAt, Column::Protocol, Column::Software];
        let replace = OnConflict::column(Column::InverterId).update_columns(columns).to_owned();
        let change = connect::begin(&self.connection).await.map_err(&doing)?;
        let registered = inverter::Entity::find().select_only().column(inverter::Column::Id);
        let registered = registered.into_tuple::<i64>().all(&change).await.map_err(&doing)?;
        let registered: HashSet<i64> = registered.into_iter().collect();
        let rows: Vec<ActiveModel> = contacts
            .iter()
            .filter(|contact| registered.contains(&i64::from(contact.inverter.0)))
            .map(|contact| ActiveModel {
                inverter_id: Set(i64::from(contact.inverter.0)),
                connected_at: Set(contact.connected_at.0),
                last_contact_at: Set(contact.last_contact_at.0),
                protocol: Set(contact.protocol.clone()),
                software: Set(contact.software.clone()),
            })
            .collect();
        for part in rows.chunks(ROWS_A_STATEMENT) {
            let insert = Entity::insert_many(part.to_vec()).on_conflict(replace.clone());
            insert.exec_without_returning(&change).await.map_err(&doing)?;
        }
        change.commit().await.map_err(&doing)
    }

    /// The newest contact of every device that ever connected.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn contacts(&self) -> Result<HashMap<InverterKey, Contact>, StateError> {
        let rows = Entity::find().all(&self.connection).await;
        let rows = rows.map_err(StateError::doing("list last contacts"))?;
        rows.into_iter().map(|row| contact(row).map(|contact| (contact.inverter, contact))).collect()
    }

    /// The newest contact of a device.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn contact(&self, inverter: InverterKey) -> Result<Option<Contact>, StateError> {
        let row = Entity::find_by_id(i64::from(inverter.0)).one(&self.connection).await;
        row.map_err(StateError::doing("look up a last contact"))?.map(contact).transpose()
    }
}

fn contact(row: Model) -> Result<Contact, StateError> {
    Ok(Contact {
        inverter: inverter_key(row.inverter_id)?,
        connected_at: UtcMs(row.connected_at),
        last_contact_at: UtcMs(row.last_contact_at),
        protocol: row.protocol,
        software: row.software,
    })
}

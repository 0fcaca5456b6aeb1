//! Devices as an operator sees them: registered facts, certificates, last contact; nothing that they report and nothing
//! that customers call them.
//!
//! In: now. Out: every device with what belongs to it, joined here: a fleet of ten thousand is a few megabytes.

use std::collections::{HashMap, HashSet};

use fleet::InverterKey;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect};
use wire::{Serial, UtcMs};

use super::inverters::inverter_key;
use super::tables::grant;
use super::{Certificate, Contact, Inverter, StateError, StateStore};

/// One device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRow {
    /// Its number.
    pub key: InverterKey,
    /// Serial number.
    pub serial: Serial,
    /// Model as registered; may be empty.
    pub model: String,
    /// When it was registered.
    pub registered_at: UtcMs,
    /// Certificates, the newest last.
    pub certificates: Vec<Certificate>,
    /// Its newest session, if it ever had one.
    pub contact: Option<Contact>,
    /// Somebody has access to it.
    pub paired: bool,
}

impl StateStore {
    /// Every device, by serial number.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn devices(&self, now: UtcMs) -> Result<Vec<DeviceRow>, StateError> {
        let mut contacts = self.contacts().await?;
        let mut certificates: HashMap<InverterKey, Vec<Certificate>> = HashMap::new();
        for certificate in self.certificates().await? {
            certificates.entry(certificate.inverter).or_default().push(certificate);
        }
        let paired = self.paired(now).await?;
        let device = |inverter: Inverter| DeviceRow {
            key: inverter.key,
            serial: inverter.serial,
            model: inverter.model,
            registered_at: inverter.registered_at,
            certificates: certificates.remove(&inverter.key).unwrap_or_default(),
            contact: contacts.remove(&inverter.key),
            paired: paired.contains(&inverter.key),
        };
        let mut devices: Vec<DeviceRow> = self.inverters().await?.into_iter().map(device).collect();
        devices.sort_by_key(|device| device.serial);
        Ok(devices)
    }

    /// The device of a serial number.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn device(&self, serial: Serial, now: UtcMs) -> Result<Option<DeviceRow>, StateError> {
        let Some(inverter) = self.inverter_by_serial(serial).await? else { return Ok(None) };
        let key = inverter.key;
        Ok(Some(DeviceRow {
            key,
            serial,
            model: inverter.model,
            registered_at: inverter.registered_at,
            certificates: self.certificates_of(key).await?,
            contact: self.contact(key).await?,
            paired: self.paired(now).await?.contains(&key),
        }))
    }

    async fn paired(&self, now: UtcMs) -> Result<HashSet<InverterKey>, StateError> {
        let holds = grant::Column::EndsAt.is_null().or(grant::Column::EndsAt.gt(now.0));
        let keys = grant::Entity::find()
            .select_only()
            .column(grant::Column::InverterId)
            .distinct()
            .filter(holds)
            .into_tuple::<i64>()
            .all(&self.connection)
            .await
            .map_err(StateError::doing("list who has access"))?;
        keys.into_iter().map(inverter_key).collect()
    }
}

//! Inverters: which there are, and which an account sees.
//!
//! In: rows to register or change. Out: inverters. What an account sees of them is the room `visible`'s business.

use fleet::InverterKey;
use sea_orm::{ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use wire::{Serial, UtcMs};

use super::tables::inverter::{ActiveModel, Column, Entity, Model};
use super::{Act, SiteKey, StateError, StateStore, audit};

/// One inverter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inverter {
    /// Its number, in the journal and in history. Never shown outside, never used again.
    pub key: InverterKey,
    /// Random text that names it outside.
    pub public_id: String,
    /// Serial number.
    pub serial: Serial,
    /// What people call it; may be empty.
    pub name: String,
    /// Model as registered; may be empty.
    pub model: String,
    /// What feeds it, where in the building it stands; may be empty.
    pub place: String,
    /// Where it stands.
    pub site: Option<SiteKey>,
    /// Minutes the battery must last, where someone has said so.
    pub required_minutes: Option<u32>,
    /// When it was registered.
    pub registered_at: UtcMs,
}

/// An inverter to be registered.
#[derive(Clone, Debug)]
pub struct NewInverter<'a> {
    /// Random text that will name it outside.
    pub public_id: &'a str,
    /// Serial number.
    pub serial: Serial,
    /// What people call it.
    pub name: &'a str,
    /// Model.
    pub model: &'a str,
    /// Where it stands.
    pub site: Option<SiteKey>,
    /// Minutes the battery must last.
    pub required_minutes: Option<u32>,
    /// Now.
    pub registered_at: UtcMs,
}

/// What may be changed of an inverter; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct InverterEdit {
    /// What people call it.
    pub name: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// What feeds it, where in the building it stands.
    pub place: Option<String>,
    /// Where it stands.
    pub site: Option<Option<SiteKey>>,
    /// Minutes the battery must last.
    pub required_minutes: Option<Option<u32>>,
}

impl StateStore {
    /// Registers an inverter; `act` need not name it.
    ///
    /// # Errors
    /// [`StateError::Taken`] where the serial number is registered, [`StateError::Database`].
    pub async fn register_inverter(
        &self,
        new: NewInverter<'_>,
        act: &Act,
    ) -> Result<InverterKey, StateError> {
        const DOING: &str = "register the inverter";
        let change = self.begin_change(DOING).await?;
        let row = ActiveModel {
            id: NotSet,
            public_id: Set(new.public_id.to_owned()),
            serial: Set(new.serial.as_str().to_owned()),
            name: Set(new.name.to_owned()),
            model: Set(new.model.to_owned()),
            place: Set(String::new()),
            site_id: Set(new.site.map(|site| site.0)),
            required_minutes: Set(new.required_minutes.map(i64::from)),
            registered_at: Set(new.registered_at.0),
        };
        let taken = StateError::taken(DOING, "an inverter", new.serial.as_str());
        let made = Entity::insert(row).exec(&change).await.map_err(taken)?;
        let key = inverter_key(made.last_insert_id)?;
        audit::append(&change, &act.clone().on_inverter(key)).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await?;
        Ok(key)
    }

    /// Changes what `edit` names.
    ///
    /// # Errors
    /// [`StateError::NotFound`], [`StateError::Database`].
    pub async fn edit_inverter(
        &self,
        key: InverterKey,
        edit: InverterEdit,
        act: &Act,
    ) -> Result<(), StateError> {
        const DOING: &str = "change the inverter";
        let row = ActiveModel {
            name: edit.name.map_or(NotSet, Set),
            model: edit.model.map_or(NotSet, Set),
            place: edit.place.map_or(NotSet, Set),
            site_id: edit.site.map_or(NotSet, |site| Set(site.map(|site| site.0))),
            required_minutes: edit.required_minutes.map_or(NotSet, |minutes| Set(minutes.map(i64::from))),
            ..ActiveModel::default()
        };
        if row == ActiveModel::default() {
            return Ok(());
        }
        let change = self.begin_change(DOING).await?;
        let update = Entity::update_many().set(row).filter(Column::Id.eq(i64::from(key.0)));
        if update.exec(&change).await.map_err(StateError::doing(DOING))?.rows_affected == 0 {
            return Err(StateError::NotFound { what: "inverter", name: key.0.to_string() });
        }
        audit::append(&change, act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await
    }

    /// Every inverter, by key.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn inverters(&self) -> Result<Vec<Inverter>, StateError> {
        let query = Entity::find().order_by_asc(Column::Id);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list inverters"))?;
        rows.into_iter().map(Inverter::from_row).collect()
    }

    /// The inverters of a site, by name.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn inverters_at(&self, site: SiteKey) -> Result<Vec<Inverter>, StateError> {
        let query = Entity::find().filter(Column::SiteId.eq(site.0)).order_by_asc(Column::Name);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list a site's inverters"))?;
        rows.into_iter().map(Inverter::from_row).collect()
    }

    /// The inverter of a key.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn inverter(&self, key: InverterKey) -> Result<Option<Inverter>, StateError> {
        let query = Entity::find_by_id(i64::from(key.0));
        let row = query.one(&self.connection).await.map_err(StateError::doing("look up an inverter"))?;
        row.map(Inverter::from_row).transpose()
    }

    /// The inverter of a serial number.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn inverter_by_serial(&self, serial: Serial) -> Result<Option<Inverter>, StateError> {
        let query = Entity::find().filter(Column::Serial.eq(serial.as_str()));
        let row = query.one(&self.connection).await.map_err(StateError::doing("look up an inverter"))?;
        row.map(Inverter::from_row).transpose()
    }
}

/// A number from the table as a key.
pub(super) fn inverter_key(id: i64) -> Result<InverterKey, StateError> {
    u32::try_from(id).map(InverterKey).map_err(|_| StateError::Row {
        table: "inverters",
        column: "id",
        value: id.to_string(),
    })
}

impl Inverter {
    pub(super) fn from_row(row: Model) -> Result<Self, StateError> {
        let bad = |column, value| StateError::Row { table: "inverters", column, value };
        let minutes = row.required_minutes.map(u32::try_from).transpose();
        Ok(Self {
            key: inverter_key(row.id)?,
            public_id: row.public_id,
            serial: Serial::parse(&row.serial).map_err(|_| bad("serial", row.serial))?,
            name: row.name,
            model: row.model,
            place: row.place,
            site: row.site_id.map(SiteKey),
            required_minutes: minutes
                .map_err(|_| bad("required_minutes", format!("{:?}", row.required_minutes)))?,
            registered_at: UtcMs(row.registered_at),
        })
    }
}

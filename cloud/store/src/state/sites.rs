//! Sites: where inverters stand.

use sea_orm::{ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::tables::site::{ActiveModel, Column, Entity, Model};
use super::{StateError, StateStore};

/// A site's number. Never shown outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteKey(pub i64);

/// One site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its number.
    pub key: SiteKey,
    /// Random text that names it outside.
    pub public_id: String,
    /// What people call it; unique.
    pub name: String,
    /// Postal address; may be empty.
    pub address: String,
    /// IANA time zone, for example `America/Chicago`.
    pub time_zone: String,
}

/// A site to be made or changed.
#[derive(Clone, Debug)]
pub struct NewSite<'a> {
    /// Random text, used only if the site is new.
    pub public_id: &'a str,
    /// What people call it: the key of the change.
    pub name: &'a str,
    /// Postal address.
    pub address: &'a str,
    /// IANA time zone; the caller checked it.
    pub time_zone: &'a str,
}

impl StateStore {
    /// Makes the site of this name, or changes the one there is.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn upsert_site(&self, new: NewSite<'_>) -> Result<SiteKey, StateError> {
        const DOING: &str = "write the site";
        let failed = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let found = Entity::find().filter(Column::Name.eq(new.name)).one(&change).await.map_err(&failed)?;
        let mut row = ActiveModel {
            id: NotSet,
            public_id: NotSet,
            name: Set(new.name.to_owned()),
            address: Set(new.address.to_owned()),
            time_zone: Set(new.time_zone.to_owned()),
        };
        let key = if let Some(found) = found {
            let update = Entity::update_many().set(row).filter(Column::Id.eq(found.id));
            update.exec(&change).await.map_err(&failed)?;
            found.id
        } else {
            row.public_id = Set(new.public_id.to_owned());
            Entity::insert(row).exec(&change).await.map_err(&failed)?.last_insert_id
        };
        self.commit_change(change, DOING).await?;
        Ok(SiteKey(key))
    }

    /// The site of a name.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn site_by_name(&self, name: &str) -> Result<Option<Site>, StateError> {
        let query = Entity::find().filter(Column::Name.eq(name));
        let row = query.one(&self.connection).await.map_err(StateError::doing("look up a site"))?;
        Ok(row.map(Site::from_row))
    }

    /// Every site, by name.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn sites(&self) -> Result<Vec<Site>, StateError> {
        let query = Entity::find().order_by_asc(Column::Name);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list sites"))?;
        Ok(rows.into_iter().map(Site::from_row).collect())
    }
}

impl Site {
    pub(super) fn from_row(row: Model) -> Self {
        Self {
            key: SiteKey(row.id),
            public_id: row.public_id,
            name: row.name,
            address: row.address,
            time_zone: row.time_zone,
        }
    }
}

//! Sites: where inverters stand. Each belongs to an organization or an account, which alone may change it; one that the
//! command line made without an owner belongs to nobody.

use fleet::{AccountKey, Holder, OrganizationKey, ceilings};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder,
};

use super::tables::site::{ActiveModel, Column, Entity, Model};
use super::{Act, StateError, StateStore, audit};

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
    /// Whose.
    pub owner: Option<Holder>,
    /// What people call it; unique for its owner.
    pub name: String,
    /// Postal address; may be empty.
    pub address: String,
    /// IANA time zone, for example `America/Chicago`.
    pub time_zone: String,
}

/// A site to be made or changed.
#[derive(Clone, Debug)]
pub struct NewSite<'a> {
    /// Random text; a change leaves the one there is.
    pub public_id: &'a str,
    /// Whose.
    pub owner: Option<Holder>,
    /// What people call it; unique for its owner.
    pub name: &'a str,
    /// Postal address.
    pub address: &'a str,
    /// IANA time zone; the caller checked it.
    pub time_zone: &'a str,
}

impl StateStore {
    /// Makes a site.
    ///
    /// # Errors
    /// [`StateError::Taken`] where the owner has one of this name, [`StateError::Database`].
    pub async fn add_site(&self, new: NewSite<'_>, act: &Act) -> Result<SiteKey, StateError> {
        const DOING: &str = "make the site";
        let change = self.begin_change(DOING).await?;
        let (account_id, organization_id) = columns(new.owner);
        let of_account = account_id.map(|account| Column::AccountId.eq(account));
        let of_owner =
            of_account.or(organization_id.map(|organization| Column::OrganizationId.eq(organization)));
        if let Some(of_owner) = of_owner {
            let there =
                Entity::find().filter(of_owner).count(&change).await.map_err(StateError::doing(DOING))?;
            StateError::unless_room(there, ceilings::SITES)?;
        }
        let row = ActiveModel {
            id: NotSet,
            public_id: Set(new.public_id.to_owned()),
            name: Set(new.name.to_owned()),
            address: Set(new.address.to_owned()),
            time_zone: Set(new.time_zone.to_owned()),
            account_id: Set(account_id),
            organization_id: Set(organization_id),
        };
        let made = Entity::insert(row).exec(&change).await;
        let key = SiteKey(made.map_err(StateError::taken(DOING, "a site", new.name))?.last_insert_id);
        audit::append(&change, act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await?;
        Ok(key)
    }

    /// Changes a site's name, address and time zone.
    ///
    /// # Errors
    /// [`StateError::Taken`] where the owner has another of this name, [`StateError::Database`].
    pub async fn update_site(&self, key: SiteKey, to: NewSite<'_>, act: &Act) -> Result<(), StateError> {
        const DOING: &str = "change the site";
        let change = self.begin_change(DOING).await?;
        let row = ActiveModel {
            name: Set(to.name.to_owned()),
            address: Set(to.address.to_owned()),
            time_zone: Set(to.time_zone.to_owned()),
            ..ActiveModel::default()
        };
        let updated = Entity::update_many().set(row).filter(Column::Id.eq(key.0)).exec(&change).await;
        updated.map_err(StateError::taken(DOING, "a site", to.name))?;
        audit::append(&change, act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await
    }

    /// Deletes a site; its inverters stand nowhere until somebody says where.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn delete_site(&self, key: SiteKey, act: &Act) -> Result<(), StateError> {
        const DOING: &str = "delete the site";
        let change = self.begin_change(DOING).await?;
        Entity::delete_by_id(key.0).exec(&change).await.map_err(StateError::doing(DOING))?;
        audit::append(&change, act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await
    }

    /// An owner's site of a name.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn site_by_name(&self, owner: Option<Holder>, name: &str) -> Result<Option<Site>, StateError> {
        let query = Entity::find().filter(of(owner)).filter(Column::Name.eq(name));
        let row = query.one(&self.connection).await.map_err(StateError::doing("look up a site"))?;
        Ok(row.map(Site::from_row))
    }

    /// The site of a public id, whosever it is: the caller asks `fleet::authorize`.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn site(&self, public_id: &str) -> Result<Option<Site>, StateError> {
        let query = Entity::find().filter(Column::PublicId.eq(public_id));
        let row = query.one(&self.connection).await.map_err(StateError::doing("look up a site"))?;
        Ok(row.map(Site::from_row))
    }

    /// The site of a key.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn site_by_key(&self, key: SiteKey) -> Result<Option<Site>, StateError> {
        let row = Entity::find_by_id(key.0).one(&self.connection).await;
        Ok(row.map_err(StateError::doing("look up a site"))?.map(Site::from_row))
    }

    /// An owner's sites, by name.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn sites_of(&self, owner: Holder) -> Result<Vec<Site>, StateError> {
        let query = Entity::find().filter(of(Some(owner))).order_by_asc(Column::Name);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list sites"))?;
        Ok(rows.into_iter().map(Site::from_row).collect())
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

/// An owner's columns: account, organization.
pub(super) fn columns(owner: Option<Holder>) -> (Option<i64>, Option<i64>) {
    match owner {
        None => (None, None),
        Some(Holder::Account(AccountKey(key))) => (Some(key), None),
        Some(Holder::Organization(OrganizationKey(key))) => (None, Some(key)),
    }
}

fn of(owner: Option<Holder>) -> Condition {
    let (account, organization) = columns(owner);
    let is = |column: Column, key: Option<i64>| key.map_or(column.is_null(), |key| column.eq(key));
    Condition::all().add(is(Column::AccountId, account)).add(is(Column::OrganizationId, organization))
}

impl Site {
    pub(super) fn from_row(row: Model) -> Self {
        let organization = row.organization_id.map(OrganizationKey).map(Holder::Organization);
        Self {
            owner: organization.or(row.account_id.map(AccountKey).map(Holder::Account)),
            key: SiteKey(row.id),
            public_id: row.public_id,
            name: row.name,
            address: row.address,
            time_zone: row.time_zone,
        }
    }
}

//! Organizations: several people who hold inverters and sites together.
//!
//! In: a name, the first owner. Out: organizations, with the members' roles from the room `members`.

use std::time::Duration;

use fleet::{AccountKey, MemberRole, OrganizationKey, ceilings};
use sea_orm::{ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use wire::UtcMs;

use super::manned::{self, Without};
use super::tables::organizations::organization::{ActiveModel, Column, Entity, Model};
use super::{Act, StateError, StateStore, audit, grants, logbook_read, members};

/// One organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its number. Never shown outside.
    pub key: OrganizationKey,
    /// Random code that names it outside; who knows it may offer access to the organization, nothing else.
    pub public_id: String,
    /// What people call it.
    pub name: String,
    /// Its members must have a second factor.
    pub second_factor_required: bool,
    /// When it was made.
    pub created_at: UtcMs,
}

/// An organization to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewOrganization<'a> {
    /// Random code that will name it outside.
    pub public_id: &'a str,
    /// What people call it.
    pub name: &'a str,
    /// Its first owner; none for one made on the command line.
    pub owner: Option<AccountKey>,
}

impl StateStore {
    /// Makes an organization.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn create_organization(
        &self,
        new: NewOrganization<'_>,
        act: Act,
    ) -> Result<OrganizationKey, StateError> {
        const DOING: &str = "make the organization";
        let failed = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        if let Some(owner) = new.owner {
            let owned = members::owned(&change, owner).await.map_err(&failed)?;
            StateError::unless_room(owned, ceilings::ORGANIZATIONS)?;
        }
        let row = ActiveModel {
            id: NotSet,
            public_id: Set(new.public_id.to_owned()),
            name: Set(new.name.to_owned()),
            second_factor_required: Set(false),
            created_at: Set(act.at().0),
        };
        let key = OrganizationKey(Entity::insert(row).exec(&change).await.map_err(&failed)?.last_insert_id);
        if let Some(owner) = new.owner {
            members::write(&change, key, owner, MemberRole::Owner, act.at()).await.map_err(&failed)?;
        }
        audit::append(&change, &act.in_organization(key)).await.map_err(&failed)?;
        self.commit_change(change, DOING).await?;
        Ok(key)
    }

    /// The organization of a code, whosever it is: the caller asks `fleet::authorize`.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn organization(&self, public_id: &str) -> Result<Option<Organization>, StateError> {
        let query = Entity::find().filter(Column::PublicId.eq(public_id));
        let row = query.one(&self.connection).await.map_err(StateError::doing("look up an organization"))?;
        Ok(row.map(Organization::from_row))
    }

    /// The organization of a key.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn organization_by_key(
        &self,
        key: OrganizationKey,
    ) -> Result<Option<Organization>, StateError> {
        let query = Entity::find_by_id(key.0).one(&self.connection);
        Ok(query.await.map_err(StateError::doing("look up an organization"))?.map(Organization::from_row))
    }

    /// Every organization, by name.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn organizations(&self) -> Result<Vec<Organization>, StateError> {
        let query = Entity::find().order_by_asc(Column::Name).order_by_asc(Column::Id);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list organizations"))?;
        Ok(rows.into_iter().map(Organization::from_row).collect())
    }

    /// Changes an organization's name, and whether its members must have a second factor.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn update_organization(
        &self,
        key: OrganizationKey,
        name: &str,
        second_factor_required: bool,
        act: &Act,
    ) -> Result<(), StateError> {
        const DOING: &str = "change the organization";
        let change = self.begin_change(DOING).await?;
        let row = ActiveModel {
            name: Set(name.to_owned()),
            second_factor_required: Set(second_factor_required),
            ..ActiveModel::default()
        };
        let update = Entity::update_many().set(row).filter(Column::Id.eq(key.0));
        update.exec(&change).await.map_err(StateError::doing(DOING))?;
        audit::append(&change, act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await
    }

    /// Deletes an organization with its memberships, grants, sites and what waits for an answer.
    ///
    /// # Errors
    /// [`StateError::Refused`] where it alone can manage an inverter, [`StateError::KeepsLogbook`] where its logbook holds something: years of
    /// records go by a word of their own, and some at a time; [`StateError::Database`].
    pub async fn delete_organization(&self, key: OrganizationKey, act: &Act) -> Result<(), StateError> {
        const DOING: &str = "delete the organization";
        self.drop_given_up(Duration::MAX).await?;
        let change = self.begin_change(DOING).await?;
        if logbook_read::holds_entries(&change, key).await.map_err(StateError::doing(DOING))? {
            return Err(StateError::KeepsLogbook);
        }
        let held = grants::find(&change, grants::of(key.into())).await?;
        let inverters = held.into_iter().map(|grant| grant.inverter);
        manned::all_keep_managers(&change, inverters, Without::Organization(key), act.at()).await?;
        Entity::delete_by_id(key.0).exec(&change).await.map_err(StateError::doing(DOING))?;
        audit::append(&change, act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await
    }
}

impl Organization {
    pub(super) fn from_row(row: Model) -> Self {
        Self {
            key: OrganizationKey(row.id),
            public_id: row.public_id,
            name: row.name,
            second_factor_required: row.second_factor_required,
            created_at: UtcMs(row.created_at),
        }
    }
}

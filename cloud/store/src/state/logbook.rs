//! Logbooks: which organizations keep one, for how long, and where its chain stands.
//!
//! In: an owner's word. Out: logbooks. Begun, it takes in piece by piece what is still there of the inverters that the organization manages; how one ends
//! is the room `logbook_end`'s business, entries are that of `logbook_enter` and `logbook_read`.

use std::time::{Duration, Instant};

use fleet::logbook::{Hash, Place, PublicKey};
use fleet::{Grant, OrganizationKey, Role};
use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder,
};
use wire::UtcMs;

use super::tables::grant;
use super::tables::logbook::{book, signed_by};
use super::{Act, StateError, StateStore, audit, grants, pieces, sha256};

/// A logbook's number. Never shown outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BookKey(pub i64);

/// One logbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logbook {
    /// Its number.
    pub key: BookKey,
    /// Whose.
    pub organization: OrganizationKey,
    /// For how many years entries are kept.
    pub years: u32,
    /// When it was begun.
    pub begun_at: UtcMs,
    /// Where its chain stands.
    pub place: Place,
    /// When its last entry was written.
    pub written_at: Option<UtcMs>,
    /// The last entry that went as its years were over; 0: none.
    pub gone: u64,
    /// The signed line that says so.
    pub checkpoint: Option<String>,
}

impl StateStore {
    /// The logbook of an organization.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn logbook(&self, organization: OrganizationKey) -> Result<Option<Logbook>, StateError> {
        let query = book::Entity::kept().filter(book::Column::OrganizationId.eq(organization.0));
        let row = query.one(&self.connection).await.map_err(StateError::doing("look up a logbook"))?;
        row.map(Logbook::from_row).transpose()
    }

    /// Every logbook.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn logbooks(&self) -> Result<Vec<Logbook>, StateError> {
        let query = book::Entity::kept().order_by_asc(book::Column::Id);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list logbooks"))?;
        rows.into_iter().map(Logbook::from_row).collect()
    }

    /// An organization begins to keep a logbook. `name`: 32 random digits. Tests and outages of inverters that it manages and that are
    /// still there are entered, too: they wait some at a time, so that nobody's write waits for all of them, and after a kill
    /// [`StateStore::fill_logbooks`] goes on.
    ///
    /// # Errors
    /// [`StateError::Taken`] where it keeps one, [`StateError::Database`].
    pub async fn begin_logbook(
        &self,
        organization: OrganizationKey,
        name: &str,
        years: u32,
        act: &Act,
    ) -> Result<(), StateError> {
        const DOING: &str = "begin the logbook";
        // One that was given up a moment ago is out of the way first.
        self.drop_given_up(Duration::MAX).await?;
        let change = self.begin_change(DOING).await?;
        let row = book::ActiveModel {
            id: NotSet,
            book: Set(name.to_owned()),
            organization_id: Set(organization.0),
            years: Set(years.into()),
            begun_at: Set(act.at().0),
            last_number: Set(0),
            last_hash: Set(Hash::NONE.0.to_vec()),
            written_at: Set(0),
            gone_number: Set(0),
            checkpoint: Set(None),
            filled_through: Set(Some(0)),
            given_up_at: Set(None),
        };
        let number = organization.0.to_string();
        let taken = StateError::taken(DOING, "a logbook of organization", &number);
        let made = book::Entity::insert(row).exec(&change).await.map_err(taken)?;
        audit::append(&change, act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await?;
        self.fill(BookKey(made.last_insert_id)).await
    }

    /// Lets what was there when logbooks were begun wait for them, where a kill came between.
    ///
    /// # Errors
    /// [`StateError::Database`]: what does not wait yet is still known.
    pub async fn fill_logbooks(&self) -> Result<(), StateError> {
        let query = book::Entity::kept().filter(book::Column::FilledThrough.is_not_null());
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list logbooks"))?;
        for row in rows {
            self.fill(BookKey(row.id)).await?;
        }
        Ok(())
    }

    async fn fill(&self, key: BookKey) -> Result<(), StateError> {
        loop {
            let began = Instant::now();
            if !self.fill_logbook(key).await? {
                return Ok(());
            }
            pieces::rest(began).await;
        }
    }

    /// An organization keeps its logbook for more or fewer years.
    ///
    /// # Errors
    /// [`StateError::NotFound`], [`StateError::Database`].
    pub async fn change_logbook_years(
        &self,
        organization: OrganizationKey,
        years: u32,
        act: &Act,
    ) -> Result<(), StateError> {
        const DOING: &str = "change the years of the logbook";
        let change = self.begin_change(DOING).await?;
        let row = book::ActiveModel { years: Set(years.into()), ..book::ActiveModel::default() };
        let update = book::Entity::update_many().set(row).filter(kept_by(organization)).exec(&change).await;
        if update.map_err(StateError::doing(DOING))?.rows_affected == 0 {
            return Err(none_of(organization));
        }
        audit::append(&change, act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await
    }

    /// Grants by which organizations that keep a logbook manage inverters; ended ones too.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn logbook_grants(&self) -> Result<Vec<Grant>, StateError> {
        let keeping = Query::select()
            .column(book::Column::OrganizationId)
            .from(book::Entity)
            .and_where(book::Column::GivenUpAt.is_null())
            .to_owned();
        let which = Condition::all()
            .add(grant::Column::OrganizationId.in_subquery(keeping))
            .add(grant::Column::Role.eq(Role::ReadWrite.name()));
        grants::find(&self.connection, which).await
    }

    /// Notes a key that signs from now on. A key that was noted stays, with its day: what it signed is checked by it for years.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn note_logbook_key(&self, key: PublicKey, now: UtcMs) -> Result<(), StateError> {
        let row = signed_by::ActiveModel { public_key: Set(key.bytes().to_vec()), since: Set(now.0) };
        let once = OnConflict::column(signed_by::Column::PublicKey).do_nothing().to_owned();
        let insert =
            signed_by::Entity::insert(row).on_conflict(once).exec_without_returning(&self.connection);
        insert.await.map(drop).map_err(StateError::doing("note the key of logbooks"))
    }

    /// Every key that ever signed here, the oldest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn logbook_keys(&self) -> Result<Vec<(PublicKey, UtcMs)>, StateError> {
        let query = signed_by::Entity::find().order_by_asc(signed_by::Column::Since);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list keys of logbooks"))?;
        let key = |row: signed_by::Model| {
            let bytes = sha256(row.public_key, "logbook_keys", "public_key")?;
            Ok((PublicKey::from_bytes(bytes), UtcMs(row.since)))
        };
        rows.into_iter().map(key).collect()
    }
}

pub(super) fn kept_by(organization: OrganizationKey) -> Condition {
    Condition::all()
        .add(book::Column::OrganizationId.eq(organization.0))
        .add(book::Column::GivenUpAt.is_null())
}

pub(super) fn none_of(organization: OrganizationKey) -> StateError {
    StateError::NotFound { what: "logbook of organization", name: organization.0.to_string() }
}

impl Logbook {
    pub(super) fn from_row(row: book::Model) -> Result<Self, StateError> {
        let bad =
            |column, value: i64| StateError::Row { table: "logbooks", column, value: value.to_string() };
        let number = |column, value: i64| u64::try_from(value).map_err(|_| bad(column, value));
        Ok(Self {
            key: BookKey(row.id),
            organization: OrganizationKey(row.organization_id),
            years: u32::try_from(row.years).map_err(|_| bad("years", row.years))?,
            begun_at: UtcMs(row.begun_at),
            place: Place {
                book: row.book,
                last: number("last_number", row.last_number)?,
                hash: Hash(sha256(row.last_hash, "logbooks", "last_hash")?),
            },
            written_at: (row.last_number > 0).then_some(UtcMs(row.written_at)),
            gone: number("gone_number", row.gone_number)?,
            checkpoint: row.checkpoint,
        })
    }
}

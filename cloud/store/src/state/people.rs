//! Who can see an inverter: its grants with whoever holds each.
//!
//! In: an inverter. Out: accounts and organizations with their grants. What changes a holder's grant as a whole is here
//! too: handing an inverter over, and giving it up for everybody.

use fleet::sharing::keep_manager;
use fleet::{AccountKey, Grant, Holder, InverterKey, OrganizationKey, Role};
use sea_orm::{
    ActiveModelTrait, ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel,
    QueryFilter,
};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::manned::{self, Without};
use super::outbox::{self, NewMail};
use super::tables::{certificate, event, grant, inverter, site, snapshot};
use super::{Account, Act, Organization, StateError, StateStore, audit, grants, incidents};

/// A grant on an inverter, and who holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The grant.
    pub grant: Grant,
    /// Who.
    pub who: Who,
}

/// Who holds a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// One person.
    Account(Account),
    /// An organization, with how many members it has.
    Organization(Organization, usize),
}

impl StateStore {
    /// Who can see an inverter at `now`: accounts, then organizations.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn people_on(&self, inverter: InverterKey, now: UtcMs) -> Result<Vec<Person>, StateError> {
        let mut people = Vec::new();
        for grant in self.grants_on_inverter(inverter).await? {
            let who = match grant.holder {
                Holder::Account(key) => self.account(key).await?.map(Who::Account),
                Holder::Organization(key) => match self.organization_by_key(key).await? {
                    Some(found) => Some(Who::Organization(found, self.members(key).await?.len())),
                    None => None,
                },
            };
            people.extend(who.filter(|_| grant.holds(now)).map(|who| Person { grant, who }));
        }
        Ok(people)
    }

    /// Hands an inverter over to an organization: it may manage from now on, the account's own grant goes, and so does
    /// the site unless it is the organization's.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn hand_over(
        &self,
        inverter: InverterKey,
        from: AccountKey,
        to: OrganizationKey,
        act: &Act,
    ) -> Result<(), StateError> {
        const DOING: &str = "hand the inverter over";
        let failed = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let before = manned::on(&change, inverter, Without::Nothing).await?;
        let given = Grant { holder: to.into(), inverter, role: Role::ReadWrite, ends: None };
        grants::write(&change, given, act.at()).await.map_err(&failed)?;
        let own = grant::Entity::delete_many().filter(grants::of(from.into())).filter(grants::on(inverter));
        own.exec(&change).await.map_err(&failed)?;
        keep_manager(&before, &manned::on(&change, inverter, Without::Nothing).await?, act.at())?;
        let key = i64::from(inverter.0);
        let row = inverter::Entity::find_by_id(key).one(&change).await.map_err(&failed)?;
        if let Some(stands) = row.and_then(|row| row.site_id) {
            let stands = site::Entity::find_by_id(stands).one(&change).await.map_err(&failed)?;
            if stands.is_none_or(|site| site.organization_id != Some(to.0)) {
                let nowhere = inverter::ActiveModel { site_id: Set(None), ..Default::default() };
                let update =
                    inverter::Entity::update_many().set(nowhere).filter(inverter::Column::Id.eq(key));
                update.exec(&change).await.map_err(&failed)?;
            }
        }
        audit::append(&change, act).await.map_err(&failed)?;
        self.commit_change(change, DOING).await
    }

    /// Gives an inverter up for everybody: all grants and offers go, its name, place and site, and what is known of it. On
    /// purpose, so nobody has to stay. It is registered anew under `public_id` with the certificates it has, and under
    /// another key: nothing leads to its readings of before any more, whoever pairs it next, and they are erased as they
    /// grow old.
    ///
    /// # Errors
    /// [`StateError::NotFound`], [`StateError::Database`].
    pub async fn give_up_inverter(
        &self,
        inverter: InverterKey,
        public_id: &str,
        act: &Act,
        mails: &[NewMail<'_>],
    ) -> Result<InverterKey, StateError> {
        const DOING: &str = "remove the inverter";
        let failed = StateError::doing(DOING);
        let key = i64::from(inverter.0);
        let change = self.begin_change(DOING).await?;
        let row = inverter::Entity::find_by_id(key).one(&change).await.map_err(&failed)?;
        let row = row.ok_or_else(|| StateError::NotFound { what: "inverter", name: key.to_string() })?;
        let mine = certificate::Column::InverterId.eq(key);
        let certificates = certificate::Entity::find().filter(mine).all(&change).await.map_err(&failed)?;
        let forget = event::Entity::delete_many().filter(event::Column::InverterId.eq(key));
        forget.exec(&change).await.map_err(&failed)?;
        incidents::forget_inverter(&change, inverter, act.at()).await?;
        snapshot::Entity::delete_by_id(key).exec(&change).await.map_err(&failed)?;
        // Grants, offers, certificates and what tokens reach go with the row.
        inverter::Entity::delete_by_id(key).exec(&change).await.map_err(&failed)?;
        let anew = inverter::ActiveModel {
            id: NotSet,
            public_id: Set(public_id.to_owned()),
            name: Set(String::new()),
            place: Set(String::new()),
            site_id: Set(None),
            ..row.into_active_model().reset_all()
        };
        let anew = inverter::Entity::insert(anew).exec(&change).await.map_err(&failed)?.last_insert_id;
        for row in certificates {
            let moved =
                certificate::ActiveModel { inverter_id: Set(anew), ..row.into_active_model().reset_all() };
            let insert = certificate::Entity::insert(moved).exec_without_returning(&change);
            insert.await.map_err(&failed)?;
        }
        audit::append(&change, act).await.map_err(&failed)?;
        outbox::queue_all(&change, mails).await.map_err(&failed)?;
        self.commit_change(change, DOING).await?;
        inverter_key(anew)
    }
}

//! Escalation ladders: one of an organization, one of a site, which then stands for the organization's there.
//!
//! In: ladders that `fleet::notice::Ladder` allows. Out: the same without those who have gone. Whoever leaves the service or
//! the organization is taken off; their step keeps its place. A ladder that was changed has open incidents looked at at once.

use std::collections::HashMap;

use fleet::notice::{Ladder, Step};
use fleet::{AccountKey, Holder, OrganizationKey};
use sea_orm::sea_query::{Query, SelectStatement};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait,
    ExprTrait, QueryFilter, QueryOrder,
};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::tables::incidents::incident;
use super::tables::ladders::{ladder, person, step};
use super::tables::{grant, site};
use super::{Act, Place, Site, SiteKey, StateError, StateStore, audit, incidents};

/// Whose a ladder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LadderOf {
    /// For all sites of an organization that have none of their own, and for what it holds at no site.
    Organization(OrganizationKey),
    /// For one site.
    Site(SiteKey),
}

impl StateStore {
    /// A ladder; `None` where there is none.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn ladder(&self, of: LadderOf) -> Result<Option<Ladder>, StateError> {
        let failed = StateError::doing("look up an escalation ladder");
        let row = ladder::Entity::find().filter(whose(of)).one(&self.connection).await.map_err(&failed)?;
        let Some(row) = row else { return Ok(None) };
        let mut found = read(&self.connection, &[row.id]).await.map_err(&failed)?;
        Ok(Some(found.remove(&row.id).unwrap_or_default()))
    }

    /// The ladder by which alarms of a site are escalated, and whose it is: the site's own, else that of the organization to
    /// which it belongs.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn ladder_at(&self, site: &Site) -> Result<Option<(LadderOf, Ladder)>, StateError> {
        let own = LadderOf::Site(site.key);
        if let Some(ladder) = self.ladder(own).await? {
            return Ok(Some((own, ladder)));
        }
        let Some(Holder::Organization(key)) = site.owner else { return Ok(None) };
        let of = LadderOf::Organization(key);
        Ok(self.ladder(of).await?.map(|ladder| (of, ladder)))
    }

    /// The ladder by which alarms of a place are escalated now.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn ladder_of_place(&self, place: Place, now: UtcMs) -> Result<Ladder, StateError> {
        let mut found = of_places(&self.connection, &[place], now).await?;
        Ok(found.remove(&place).unwrap_or_default())
    }

    /// Makes a ladder, or puts it in place of the one there is.
    ///
    /// # Errors
    /// [`StateError::Database`], also where somebody on it does not exist.
    pub async fn set_ladder(&self, of: LadderOf, ladder: &Ladder, act: &Act) -> Result<(), StateError> {
        const DOING: &str = "change an escalation ladder";
        let failed = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        ladder::Entity::delete_many().filter(whose(of)).exec(&change).await.map_err(&failed)?;
        let (organization_id, site_id) = columns(of);
        let row =
            ladder::ActiveModel { id: NotSet, organization_id: Set(organization_id), site_id: Set(site_id) };
        let id = ladder::Entity::insert(row).exec(&change).await.map_err(&failed)?.last_insert_id;
        write(&change, id, ladder).await.map_err(&failed)?;
        look_again(&change, of).await.map_err(&failed)?;
        audit::append(&change, act).await.map_err(&failed)?;
        self.commit_change(change, DOING).await
    }

    /// Removes a ladder. Whether there was one.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn remove_ladder(&self, of: LadderOf, act: &Act) -> Result<bool, StateError> {
        const DOING: &str = "remove an escalation ladder";
        let failed = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let delete = ladder::Entity::delete_many().filter(whose(of)).exec(&change).await;
        if delete.map_err(&failed)?.rows_affected == 0 {
            return Ok(false);
        }
        look_again(&change, of).await.map_err(&failed)?;
        audit::append(&change, act).await.map_err(&failed)?;
        self.commit_change(change, DOING).await?;
        Ok(true)
    }
}

/// The ladders by which alarms of these places are escalated; places without one are left out. Of an inverter at no site the
/// ladder is that of the organization which manages it, where several do of the one that was given it first.
pub(super) async fn of_places(
    connection: &impl ConnectionTrait,
    places: &[Place],
    now: UtcMs,
) -> Result<HashMap<Place, Ladder>, StateError> {
    let failed = StateError::doing("look up escalation ladders");
    let mut whose: HashMap<Place, Vec<LadderOf>> = HashMap::with_capacity(places.len());
    let sites =
        places.iter().filter_map(|place| if let Place::Site(key) = place { Some(key.0) } else { None });
    for row in
        site::Entity::find().filter(site::Column::Id.is_in(sites)).all(connection).await.map_err(&failed)?
    {
        let own = LadderOf::Site(SiteKey(row.id));
        let owner = row.organization_id.map(|key| LadderOf::Organization(OrganizationKey(key)));
        whose.insert(Place::Site(SiteKey(row.id)), std::iter::once(own).chain(owner).collect());
    }
    let lone = places.iter().filter_map(|place| match place {
        Place::Inverter(key) => Some(i64::from(key.0)),
        Place::Site(_) => None,
    });
    let manages = grant::Entity::find()
        .filter(grant::Column::InverterId.is_in(lone))
        .filter(grant::Column::OrganizationId.is_not_null())
        .filter(grant::Column::Role.eq(fleet::Role::ReadWrite.name()))
        .filter(grant::Column::EndsAt.is_null().or(grant::Column::EndsAt.gt(now.0)))
        .order_by_asc(grant::Column::GrantedAt)
        .order_by_asc(grant::Column::Id);
    for row in manages.all(connection).await.map_err(&failed)? {
        let Some(key) = row.organization_id else { continue };
        let place = Place::Inverter(inverter_key(row.inverter_id)?);
        whose.entry(place).or_default().push(LadderOf::Organization(OrganizationKey(key)));
    }
    let known = rows(connection, whose.values().flatten().copied()).await.map_err(&failed)?;
    let chosen: HashMap<Place, i64> = whose
        .into_iter()
        .filter_map(|(place, of)| Some((place, of.iter().find_map(|of| known.get(of).copied())?)))
        .collect();
    let ids: Vec<i64> = chosen.values().copied().collect();
    let ladders = read(connection, &ids).await.map_err(&failed)?;
    Ok(chosen.into_iter().filter_map(|(place, id)| Some((place, ladders.get(&id)?.clone()))).collect())
}

/// A member leaves: off the ladders of the organization and of its sites.
pub(super) async fn forget_member(
    change: &impl ConnectionTrait,
    organization: OrganizationKey,
    account: AccountKey,
) -> Result<(), DbErr> {
    let own = ladder::Column::OrganizationId.eq(organization.0);
    let theirs = ladder::Column::SiteId.in_subquery(sites_of(organization));
    let ladders =
        Query::select().column(ladder::Column::Id).from(ladder::Entity).cond_where(own.or(theirs)).to_owned();
    person::Entity::delete_many()
        .filter(person::Column::AccountId.eq(account.0))
        .filter(person::Column::LadderId.in_subquery(ladders))
        .exec(change)
        .await
        .map(drop)
}

/// Numbers of the ladders that there are.
async fn rows(
    connection: &impl ConnectionTrait,
    of: impl Iterator<Item = LadderOf>,
) -> Result<HashMap<LadderOf, i64>, DbErr> {
    let (mut organizations, mut sites) = (Vec::new(), Vec::new());
    for of in of {
        let (organization, site) = columns(of);
        organizations.extend(organization);
        sites.extend(site);
    }
    let any = Condition::any()
        .add(ladder::Column::OrganizationId.is_in(organizations))
        .add(ladder::Column::SiteId.is_in(sites));
    let found = ladder::Entity::find().filter(any).all(connection).await?;
    let whose = |row: ladder::Model| {
        let site = row.site_id.map(|key| LadderOf::Site(SiteKey(key)));
        let of = site.or(row.organization_id.map(|key| LadderOf::Organization(OrganizationKey(key))))?;
        Some((of, row.id))
    };
    Ok(found.into_iter().filter_map(whose).collect())
}

/// Ladders of these numbers.
async fn read(connection: &impl ConnectionTrait, ids: &[i64]) -> Result<HashMap<i64, Ladder>, DbErr> {
    let steps = step::Entity::find()
        .filter(step::Column::LadderId.is_in(ids.iter().copied()))
        .order_by_asc(step::Column::LadderId)
        .order_by_asc(step::Column::Step);
    let people = person::Entity::find()
        .filter(person::Column::LadderId.is_in(ids.iter().copied()))
        .order_by_asc(person::Column::Place);
    let mut of: HashMap<(i64, i64), Vec<AccountKey>> = HashMap::new();
    for row in people.all(connection).await? {
        of.entry((row.ladder_id, row.step)).or_default().push(AccountKey(row.account_id));
    }
    let mut found: HashMap<i64, Vec<Step>> = HashMap::with_capacity(ids.len());
    for row in steps.all(connection).await? {
        let people = of.remove(&(row.ladder_id, row.step)).unwrap_or_default();
        found.entry(row.ladder_id).or_default().push(Step { wait_ms: row.wait_ms, people });
    }
    Ok(found.into_iter().map(|(id, steps)| (id, Ladder::kept(steps))).collect())
}

async fn write(change: &impl ConnectionTrait, id: i64, ladder: &Ladder) -> Result<(), DbErr> {
    let (mut steps, mut people) = (Vec::new(), Vec::new());
    for (number, one) in (0_i64..).zip(ladder.steps()) {
        steps.push(step::ActiveModel { ladder_id: Set(id), step: Set(number), wait_ms: Set(one.wait_ms) });
        people.extend((0_i64..).zip(&one.people).map(|(place, account)| person::ActiveModel {
            ladder_id: Set(id),
            step: Set(number),
            account_id: Set(account.0),
            place: Set(place),
        }));
    }
    if !steps.is_empty() {
        step::Entity::insert_many(steps).exec_without_returning(change).await?;
    }
    if !people.is_empty() {
        person::Entity::insert_many(people).exec_without_returning(change).await?;
    }
    Ok(())
}

/// What is open where the ladder counts is looked at at once.
async fn look_again(change: &impl ConnectionTrait, of: LadderOf) -> Result<(), DbErr> {
    let there = match of {
        LadderOf::Site(key) => Condition::any().add(incident::Column::SiteId.eq(key.0)),
        LadderOf::Organization(key) => {
            let held = Query::select()
                .column(grant::Column::InverterId)
                .from(grant::Entity)
                .and_where(grant::Column::OrganizationId.eq(key.0))
                .to_owned();
            Condition::any()
                .add(incident::Column::SiteId.in_subquery(sites_of(key)))
                .add(incident::Column::InverterId.in_subquery(held))
        }
    };
    incidents::look_again(change, there).await
}

fn sites_of(organization: OrganizationKey) -> SelectStatement {
    let own = site::Column::OrganizationId.eq(organization.0);
    Query::select().column(site::Column::Id).from(site::Entity).and_where(own).to_owned()
}

fn whose(of: LadderOf) -> sea_orm::sea_query::SimpleExpr {
    match of {
        LadderOf::Organization(key) => ladder::Column::OrganizationId.eq(key.0),
        LadderOf::Site(key) => ladder::Column::SiteId.eq(key.0),
    }
}

/// The columns: organization, site.
const fn columns(of: LadderOf) -> (Option<i64>, Option<i64>) {
    match of {
        LadderOf::Organization(key) => (Some(key.0), None),
        LadderOf::Site(key) => (None, Some(key.0)),
    }
}

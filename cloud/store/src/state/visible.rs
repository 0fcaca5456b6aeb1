//! What an account sees: inverters with a grant that reaches it, its own or by an organization that it is a member of.
//!
//! In: an account, now. Out: inverters, each with the grants that reach the account and its site, by one query.

use fleet::{AccountKey, Held, Holder, OrganizationKey, Role};
use sea_orm::sea_query::{Expr, IntoCondition, Query, SelectStatement, UnionType};
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, ExprTrait, FromQueryResult, IdenStatic, Iterable, JoinType,
    QueryFilter, QueryOrder, QueryResult, QuerySelect, RelationDef,
};
use wire::UtcMs;

use super::members::member_role;
use super::tables::inverter::{Column, Entity, Model};
use super::tables::organizations::member;
use super::tables::{grant, site};
use super::{Inverter, Site, StateError, StateStore, grants};

/// An inverter as an account sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisibleInverter {
    /// The inverter.
    pub inverter: Inverter,
    /// What the account may do with it: the widest of what it holds.
    pub role: Role,
    /// The grants that reach the account, with its role in the organization that holds one.
    pub held: Vec<Held>,
    /// Organizations among those that manage it, each with since when.
    pub managed: Vec<(OrganizationKey, UtcMs)>,
    /// Where it stands.
    pub site: Option<Site>,
}

impl VisibleInverter {
    /// Who holds the grant that gives the account its role; itself before an organization.
    #[must_use]
    pub fn holder(&self, account: AccountKey, now: UtcMs) -> Option<Holder> {
        let widest = self.held.iter().filter(|held| held.role(account, now) == Some(self.role));
        widest.map(|held| held.grant.holder).min()
    }

    /// When the first of its grants ends: from then on it has to be asked for again.
    #[must_use]
    pub fn until(&self) -> Option<UtcMs> {
        self.held.iter().filter_map(|held| held.grant.ends).min()
    }
}

impl StateStore {
    /// The inverters that an account has a grant on that holds at `now`, by name, then serial number.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn visible_inverters(
        &self,
        account: AccountKey,
        now: UtcMs,
    ) -> Result<Vec<VisibleInverter>, StateError> {
        self.visible(account, now, Condition::all()).await
    }

    /// The inverter of a public id, if the account has a grant on it that holds at `now`.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn visible_inverter(
        &self,
        account: AccountKey,
        public_id: &str,
        now: UtcMs,
    ) -> Result<Option<VisibleInverter>, StateError> {
        let found = self.visible(account, now, Condition::all().add(Column::PublicId.eq(public_id))).await?;
        Ok(found.into_iter().next())
    }

    async fn visible(
        &self,
        account: AccountKey,
        now: UtcMs,
        which: Condition,
    ) -> Result<Vec<VisibleInverter>, StateError> {
        let holds = grant::Column::EndsAt.is_null().or(grant::Column::EndsAt.gt(now.0));
        let query = Entity::find()
            .join_rev(JoinType::InnerJoin, from_grants())
            .join(JoinType::LeftJoin, grants_to_membership(account))
            .join(JoinType::LeftJoin, to_site())
            .column_as(member::Column::Role, MEMBER)
            .filter(grant::Column::Id.in_subquery(reaching(account)))
            .filter(holds)
            .filter(which)
            .order_by_asc(Column::Name)
            .order_by_asc(Column::Serial)
            .order_by_asc(grant::Column::Id);
        let query = grant::Column::iter()
            .fold(query, |query, column| query.column_as(column, format!("{GRANT}{}", column.as_str())));
        let query = site::Column::iter()
            .fold(query, |query, column| query.column_as(column, format!("{SITE}{}", column.as_str())));
        let rows = query.into_model::<Row>().all(&self.connection).await;
        let rows = rows.map_err(StateError::doing("list an account's inverters"))?;
        gather(rows, account, now)
    }
}

/// Numbers of the grants that reach an account. Two selects, each by its index, where an OR would read all grants.
fn reaching(account: AccountKey) -> SelectStatement {
    let by_membership = Query::select()
        .column((grant::Entity, grant::Column::Id))
        .from(grant::Entity)
        .inner_join(
            member::Entity,
            Expr::col((grant::Entity, grant::Column::OrganizationId))
                .equals((member::Entity, member::Column::OrganizationId)),
        )
        .and_where(Expr::col((member::Entity, member::Column::AccountId)).eq(account.0))
        .take();
    Query::select()
        .column(grant::Column::Id)
        .from(grant::Entity)
        .and_where(Expr::col(grant::Column::AccountId).eq(account.0))
        .union(UnionType::All, by_membership)
        .take()
}

/// Rows of one inverter follow each other: one a grant.
fn gather(rows: Vec<Row>, account: AccountKey, now: UtcMs) -> Result<Vec<VisibleInverter>, StateError> {
    let mut seen: Vec<VisibleInverter> = Vec::new();
    for row in rows {
        let member = row.member.as_deref().map(member_role).transpose()?;
        let since = UtcMs(row.grant.granted_at);
        let held = Held { grant: grants::grant(row.grant)?, member };
        let Some(role) = held.role(account, now) else { continue };
        let manages = match held.grant.holder {
            Holder::Organization(key) if held.grant.role == Role::ReadWrite => Some((key, since)),
            _ => None,
        };
        match seen.last_mut().filter(|last| last.inverter.key == held.grant.inverter) {
            Some(last) => {
                last.role = last.role.max(role);
                last.held.push(held);
                last.managed.extend(manages);
            }
            None => seen.push(VisibleInverter {
                inverter: Inverter::from_row(row.inverter)?,
                role,
                held: vec![held],
                managed: manages.into_iter().collect(),
                site: row.site.map(Site::from_row),
            }),
        }
    }
    Ok(seen)
}

/// One row of the query above: an inverter's columns, a grant's, the role in the organization, the site's columns.
struct Row {
    inverter: Model,
    grant: grant::Model,
    member: Option<String>,
    site: Option<site::Model>,
}

/// Names of the joined columns.
const MEMBER: &str = "member_role";
const GRANT: &str = "grant__";
const SITE: &str = "site__";

impl FromQueryResult for Row {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        Ok(Self {
            inverter: Model::from_query_result(row, "")?,
            grant: grant::Model::from_query_result(row, GRANT)?,
            member: row.try_get("", MEMBER)?,
            site: site::Model::from_query_result_optional(row, SITE)?,
        })
    }
}

fn from_grants() -> RelationDef {
    grant::Entity::belongs_to(Entity).from(grant::Column::InverterId).to(Column::Id).into()
}

fn grants_to_membership(account: AccountKey) -> RelationDef {
    grant::Entity::belongs_to(member::Entity)
        .from(grant::Column::OrganizationId)
        .to(member::Column::OrganizationId)
        .on_condition(move |_, members| {
            Expr::col((members, member::Column::AccountId)).eq(account.0).into_condition()
        })
        .into()
}

fn to_site() -> RelationDef {
    Entity::belongs_to(site::Entity).from(Column::SiteId).to(site::Column::Id).into()
}

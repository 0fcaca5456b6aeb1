//! How much conditions matter to organizations, where that is not what is usual.
//!
//! In and out: [`Severities`], which `fleet::alarm` bounds and counts; beside it the grants that tell which organizations
//! manage what. A row that is not understood is as if it was never said.

use std::collections::BTreeMap;

use fleet::alarm::Severities;
use fleet::condition::Severity;
use fleet::{Condition, Grant, OrganizationKey, Role};
use sea_orm::sea_query::Query;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::tables::grant;
use super::tables::organizations::severity::{ActiveModel, Column, Entity, Model};
use super::{Act, StateError, StateStore, audit, grants};

/// What organizations say, and who manages the inverters that it may count for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graded {
    /// By organization; of those that say nothing there is nothing.
    pub said: BTreeMap<OrganizationKey, Severities>,
    /// Grants to manage, of organizations, on every inverter on which one of those has any; ended ones too.
    pub grants: Vec<Grant>,
}

impl StateStore {
    /// How much conditions matter to an organization.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn severities(&self, organization: OrganizationKey) -> Result<Severities, StateError> {
        let rows = Entity::find().filter(Column::OrganizationId.eq(organization.0));
        let rows = rows.all(&self.connection).await.map_err(StateError::doing("list severities"))?;
        let mut severities = Severities::default();
        rows.iter().for_each(|row| add(&mut severities, row));
        Ok(severities)
    }

    /// Says how much conditions matter to an organization, in place of all that it said before.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn set_severities(
        &self,
        organization: OrganizationKey,
        severities: &Severities,
        act: &Act,
    ) -> Result<(), StateError> {
        const DOING: &str = "change how much conditions matter";
        let failed = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let before = Entity::delete_many().filter(Column::OrganizationId.eq(organization.0));
        before.exec(&change).await.map_err(&failed)?;
        let rows: Vec<ActiveModel> = severities
            .iter()
            .map(|(condition, severity)| ActiveModel {
                organization_id: Set(organization.0),
                condition: Set(condition.name().to_owned()),
                severity: Set(severity.name().to_owned()),
            })
            .collect();
        if !rows.is_empty() {
            Entity::insert_many(rows).exec_without_returning(&change).await.map_err(&failed)?;
        }
        audit::append(&change, act).await.map_err(&failed)?;
        self.commit_change(change, DOING).await
    }

    /// What all organizations say, and who manages the inverters that it may count for.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn graded(&self) -> Result<Graded, StateError> {
        let failed = StateError::doing("list severities");
        let rows = Entity::find().all(&self.connection).await.map_err(&failed)?;
        let mut said: BTreeMap<OrganizationKey, Severities> = BTreeMap::new();
        for row in &rows {
            add(said.entry(OrganizationKey(row.organization_id)).or_default(), row);
        }
        if said.is_empty() {
            return Ok(Graded::default());
        }
        let saying = Query::select().column(Column::OrganizationId).from(Entity).to_owned();
        let theirs = Query::select()
            .column(grant::Column::InverterId)
            .from(grant::Entity)
            .and_where(grant::Column::OrganizationId.in_subquery(saying))
            .to_owned();
        let query = grant::Entity::find()
            .filter(grant::Column::OrganizationId.is_not_null())
            .filter(grant::Column::Role.eq(Role::ReadWrite.name()))
            .filter(grant::Column::InverterId.in_subquery(theirs));
        let rows = query.all(&self.connection).await.map_err(&failed)?;
        let grants = rows.into_iter().map(grants::grant).collect::<Result<_, _>>()?;
        Ok(Graded { said, grants })
    }
}

fn add(severities: &mut Severities, row: &Model) {
    let known = Condition::from_name(&row.condition).zip(Severity::from_name(&row.severity));
    if let Some((condition, severity)) = known {
        // What may not be said was never said.
        let _ = severities.set(condition, severity);
    }
}

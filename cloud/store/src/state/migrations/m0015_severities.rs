//! How much conditions matter to an organization, where that is not what is usual.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, string};

use super::{reference, table};

/// One row an organization and condition.
pub(super) struct Severities;

impl MigrationName for Severities {
    fn name(&self) -> &'static str {
        "m0015_severities"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Severities {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let severities = table("severities")
            .col(big_integer("organization_id"))
            .col(string("condition"))
            .col(string("severity"))
            .primary_key(Index::create().col("organization_id").col("condition"))
            .foreign_key(&mut reference(
                "severities",
                "organization_id",
                "organizations",
                ForeignKeyAction::Cascade,
            ))
            .take();
        manager.create_table(severities).await
    }
}

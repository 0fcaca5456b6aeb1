//! The last instant that was believed: what is old is destroyed by it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer;

use super::table;

/// One row at most.
pub(super) struct Retention;

impl MigrationName for Retention {
    fn name(&self) -> &'static str {
        "m0016_retention"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Retention {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let clock = table("clock").col(big_integer("id").primary_key()).col(big_integer("kept_at")).take();
        manager.create_table(clock).await
    }
}

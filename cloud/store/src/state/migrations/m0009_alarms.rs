//! Up to when the pipeline had watched, beside the position in the journal.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer;

/// One column.
pub(super) struct Alarms;

impl MigrationName for Alarms {
    fn name(&self) -> &'static str {
        "m0009_alarms"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Alarms {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let watched = Table::alter()
            .table("journal_positions")
            .add_column(big_integer("watched_until").default(0))
            .take();
        manager.alter_table(watched).await
    }
}

//! That a logbook was given up: it is nobody's from then on, while its entries go some at a time.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer_null;

/// One column.
pub(super) struct LogbooksGivenUp;

impl MigrationName for LogbooksGivenUp {
    fn name(&self) -> &'static str {
        "m0023_logbooks_given_up"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for LogbooksGivenUp {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = &mut big_integer_null("given_up_at");
        manager.alter_table(Table::alter().table("logbooks").add_column(column).take()).await
    }
}

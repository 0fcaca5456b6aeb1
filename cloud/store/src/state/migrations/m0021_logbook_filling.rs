//! How far a logbook that was begun has taken in what was there by then.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer_null;

/// One column.
pub(super) struct LogbookFilling;

impl MigrationName for LogbookFilling {
    fn name(&self) -> &'static str {
        "m0021_logbook_filling"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for LogbookFilling {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = &mut big_integer_null("filled_through");
        manager.alter_table(Table::alter().table("logbooks").add_column(column).take()).await
    }
}

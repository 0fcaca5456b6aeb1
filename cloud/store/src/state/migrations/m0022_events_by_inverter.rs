//! Events stand by inverter in the file, so that the old ones of each are deleted with a few pages changed.
//!
//! Before, each row was in four trees: the table, in the order of arrival, and three indexes. Rows of a day were strewn over
//! all of them, and deleting 250 of them wrote up to a thousand pages.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, boolean, string, string_null, text};

use super::table;

/// The table anew.
pub(super) struct EventsByInverter;

impl MigrationName for EventsByInverter {
    fn name(&self) -> &'static str {
        "m0022_events_by_inverter"
    }
}

/// Its name while it is filled.
const ANEW: &str = "events_anew";
const COLUMNS: &str = "inverter_id, key, kind, condition, occurred_at, received_at, late, detail";

#[async_trait::async_trait]
impl MigrationTrait for EventsByInverter {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let anew = table(ANEW)
            .col(big_integer("inverter_id"))
            .col(string("key"))
            .col(string("kind"))
            .col(string_null("condition"))
            .col(big_integer("occurred_at"))
            .col(big_integer("received_at"))
            .col(boolean("late"))
            .col(text("detail"))
            .primary_key(Index::create().col("inverter_id").col("key"))
            // Rows stand in the primary key's own tree.
            .extra("WITHOUT ROWID")
            .take();
        manager.create_table(anew).await?;
        let copied =
            format!("INSERT INTO {ANEW} ({COLUMNS}) SELECT {COLUMNS} FROM events ORDER BY inverter_id, key");
        manager.get_connection().execute_unprepared(&copied).await?;
        // Its indexes go with it.
        manager.drop_table(Table::drop().table("events").take()).await?;
        manager.rename_table(Table::rename().table(ANEW, "events").take()).await?;
        let by_time = Index::create()
            .name("events_by_time")
            .table("events")
            .col("inverter_id")
            .col("occurred_at")
            .take();
        manager.create_index(by_time).await
    }
}

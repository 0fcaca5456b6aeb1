//! Tests and outages that are over; and indexes by which what is old is found without reading all.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, string};

use super::table;

/// One row a test or outage.
pub(super) struct Records;

impl MigrationName for Records {
    fn name(&self) -> &'static str {
        "m0018_records"
    }
}

/// Name, table, columns.
const INDEXES: &[(&str, &str, &[&str])] = &[
    ("records_of_inverter", "records", &["inverter_id", "started_at"]),
    ("records_by_age", "records", &["started_at"]),
    ("records_to_tell", "records", &["tell_at"]),
    ("events_by_age", "events", &["occurred_at"]),
    ("alarms_by_age", "alarms", &["raised_at"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Records {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let records = table("records")
            .col(big_integer("inverter_id"))
            .col(string("key"))
            .col(string("kind"))
            .col(big_integer("started_at"))
            .col(big_integer("told_at"))
            .col(binary("record"))
            .col(big_integer_null("tell_at"))
            .primary_key(Index::create().col("inverter_id").col("key"))
            .take();
        manager.create_table(records).await?;
        for (name, table, columns) in INDEXES {
            let mut index = Index::create();
            index.name(*name).table(*table);
            for column in *columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

//! Indexes by which an operator looks through a month of messages, and by which active alarms are counted.

use sea_orm_migration::prelude::*;

/// Messages by time, by what became of them, by kind; alarms that are not cleared.
pub(super) struct Deliveries;

impl MigrationName for Deliveries {
    fn name(&self) -> &'static str {
        "m0014_deliveries"
    }
}

/// Name, table, columns.
const INDEXES: &[(&str, &str, &[&str])] = &[
    ("outbox_by_time", "outbox", &["queued_at"]),
    ("outbox_by_fate", "outbox", &["channel", "state", "queued_at"]),
    ("outbox_by_kind", "outbox", &["kind", "queued_at"]),
    ("alarms_active", "alarms", &["cleared_at", "severity"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Deliveries {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
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

//! Logbooks of organizations, their entries, what waits to be entered, and the keys that ever signed.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, binary, string, string_uniq, text, text_null,
};

use super::{reference, table};

/// One row a logbook, an entry, a record that waits, a key.
pub(super) struct Logbook;

impl MigrationName for Logbook {
    fn name(&self) -> &'static str {
        "m0019_logbook"
    }
}

/// Name, table, columns, unique.
const INDEXES: &[(&str, &str, &[&str], bool)] = &[
    ("logbook_entries_of_record", "logbook_entries", &["book_id", "inverter_id", "record_key"], false),
    ("logbook_entries_by_start", "logbook_entries", &["inverter_id", "started_at"], false),
    ("logbook_waiting_once", "logbook_waiting", &["book_id", "inverter_id", "record_key"], true),
];

#[async_trait::async_trait]
impl MigrationTrait for Logbook {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            manager.create_table(table).await?;
        }
        for (name, table, columns, unique) in INDEXES {
            let mut index = Index::create();
            index.name(*name).table(*table);
            for column in *columns {
                index.col(*column);
            }
            if *unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn tables() -> Vec<TableCreateStatement> {
    let gone = ForeignKeyAction::Cascade;
    vec![
        table("logbooks")
            .col(big_pk_auto("id"))
            .col(string_uniq("book"))
            .col(big_integer("organization_id").unique_key())
            .col(big_integer("years"))
            .col(big_integer("begun_at"))
            .col(big_integer("last_number"))
            .col(binary("last_hash"))
            .col(big_integer("written_at"))
            .col(big_integer("gone_number"))
            .col(text_null("checkpoint"))
            .foreign_key(&mut reference("logbooks", "organization_id", "organizations", gone))
            .take(),
        // The inverter may be given up; its entries stay.
        table("logbook_entries")
            .col(big_integer("book_id"))
            .col(big_integer("number"))
            .col(big_integer("inverter_id"))
            .col(string("record_key"))
            .col(big_integer("started_at"))
            .col(big_integer("written_at"))
            .col(text("line"))
            .primary_key(Index::create().col("book_id").col("number"))
            .foreign_key(&mut reference("logbook_entries", "book_id", "logbooks", gone))
            .take(),
        table("logbook_waiting")
            .col(big_pk_auto("id"))
            .col(big_integer("book_id"))
            .col(big_integer("inverter_id"))
            .col(string("record_key"))
            .col(text_null("note"))
            .col(big_integer_null("noted_by"))
            .foreign_key(&mut reference("logbook_waiting", "book_id", "logbooks", gone))
            .take(),
        table("logbook_keys").col(binary("public_key").primary_key()).col(big_integer("since")).take(),
    ]
}

//! When devices were last in contact, and reports that could not be read.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_pk_auto, binary, string, string_null, string_uniq, text};

use super::{reference, table};

/// Contacts and quarantine.
pub(super) struct Devices;

impl MigrationName for Devices {
    fn name(&self) -> &'static str {
        "m0008_devices"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Devices {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            manager.create_table(table).await?;
        }
        for column in ["inverter_id", "received_at"] {
            let mut index = Index::create();
            index.name(format!("quarantine_by_{column}")).table("quarantine").col(column);
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn tables() -> Vec<TableCreateStatement> {
    let of_inverter = |table| reference(table, "inverter_id", "inverters", ForeignKeyAction::Cascade);
    vec![
        table("device_contacts")
            .col(big_integer("inverter_id").primary_key())
            .col(big_integer("connected_at"))
            .col(big_integer("last_contact_at"))
            .col(string("protocol"))
            .col(string_null("software"))
            .foreign_key(&mut of_inverter("device_contacts"))
            .take(),
        // Rows come from the journal, which may still speak of an inverter whose row is gone: no foreign key.
        table("quarantine")
            .col(big_pk_auto("id"))
            .col(string_uniq("key"))
            .col(big_integer("inverter_id"))
            .col(big_integer("received_at"))
            .col(text("reason"))
            .col(big_integer("size"))
            .col(binary("payload"))
            .take(),
    ]
}

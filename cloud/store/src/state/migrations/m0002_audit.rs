//! The audit log, the details that may be erased from it, and its head.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, string, string_null, text};

use super::table;

/// What was done, by whom, chained by hashes.
pub(super) struct Audit;

impl MigrationName for Audit {
    fn name(&self) -> &'static str {
        "m0002_audit"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Audit {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            manager.create_table(table).await?;
        }
        for (name, column) in INDEXES {
            let mut index = Index::create();
            index.name(*name).table("audit").col(*column).col("sequence");
            manager.create_index(index).await?;
        }
        let mut first = Query::insert();
        first.into_table("audit_heads").columns(["id", "length", "hash"]).values_panic([
            0.into(),
            0.into(),
            vec![0_u8; 32].into(),
        ]);
        manager.execute(first).await
    }
}

const INDEXES: &[(&str, &str)] = &[
    ("audit_by_actor", "actor_id"),
    ("audit_of_account", "account_id"),
    ("audit_of_inverter", "inverter_id"),
    ("audit_of_organization", "organization_id"),
];

/// Rows outlive what they speak of: no foreign keys.
fn tables() -> Vec<TableCreateStatement> {
    vec![
        // Numbered by the head, without holes: a row that is taken out is missed.
        table("audit")
            .col(big_integer("sequence").primary_key())
            .col(big_integer("at"))
            .col(string("verb"))
            .col(string("actor"))
            .col(big_integer_null("actor_id"))
            .col(big_integer_null("account_id"))
            .col(big_integer_null("inverter_id"))
            .col(big_integer_null("organization_id"))
            .col(binary("detail_hash"))
            .col(binary("hash"))
            .take(),
        // May be erased; the chain holds by its salted hash (decision 28).
        table("audit_details")
            .col(big_integer("sequence").primary_key())
            .col(binary("salt"))
            .col(string_null("address"))
            .col(text("detail"))
            .take(),
        table("audit_heads")
            .col(big_integer("id").primary_key())
            .col(big_integer("length"))
            .col(binary("hash"))
            .take(),
    ]
}

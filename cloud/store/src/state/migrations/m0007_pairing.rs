//! Attempts at pairing.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, binary, string, string_null, string_uniq,
};

use super::{reference, table};

/// One row per attempt.
pub(super) struct Pairing;

impl MigrationName for Pairing {
    fn name(&self) -> &'static str {
        "m0007_pairing"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Pairing {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let pairings = table("pairings")
            .col(big_pk_auto("id"))
            .col(string_uniq("public_id"))
            .col(big_integer("account_id"))
            .col(string("serial"))
            .col(big_integer_null("inverter_id"))
            .col(string_null("source"))
            .col(binary("salt"))
            .col(big_integer("started_at"))
            .col(big_integer("ends_at"))
            .col(string_null("outcome"))
            .col(big_integer_null("ended_at"))
            .foreign_key(&mut reference("pairings", "account_id", "accounts", ForeignKeyAction::Cascade))
            .foreign_key(&mut reference("pairings", "inverter_id", "inverters", ForeignKeyAction::SetNull))
            .take();
        manager.create_table(pairings).await?;
        for (name, columns) in INDEXES {
            let mut index = Index::create();
            index.name(name).table("pairings");
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

/// Limits look by account and by source, the clock by what is open.
const INDEXES: [(&str, [&str; 2]); 3] = [
    ("pairings_of_account", ["account_id", "started_at"]),
    ("pairings_of_source", ["source", "started_at"]),
    ("pairings_open", ["outcome", "ends_at"]),
];

//! Escalation ladders: of an organization, of a site.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, big_pk_auto};

use super::{reference, table};

/// Ladders, their steps, the people of each.
pub(super) struct Ladders;

impl MigrationName for Ladders {
    fn name(&self) -> &'static str {
        "m0012_ladders"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Ladders {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            manager.create_table(table).await?;
        }
        for (name, table, column, unique) in INDEXES {
            let mut index = Index::create();
            index.name(*name).table(*table).col(*column);
            if *unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

const INDEXES: &[(&str, &str, &str, bool)] = &[
    ("ladders_of_organization", "ladders", "organization_id", true),
    ("ladders_of_site", "ladders", "site_id", true),
    ("ladder_people_by_account", "ladder_people", "account_id", false),
];

fn tables() -> Vec<TableCreateStatement> {
    let gone = ForeignKeyAction::Cascade;
    vec![
        // Of one of the two.
        table("ladders")
            .col(big_pk_auto("id"))
            .col(big_integer_null("organization_id"))
            .col(big_integer_null("site_id"))
            .foreign_key(&mut reference("ladders", "organization_id", "organizations", gone))
            .foreign_key(&mut reference("ladders", "site_id", "sites", gone))
            .take(),
        table("ladder_steps")
            .col(big_integer("ladder_id"))
            .col(big_integer("step"))
            .col(big_integer("wait_ms"))
            .primary_key(Index::create().col("ladder_id").col("step"))
            .foreign_key(&mut reference("ladder_steps", "ladder_id", "ladders", gone))
            .take(),
        // A step outlives its people: those after it keep their numbers.
        table("ladder_people")
            .col(big_integer("ladder_id"))
            .col(big_integer("step"))
            .col(big_integer("account_id"))
            .col(big_integer("place"))
            .primary_key(Index::create().col("ladder_id").col("step").col("account_id"))
            .foreign_key(&mut reference("ladder_people", "ladder_id", "ladders", gone))
            .foreign_key(&mut reference("ladder_people", "account_id", "accounts", gone))
            .take(),
    ]
}

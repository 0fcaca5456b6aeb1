//! Who may register, and the links that are mailed to them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, string, text};

use super::{reference, table};

/// The allow-list, mailed links.
pub(super) struct Registration;

impl MigrationName for Registration {
    fn name(&self) -> &'static str {
        "m0004_registration"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Registration {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            manager.create_table(table).await?;
        }
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

const INDEXES: &[(&str, &str, &[&str])] = &[
    ("allow_list_by_change", "allow_list", &["changed_at"]),
    ("mailed_links_of", "mailed_links", &["email", "purpose"]),
    ("mailed_links_by_end", "mailed_links", &["expires_at"]),
];

fn tables() -> Vec<TableCreateStatement> {
    vec![
        // An address that was taken off stays with when, so that the next operator sees that it was on.
        table("allow_list")
            .col(string("email").primary_key())
            .col(string("company"))
            .col(string("verified_by"))
            .col(big_integer("verified_at"))
            .col(text("note"))
            .col(big_integer("added_at"))
            .col(big_integer_null("removed_at"))
            .col(big_integer("changed_at"))
            .take(),
        // An account where the link changes one that is there already.
        table("mailed_links")
            .col(binary("token_hash").primary_key())
            .col(string("purpose"))
            .col(string("email"))
            .col(big_integer_null("account_id"))
            .col(big_integer("created_at"))
            .col(big_integer("expires_at"))
            .col(big_integer_null("used_at"))
            .foreign_key(&mut reference("mailed_links", "account_id", "accounts", ForeignKeyAction::Cascade))
            .take(),
    ]
}

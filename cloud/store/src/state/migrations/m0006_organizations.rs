//! Members of organizations, invitations to them, offers of access to inverters.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, big_pk_auto, string, string_uniq};

use super::{reference, table};

/// Who is in an organization; what waits for an answer.
pub(super) struct Organizations;

impl MigrationName for Organizations {
    fn name(&self) -> &'static str {
        "m0006_organizations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Organizations {
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

const INDEXES: &[(&str, &str, &[&str], bool)] = &[
    ("members_of_account", "members", &["account_id"], false),
    ("invitations_once", "invitations", &["organization_id", "email"], true),
    ("invitations_to", "invitations", &["email"], false),
    ("invitations_untold", "invitations", &["told_at"], false),
    ("offers_once", "offers", &["inverter_id", "recipient"], true),
    ("offers_to", "offers", &["recipient"], false),
    ("offers_untold", "offers", &["told_at"], false),
];

fn tables() -> Vec<TableCreateStatement> {
    let gone = ForeignKeyAction::Cascade;
    vec![
        table("members")
            .col(big_integer("organization_id"))
            .col(big_integer("account_id"))
            .col(string("role"))
            .col(big_integer("joined_at"))
            .primary_key(Index::create().col("organization_id").col("account_id"))
            .foreign_key(&mut reference("members", "organization_id", "organizations", gone))
            .foreign_key(&mut reference("members", "account_id", "accounts", gone))
            .take(),
        // To an address, whether it has an account or not: the row looks alike (decision 29).
        table("invitations")
            .col(big_pk_auto("id"))
            .col(string_uniq("public_id"))
            .col(big_integer("organization_id"))
            .col(string("email"))
            .col(string("role"))
            .col(big_integer("made_by"))
            .col(big_integer("made_at"))
            .col(big_integer("expires_at"))
            .col(big_integer_null("told_at"))
            .foreign_key(&mut reference("invitations", "organization_id", "organizations", gone))
            .take(),
        // To an address or to an organization's code, whether there is one or not.
        table("offers")
            .col(big_pk_auto("id"))
            .col(string_uniq("public_id"))
            .col(big_integer("inverter_id"))
            .col(string("recipient"))
            .col(string("role"))
            .col(big_integer_null("ends_at"))
            .col(big_integer("made_by"))
            .col(big_integer("made_at"))
            .col(big_integer("expires_at"))
            .col(big_integer_null("told_at"))
            .foreign_key(&mut reference("offers", "inverter_id", "inverters", gone))
            .take(),
    ]
}

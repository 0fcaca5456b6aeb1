//! The first version.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, binary, binary_uniq, boolean, string, string_null,
    string_uniq, text,
};

use super::{reference, table};

/// Accounts, organizations, sessions, tokens, sites, inverters, certificates, grants, events, snapshots.
pub(super) struct First;

impl MigrationName for First {
    fn name(&self) -> &'static str {
        "m0001_first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for First {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in people().into_iter().chain(fleet()).chain(pipeline()) {
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
        for (name, table, columns) in UNIQUE {
            let mut unique = Index::create();
            unique.name(*name).table(*table).unique();
            for column in columns {
                unique.col(*column);
            }
            manager.create_index(unique).await?;
        }
        let mut first = Query::insert();
        first.into_table("generations").columns(["id", "value"]).values_panic([0.into(), 0.into()]);
        manager.execute(first).await
    }
}

/// Indexes beside the primary and unique keys: name, table, columns.
const INDEXES: &[(&str, &str, &[&str])] = &[
    ("sessions_of_account", "sessions", &["account_id"]),
    ("api_tokens_of_account", "api_tokens", &["account_id"]),
    ("certificates_of_inverter", "certificates", &["inverter_id"]),
    ("grants_of_account", "grants", &["account_id"]),
    ("grants_of_organization", "grants", &["organization_id"]),
    ("inverters_of_site", "inverters", &["site_id"]),
    ("events_by_time", "events", &["inverter_id", "occurred_at"]),
];

/// Unique pairs. One of the two owners' columns is null, and nulls never equal: each index binds its own kind only.
const UNIQUE: &[(&str, &str, [&str; 2])] = &[
    ("grants_of_holder", "grants", ["inverter_id", "account_id"]),
    ("grants_of_holding_organization", "grants", ["inverter_id", "organization_id"]),
    ("sites_of_account", "sites", ["account_id", "name"]),
    ("sites_of_organization", "sites", ["organization_id", "name"]),
];

fn people() -> Vec<TableCreateStatement> {
    vec![
        table("accounts")
            .col(big_pk_auto("id"))
            .col(string_uniq("email"))
            .col(string("name"))
            .col(string("password_hash"))
            .col(boolean("operator"))
            .col(boolean("disabled"))
            .col(big_integer("created_at"))
            .take(),
        table("organizations")
            .col(big_pk_auto("id"))
            .col(string_uniq("public_id"))
            .col(string("name"))
            .col(boolean("second_factor_required"))
            .col(big_integer("created_at"))
            .take(),
        table("sessions")
            .col(binary("token_hash").primary_key())
            .col(big_integer("account_id"))
            .col(big_integer("created_at"))
            .col(big_integer("last_seen_at"))
            .col(big_integer("expires_at"))
            .col(string("user_agent"))
            .col(string_null("address"))
            .foreign_key(&mut reference("sessions", "account_id", "accounts", ForeignKeyAction::Cascade))
            .take(),
        table("api_tokens")
            .col(big_pk_auto("id"))
            .col(binary_uniq("token_hash"))
            .col(big_integer("account_id"))
            .col(string("name"))
            .col(string("scope"))
            .col(big_integer("created_at"))
            .col(big_integer_null("expires_at"))
            .col(big_integer_null("last_used_at"))
            .col(big_integer_null("revoked_at"))
            .foreign_key(&mut reference("api_tokens", "account_id", "accounts", ForeignKeyAction::Cascade))
            .take(),
        table("generations").col(big_integer("id").primary_key()).col(big_integer("value")).take(),
    ]
}

fn fleet() -> Vec<TableCreateStatement> {
    vec![
        table("sites")
            .col(big_pk_auto("id"))
            .col(string_uniq("public_id"))
            .col(string("name"))
            .col(string("address"))
            .col(string("time_zone"))
            .col(big_integer_null("account_id"))
            .col(big_integer_null("organization_id"))
            .foreign_key(&mut reference("sites", "account_id", "accounts", ForeignKeyAction::Cascade))
            .foreign_key(&mut of_organization("sites"))
            .take(),
        // Keys are never used again (AUTOINCREMENT, a sequence): journal and history hold them.
        table("inverters")
            .col(big_pk_auto("id"))
            .col(string_uniq("public_id"))
            .col(string_uniq("serial"))
            .col(string("name"))
            .col(string("model"))
            .col(string("place").default(""))
            .col(big_integer_null("site_id"))
            .col(big_integer_null("required_minutes"))
            .col(big_integer("registered_at"))
            .foreign_key(&mut reference("inverters", "site_id", "sites", ForeignKeyAction::SetNull))
            .take(),
        table("certificates")
            .col(binary("sha256").primary_key())
            .col(big_integer("inverter_id"))
            .col(big_integer("issued_at"))
            .col(big_integer_null("revoked_at"))
            .foreign_key(&mut reference(
                "certificates",
                "inverter_id",
                "inverters",
                ForeignKeyAction::Cascade,
            ))
            .take(),
        table("grants")
            .col(big_pk_auto("id"))
            .col(big_integer("inverter_id"))
            .col(big_integer_null("account_id"))
            .col(big_integer_null("organization_id"))
            .col(string("role"))
            .col(big_integer("granted_at"))
            .col(big_integer_null("ends_at"))
            // The default notification that comes along (decision 24).
            .col(boolean("critical_by_email").default(true))
            .foreign_key(&mut reference("grants", "inverter_id", "inverters", ForeignKeyAction::Cascade))
            .foreign_key(&mut reference("grants", "account_id", "accounts", ForeignKeyAction::Cascade))
            .foreign_key(&mut of_organization("grants"))
            .take(),
    ]
}

fn of_organization(table: &'static str) -> ForeignKeyCreateStatement {
    reference(table, "organization_id", "organizations", ForeignKeyAction::Cascade)
}

/// These rows come from the journal, which may still speak of an inverter whose row is gone: no foreign keys.
fn pipeline() -> Vec<TableCreateStatement> {
    vec![
        table("events")
            .col(big_integer("inverter_id"))
            .col(string("key"))
            .col(string("kind"))
            .col(string_null("condition"))
            .col(big_integer("occurred_at"))
            .col(big_integer("received_at"))
            .col(boolean("late"))
            .col(text("detail"))
            .primary_key(Index::create().col("inverter_id").col("key"))
            .take(),
        table("snapshots").col(big_integer("inverter_id").primary_key()).col(binary("state")).take(),
        table("journal_positions")
            .col(big_integer("partition").primary_key())
            .col(big_integer("batch"))
            .col(big_integer("entry"))
            .take(),
    ]
}

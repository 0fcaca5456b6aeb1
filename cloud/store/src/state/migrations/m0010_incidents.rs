//! Alarms, what fails together, who wants to be told what; and of the outbox: by which way, to whom, about what.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, boolean, string, string_uniq, text};

use super::{reference, table};

/// Alarms, incidents, reminders, preferences.
pub(super) struct Incidents;

impl MigrationName for Incidents {
    fn name(&self) -> &'static str {
        "m0010_incidents"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Incidents {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in pipeline().into_iter().chain(people()) {
            manager.create_table(table).await?;
        }
        for column in outbox() {
            manager.alter_table(Table::alter().table("outbox").add_column(column).take()).await?;
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

/// Name, table, columns.
const INDEXES: &[(&str, &str, &[&str])] = &[
    ("alarms_by_time", "alarms", &["inverter_id", "raised_at"]),
    ("alarms_of_incident", "alarms", &["incident_id"]),
    ("incidents_at_site", "incidents", &["site_id", "is_open"]),
    ("incidents_of_inverter", "incidents", &["inverter_id", "is_open"]),
    ("incidents_due", "incidents", &["due_at"]),
    ("reminders_due", "reminders", &["due_at"]),
    ("outbox_of_incident", "outbox", &["incident_id"]),
    ("outbox_of_account", "outbox", &["account_id"]),
];

/// These rows come from the journal, which may still speak of an inverter whose row is gone: no foreign keys.
fn pipeline() -> Vec<TableCreateStatement> {
    vec![
        table("alarms")
            .col(big_integer("inverter_id"))
            .col(string("name"))
            .col(string_uniq("code"))
            .col(string("condition"))
            .col(string("key"))
            .col(string("severity"))
            .col(big_integer("since"))
            .col(big_integer("raised_at"))
            .col(big_integer_null("ended_at"))
            .col(big_integer_null("cleared_at"))
            .col(boolean("unstable"))
            .col(boolean("quiet"))
            .col(big_integer_null("acknowledged_at"))
            .col(big_integer_null("acknowledged_by"))
            .col(text("note"))
            .col(big_integer_null("shelved_until"))
            .col(big_integer_null("incident_id"))
            .primary_key(Index::create().col("inverter_id").col("name"))
            .take(),
        table("incidents")
            .col(big_integer("id").primary_key())
            .col(big_integer_null("site_id"))
            .col(big_integer_null("inverter_id"))
            .col(binary("state"))
            .col(big_integer("revision"))
            .col(big_integer("messages"))
            .col(boolean("is_open"))
            .col(big_integer_null("due_at"))
            .col(big_integer("began_at"))
            .col(big_integer_null("over_at"))
            .take(),
    ]
}

fn people() -> Vec<TableCreateStatement> {
    let of_account = |table| reference(table, "account_id", "accounts", ForeignKeyAction::Cascade);
    vec![
        table("reminders")
            .col(big_integer("incident_id"))
            .col(big_integer("account_id"))
            .col(big_integer("due_at"))
            .primary_key(Index::create().col("incident_id").col("account_id"))
            .foreign_key(&mut of_account("reminders"))
            .take(),
        table("preferences")
            .col(big_integer("account_id").primary_key())
            .col(binary("preferences"))
            .foreign_key(&mut of_account("preferences"))
            .take(),
    ]
}

fn outbox() -> [ColumnDef; 3] {
    [
        string("channel").default("email").take(),
        big_integer_null("account_id").take(),
        big_integer_null("incident_id").take(),
    ]
}

//! Letters that come by the calendar: when each is due, what the last ones listed; when the service itself was away.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, string};

use super::{reference, table};

/// Who is written to when, letters on their way, absences.
pub(super) struct Calendar;

impl MigrationName for Calendar {
    fn name(&self) -> &'static str {
        "m0013_calendar"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Calendar {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            manager.create_table(table).await?;
        }
        for (name, table, column) in INDEXES {
            let index = Index::create().name(*name).table(*table).col(*column).take();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

const INDEXES: &[(&str, &str, &str)] =
    &[("calendar_due", "calendar", "due_at"), ("letters_by_time", "letters", "written_at")];

fn tables() -> Vec<TableCreateStatement> {
    let of_account = |name| reference(name, "account_id", "accounts", ForeignKeyAction::Cascade);
    vec![
        // due_at: when to look; what is due then follows from told_at. Nothing where the letter is not wanted.
        table("calendar")
            .col(big_integer("account_id"))
            .col(string("letter"))
            .col(big_integer("told_at"))
            .col(big_integer_null("due_at"))
            .primary_key(Index::create().col("account_id").col("letter"))
            .foreign_key(&mut of_account("calendar"))
            .take(),
        // By the key of the outbox: what the letter lists, and where its story began, should it have to be written anew.
        table("letters")
            .col(string("key").primary_key())
            .col(big_integer("account_id"))
            .col(string("letter"))
            .col(binary("inverters"))
            .col(big_integer("told_before"))
            .col(big_integer("written_at"))
            .foreign_key(&mut of_account("letters"))
            .take(),
        table("absences").col(big_integer("from_at").primary_key()).col(big_integer("to_at")).take(),
    ]
}

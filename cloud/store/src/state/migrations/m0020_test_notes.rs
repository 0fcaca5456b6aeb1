//! What was done after tests, by people.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, pk_auto, string};

use super::{reference, table};

/// One row a note; a record may have several.
pub(super) struct TestNotes;

impl MigrationName for TestNotes {
    fn name(&self) -> &'static str {
        "m0020_test_notes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for TestNotes {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // started_at: the record's, whose life the note shares.
        let notes = table("test_notes")
            .col(pk_auto("id").big_integer())
            .col(big_integer("inverter_id"))
            .col(string("key"))
            .col(big_integer("started_at"))
            .col(string("text"))
            .col(big_integer_null("account_id"))
            .col(big_integer("written_at"))
            .foreign_key(&mut reference("test_notes", "inverter_id", "inverters", ForeignKeyAction::Cascade))
            .foreign_key(&mut reference("test_notes", "account_id", "accounts", ForeignKeyAction::SetNull))
            .take();
        manager.create_table(notes).await?;
        let mut of_inverter = Index::create();
        of_inverter.name("test_notes_of_inverter").table("test_notes").col("inverter_id").col("started_at");
        manager.create_index(of_inverter.take()).await?;
        let mut by_age = Index::create();
        by_age.name("test_notes_by_age").table("test_notes").col("started_at");
        manager.create_index(by_age.take()).await
    }
}

//! The outbox.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, string, string_null, string_uniq, text_null,
};

use super::table;

/// Mails to be sent and their receipts.
pub(super) struct Mail;

impl MigrationName for Mail {
    fn name(&self) -> &'static str {
        "m0003_mail"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Mail {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // No reference to an account: an address may be written to before it has one, and after.
        let outbox = table("outbox")
            .col(big_pk_auto("id"))
            .col(string_uniq("key"))
            .col(string("recipient"))
            .col(string("kind"))
            .col(text_null("subject"))
            .col(text_null("body_text"))
            .col(text_null("body_html"))
            .col(big_integer("queued_at"))
            .col(big_integer("expires_at"))
            .col(string("state"))
            .col(big_integer("due_at"))
            .col(big_integer("attempts"))
            .col(big_integer_null("last_attempt_at"))
            .col(text_null("answer"))
            .col(string_null("lease"))
            .col(big_integer_null("lease_until"))
            .take();
        manager.create_table(outbox).await?;
        for (name, columns) in [("outbox_due", ["state", "due_at"]), ("outbox_of", ["recipient", "id"])] {
            let mut index = Index::create();
            index.name(name).table("outbox");
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

//! Ways to a person besides mail: telephones, browsers, webhooks; what was spent on text messages.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, binary, binary_null, string, string_uniq, text,
};

use super::{reference, table};

/// Phones, codes that were sent to them, push subscriptions, webhooks, texts sent.
pub(super) struct Channels;

impl MigrationName for Channels {
    fn name(&self) -> &'static str {
        "m0011_channels"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Channels {
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
    ("phones_of_account", "phones", &["account_id", "number"], true),
    ("phone_codes_of_account", "phone_codes", &["account_id", "sent_at"], false),
    ("phone_codes_to_number", "phone_codes", &["number", "sent_at"], false),
    ("push_subscriptions_of_account", "push_subscriptions", &["account_id"], false),
    ("push_subscriptions_by_endpoint", "push_subscriptions", &["endpoint"], true),
    ("webhooks_of_account", "webhooks", &["account_id"], false),
];

fn tables() -> Vec<TableCreateStatement> {
    let of_account = |name| reference(name, "account_id", "accounts", ForeignKeyAction::Cascade);
    vec![
        // A code's hash while one is out; verified_at once one was typed in.
        table("phones")
            .col(big_pk_auto("id"))
            .col(string_uniq("public_id"))
            .col(big_integer("account_id"))
            .col(string("number"))
            .col(binary_null("code_hash"))
            .col(big_integer_null("code_expires_at"))
            .col(big_integer("code_failures"))
            .col(big_integer("added_at"))
            .col(big_integer_null("verified_at"))
            .foreign_key(&mut of_account("phones"))
            .take(),
        // What limits are counted by; outlives the number it went to.
        table("phone_codes")
            .col(big_pk_auto("id"))
            .col(big_integer("account_id"))
            .col(string("number"))
            .col(big_integer("sent_at"))
            .foreign_key(&mut of_account("phone_codes"))
            .take(),
        // Verified when the browser brought back what was pushed to it.
        table("push_subscriptions")
            .col(big_pk_auto("id"))
            .col(string_uniq("public_id"))
            .col(big_integer("account_id"))
            .col(text("endpoint"))
            .col(binary("public_key"))
            .col(binary("secret"))
            .col(string("name"))
            .col(binary("proof_hash"))
            .col(big_integer("added_at"))
            .col(big_integer_null("verified_at"))
            .foreign_key(&mut of_account("push_subscriptions"))
            .take(),
        // Verified when its challenge was answered; the secret is sealed under a key that is not here.
        table("webhooks")
            .col(big_pk_auto("id"))
            .col(string_uniq("public_id"))
            .col(big_integer("account_id"))
            .col(text("url"))
            .col(binary("sealed_secret"))
            .col(big_integer("added_at"))
            .col(big_integer_null("verified_at"))
            .col(big_integer_null("failing_since"))
            .col(big_integer_null("disabled_at"))
            .foreign_key(&mut of_account("webhooks"))
            .take(),
        // How many a day, by what they are limited by.
        table("texts_sent")
            .col(big_integer("day"))
            .col(string("scope"))
            .col(big_integer("count"))
            .primary_key(Index::create().col("day").col("scope"))
            .take(),
    ]
}

//! Sessions with a standing, second factors, tokens with a reach, whether a password does by itself.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, binary, boolean, string, string_uniq,
};

use super::{reference, table};

/// What is added to sessions and tokens; authenticator apps, passkeys, recovery codes.
pub(super) struct Factors;

impl MigrationName for Factors {
    fn name(&self) -> &'static str {
        "m0005_factors"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Factors {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, mut column) in columns() {
            let mut alter = Table::alter();
            alter.table(table).add_column(&mut column);
            manager.alter_table(alter).await?;
        }
        for table in tables() {
            manager.create_table(table).await?;
        }
        for (name, table) in INDEXES {
            let mut index = Index::create();
            index.name(*name).table(*table).col("account_id");
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

const INDEXES: &[(&str, &str)] =
    &[("passkeys_of_account", "passkeys"), ("recovery_codes_of_account", "recovery_codes")];

/// One column a statement: SQLite takes no more. Sessions from before have no fresh proof.
fn columns() -> Vec<(&'static str, ColumnDef)> {
    vec![
        ("sessions", big_integer("confirmed_at").default(0).take()),
        ("sessions", big_integer("active_until").default(0).take()),
        ("sessions", boolean("remembered").default(false).take()),
        // Passwords from before had at least fifteen characters.
        ("accounts", boolean("password_stands_alone").default(true).take()),
        // Tokens from before reach every inverter of their account, as they did.
        ("api_tokens", boolean("all_inverters").default(true).take()),
    ]
}

fn tables() -> Vec<TableCreateStatement> {
    let of_account = |table| reference(table, "account_id", "accounts", ForeignKeyAction::Cascade);
    vec![
        table("api_token_inverters")
            .col(big_integer("token_id"))
            .col(big_integer("inverter_id"))
            .primary_key(Index::create().col("token_id").col("inverter_id"))
            .foreign_key(&mut reference(
                "api_token_inverters",
                "token_id",
                "api_tokens",
                ForeignKeyAction::Cascade,
            ))
            .foreign_key(&mut reference(
                "api_token_inverters",
                "inverter_id",
                "inverters",
                ForeignKeyAction::Cascade,
            ))
            .take(),
        // One authenticator app an account. The secret is sealed under a key that is not in the database.
        table("totps")
            .col(big_integer("account_id").primary_key())
            .col(binary("sealed_secret"))
            .col(big_integer("created_at"))
            .col(big_integer_null("confirmed_at"))
            .col(big_integer("last_step"))
            .foreign_key(&mut of_account("totps"))
            .take(),
        table("passkeys")
            .col(big_pk_auto("id"))
            .col(string_uniq("public_id"))
            .col(binary("credential_id").unique_key())
            .col(big_integer("account_id"))
            .col(string("name"))
            .col(binary("public_key"))
            .col(big_integer("counter"))
            .col(boolean("backed_up"))
            .col(big_integer("created_at"))
            .col(big_integer_null("last_used_at"))
            .col(boolean("suspect").default(false))
            .foreign_key(&mut of_account("passkeys"))
            .take(),
        table("recovery_codes")
            .col(big_pk_auto("id"))
            .col(big_integer("account_id"))
            .col(binary("code_hash"))
            .col(big_integer_null("used_at"))
            .foreign_key(&mut of_account("recovery_codes"))
            .take(),
        // Between the password and the second factor: no session yet.
        table("pending_sign_ins")
            .col(binary("token_hash").primary_key())
            .col(big_integer("account_id"))
            .col(big_integer("expires_at"))
            .col(boolean("remember"))
            .col(big_integer("failures").default(0))
            .foreign_key(&mut of_account("pending_sign_ins"))
            .take(),
        // The account's name to authenticators (WebAuthn user handle): random, tells nothing.
        table("passkey_users")
            .col(big_integer("account_id").primary_key())
            .col(binary("handle").unique_key())
            .foreign_key(&mut of_account("passkey_users"))
            .take(),
    ]
}

//! Telephones, codes that were sent to them, browsers, webhooks, texts sent.

pub(in super::super) mod phone {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "phones")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub public_id: String,
        pub account_id: i64,
        pub number: String,
        /// Of the code that was sent last, until it was typed in or is over.
        pub code_hash: Option<Vec<u8>>,
        pub code_expires_at: Option<i64>,
        pub code_failures: i64,
        pub added_at: i64,
        pub verified_at: Option<i64>,
    }
    entity!();
}

pub(in super::super) mod phone_code {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "phone_codes")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub account_id: i64,
        pub number: String,
        pub sent_at: i64,
    }
    entity!();
}

pub(in super::super) mod push {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "push_subscriptions")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub public_id: String,
        pub account_id: i64,
        pub endpoint: String,
        /// The browser's key, an uncompressed point of P-256.
        pub public_key: Vec<u8>,
        /// What it shares with us, 16 bytes.
        pub secret: Vec<u8>,
        pub name: String,
        /// Of what the browser brings back to show that messages arrive.
        pub proof_hash: Vec<u8>,
        pub added_at: i64,
        pub verified_at: Option<i64>,
    }
    entity!();
}

pub(in super::super) mod webhook {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "webhooks")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub public_id: String,
        pub account_id: i64,
        pub url: String,
        pub sealed_secret: Vec<u8>,
        pub added_at: i64,
        pub verified_at: Option<i64>,
        /// When it first answered nothing good since it last did.
        pub failing_since: Option<i64>,
        pub disabled_at: Option<i64>,
    }
    entity!();
}

pub(in super::super) mod texts_sent {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "texts_sent")]
    pub struct Model {
        /// Of Unix time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub day: i64,
        /// `all`, `account:ID` or `block:PREFIX`.
        #[sea_orm(primary_key, auto_increment = false)]
        pub scope: String,
        pub count: i64,
    }
    entity!();
}

//! Reaches of tokens, authenticator apps, passkeys, recovery codes, sign-ins half-way.

pub(in super::super) mod api_token_inverter {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "api_token_inverters")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub token_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub inverter_id: i64,
    }
    entity!();
}

pub(in super::super) mod totp {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "totps")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: i64,
        pub sealed_secret: Vec<u8>,
        pub created_at: i64,
        /// Until a code of it was typed in, it counts for nothing.
        pub confirmed_at: Option<i64>,
        /// The newest step whose code was taken.
        pub last_step: i64,
    }
    entity!();
}

pub(in super::super) mod passkey {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "passkeys")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub public_id: String,
        pub credential_id: Vec<u8>,
        pub account_id: i64,
        pub name: String,
        /// A COSE key, as the authenticator wrote it.
        pub public_key: Vec<u8>,
        /// Signatures that the authenticator has counted; 0 where it does not count.
        pub counter: i64,
        /// May be copied to its owner's other devices; fixed when it is made.
        pub backed_up: bool,
        pub created_at: i64,
        pub last_used_at: Option<i64>,
        /// Its counter went back: a copy of it may be about. It counts no more.
        pub suspect: bool,
    }
    entity!();
}

pub(in super::super) mod passkey_user {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "passkey_users")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: i64,
        pub handle: Vec<u8>,
    }
    entity!();
}

pub(in super::super) mod recovery_code {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "recovery_codes")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub account_id: i64,
        pub code_hash: Vec<u8>,
        pub used_at: Option<i64>,
    }
    entity!();
}

pub(in super::super) mod pending_sign_in {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "pending_sign_ins")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub token_hash: Vec<u8>,
        pub account_id: i64,
        pub expires_at: i64,
        pub remember: bool,
        pub failures: i64,
    }
    entity!();
}

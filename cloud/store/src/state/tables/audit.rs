//! The audit log.

pub(in super::super) mod entry {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub sequence: i64,
        pub at: i64,
        pub verb: String,
        pub actor: String,
        pub actor_id: Option<i64>,
        pub account_id: Option<i64>,
        pub inverter_id: Option<i64>,
        pub organization_id: Option<i64>,
        pub detail_hash: Vec<u8>,
        pub hash: Vec<u8>,
    }
    entity!();
}

pub(in super::super) mod detail {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_details")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub sequence: i64,
        pub salt: Vec<u8>,
        /// Network address of who acted.
        pub address: Option<String>,
        pub detail: String,
    }
    entity!();
}

pub(in super::super) mod head {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_heads")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub length: i64,
        pub hash: Vec<u8>,
    }
    entity!();
}

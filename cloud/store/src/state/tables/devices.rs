//! Last contacts and the quarantine.

pub(in super::super) mod contact {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "device_contacts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub inverter_id: i64,
        pub connected_at: i64,
        pub last_contact_at: i64,
        pub protocol: String,
        pub software: Option<String>,
    }
    entity!();
}

pub(in super::super) mod quarantine {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "quarantine")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub key: String,
        pub inverter_id: i64,
        pub received_at: i64,
        pub reason: String,
        pub size: i64,
        pub payload: Vec<u8>,
    }
    entity!();
}

//! Tests and outages that are over.

pub(in super::super) mod record {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "records")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub inverter_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub kind: String,
        pub started_at: i64,
        pub told_at: i64,
        /// CBOR of `fleet::Record`.
        pub record: Vec<u8>,
        /// Of an outage whose story is not told: when it can be.
        pub tell_at: Option<i64>,
    }
    entity!();
}

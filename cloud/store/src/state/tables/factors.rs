//! Reaches of tokens.

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

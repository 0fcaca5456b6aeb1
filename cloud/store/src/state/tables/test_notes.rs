//! What was done after tests.

pub(in super::super) mod test_note {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "test_notes")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub inverter_id: i64,
        pub key: String,
        pub started_at: i64,
        pub text: String,
        pub account_id: Option<i64>,
        pub written_at: i64,
    }
    entity!();
}

//! Who may register, and the links that are mailed to them.

pub(in super::super) mod allowed {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "allow_list")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub email: String,
        pub company: String,
        pub verified_by: String,
        pub verified_at: i64,
        pub note: String,
        pub added_at: i64,
        pub removed_at: Option<i64>,
        /// The later of the two.
        pub changed_at: i64,
    }
    entity!();
}

pub(in super::super) mod link {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "mailed_links")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub token_hash: Vec<u8>,
        pub purpose: String,
        pub email: String,
        pub account_id: Option<i64>,
        pub created_at: i64,
        pub expires_at: i64,
        pub used_at: Option<i64>,
    }
    entity!();
}

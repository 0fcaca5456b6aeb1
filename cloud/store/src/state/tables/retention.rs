//! The last instant that was believed.

pub(in super::super) mod clock {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "clock")]
    pub struct Model {
        /// 0, the only one.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub kept_at: i64,
    }
    entity!();
}

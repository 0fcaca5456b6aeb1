//! Letters that come by the calendar, what they listed, when the service was away.

pub(in super::super) mod due {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "calendar")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub letter: String,
        /// When the last one was written, or when there was nothing to write.
        pub told_at: i64,
        /// When to look; nothing where it is not wanted.
        pub due_at: Option<i64>,
    }
    entity!();
}

pub(in super::super) mod letter {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "letters")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub account_id: i64,
        pub letter: String,
        /// Numbers of inverters, four bytes each.
        pub inverters: Vec<u8>,
        /// `told_at` of the calendar before it was written.
        pub told_before: i64,
        pub written_at: i64,
    }
    entity!();
}

pub(in super::super) mod absence {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "absences")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub from_at: i64,
        pub to_at: i64,
    }
    entity!();
}

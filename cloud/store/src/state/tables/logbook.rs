//! Logbooks, their entries, what waits to be entered, keys that signed.

pub(in super::super) mod book {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "logbooks")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        /// 32 random digits that name it in its lines.
        pub book: String,
        pub organization_id: i64,
        pub years: i64,
        pub begun_at: i64,
        /// Number and SHA-256 of the last entry, and when it was written; 0, zeros and 0 before the first.
        pub last_number: i64,
        pub last_hash: Vec<u8>,
        pub written_at: i64,
        /// The last entry that went as its years were over, and the signed line that says so.
        pub gone_number: i64,
        pub checkpoint: Option<String>,
        /// Of the records that were there at the start, those that began later than this do not wait yet; nothing: all do.
        pub filled_through: Option<i64>,
        /// It is nobody's any more, and what is left of it goes.
        pub given_up_at: Option<i64>,
    }
    entity!();

    impl Entity {
        /// Those that are kept: every question but that of what is still to go is asked of these.
        pub fn kept() -> Select<Self> {
            Self::find().filter(Column::GivenUpAt.is_null())
        }
    }
}

pub(in super::super) mod logged {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "logbook_entries")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub book_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub inverter_id: i64,
        /// Which record it tells of, or which one a note is about.
        pub record_key: String,
        pub started_at: i64,
        pub written_at: i64,
        /// As it was signed.
        pub line: String,
    }
    entity!();
}

pub(in super::super) mod waiting {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "logbook_waiting")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub book_id: i64,
        pub inverter_id: i64,
        pub record_key: String,
        pub note: Option<String>,
        pub noted_by: Option<i64>,
    }
    entity!();
}

pub(in super::super) mod signed_by {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "logbook_keys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub public_key: Vec<u8>,
        pub since: i64,
    }
    entity!();
}

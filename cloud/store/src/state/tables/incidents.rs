//! Alarms, what fails together, whom to remind, what people prefer.

pub(in super::super) mod alarm {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "alarms")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub inverter_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub code: String,
        pub condition: String,
        pub key: String,
        pub severity: String,
        pub since: i64,
        pub raised_at: i64,
        /// When its condition was gone.
        pub ended_at: Option<i64>,
        /// When it was cleared: gone for its delay.
        pub cleared_at: Option<i64>,
        pub unstable: bool,
        pub quiet: bool,
        pub acknowledged_at: Option<i64>,
        pub acknowledged_by: Option<i64>,
        pub note: String,
        pub shelved_until: Option<i64>,
        pub incident_id: Option<i64>,
    }
    entity!();
}

pub(in super::super) mod incident {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "incidents")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        /// Where: one of the two.
        pub site_id: Option<i64>,
        pub inverter_id: Option<i64>,
        pub state: Vec<u8>,
        /// One more at each change.
        pub revision: i64,
        /// How many were made of it.
        pub messages: i64,
        pub is_open: bool,
        pub due_at: Option<i64>,
        pub began_at: i64,
        pub over_at: Option<i64>,
    }
    entity!();
}

pub(in super::super) mod reminder {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "reminders")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub incident_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: i64,
        pub due_at: i64,
    }
    entity!();
}

pub(in super::super) mod preference {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "preferences")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: i64,
        pub preferences: Vec<u8>,
    }
    entity!();
}

//! Escalation ladders.

pub(in super::super) mod ladder {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "ladders")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        /// Of one of the two.
        pub organization_id: Option<i64>,
        pub site_id: Option<i64>,
    }
    entity!();
}

pub(in super::super) mod step {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "ladder_steps")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ladder_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub step: i64,
        pub wait_ms: i64,
    }
    entity!();
}

pub(in super::super) mod person {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "ladder_people")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ladder_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub step: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: i64,
        /// Its place within the step.
        pub place: i64,
    }
    entity!();
}

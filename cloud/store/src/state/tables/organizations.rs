//! Organizations, their members, what waits for an answer.

pub(in super::super) mod organization {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "organizations")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub public_id: String,
        pub name: String,
        pub second_factor_required: bool,
        pub created_at: i64,
    }
    entity!();
}

pub(in super::super) mod member {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "members")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub organization_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: i64,
        pub role: String,
        pub joined_at: i64,
    }
    entity!();
}

pub(in super::super) mod invitation {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "invitations")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub public_id: String,
        pub organization_id: i64,
        pub email: String,
        pub role: String,
        pub made_by: i64,
        pub made_at: i64,
        pub expires_at: i64,
        /// When it was looked up whether anybody is to be told, and they were.
        pub told_at: Option<i64>,
    }
    entity!();
}

pub(in super::super) mod offer {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "offers")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub public_id: String,
        pub inverter_id: i64,
        /// An address, or an organization's code.
        pub recipient: String,
        pub role: String,
        pub ends_at: Option<i64>,
        pub made_by: i64,
        pub made_at: i64,
        pub expires_at: i64,
        /// When it was looked up whether anybody is to be told, and they were.
        pub told_at: Option<i64>,
    }
    entity!();
}

pub(in super::super) mod severity {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "severities")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub organization_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub condition: String,
        pub severity: String,
    }
    entity!();
}

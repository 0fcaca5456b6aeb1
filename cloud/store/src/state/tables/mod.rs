//! The tables as SeaORM sees them, one module each.
//!
//! In and out: rows of plain columns: times as milliseconds since 1970, hashes as bytes. Seen by the rooms of
//! `state` only, which turn them into typed rows.

/// What every entity needs beside its columns.
macro_rules! entity {
    () => {
        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}
        impl ActiveModelBehavior for ActiveModel {}
    };
}

pub(super) mod audit;
pub(super) mod calendar;
pub(super) mod channels;
pub(super) mod devices;
pub(super) mod factors;
pub(super) mod incidents;
pub(super) mod ladders;
pub(super) mod logbook;
pub(super) mod organizations;
pub(super) mod outbox;
pub(super) mod pairing;
pub(super) mod records;
mod registration;
pub(super) mod retention;
pub(super) mod test_notes;

pub(super) use registration::{allowed, link};

pub(super) mod account {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "accounts")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub email: String,
        pub name: String,
        pub password_hash: String,
        pub operator: bool,
        pub disabled: bool,
        pub created_at: i64,
        pub password_stands_alone: bool,
    }
    entity!();
}

pub(super) mod session {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sessions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub token_hash: Vec<u8>,
        pub account_id: i64,
        pub created_at: i64,
        pub last_seen_at: i64,
        pub expires_at: i64,
        pub user_agent: String,
        pub address: Option<String>,
        pub confirmed_at: i64,
        pub active_until: i64,
        pub remembered: bool,
    }
    entity!();
}

pub(super) mod api_token {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "api_tokens")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub token_hash: Vec<u8>,
        pub account_id: i64,
        pub name: String,
        pub scope: String,
        pub created_at: i64,
        pub expires_at: Option<i64>,
        pub last_used_at: Option<i64>,
        pub revoked_at: Option<i64>,
        pub all_inverters: bool,
    }
    entity!();
}

pub(super) mod site {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sites")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub public_id: String,
        pub name: String,
        pub address: String,
        pub time_zone: String,
        /// Whose: one of the two, or nobody's.
        pub account_id: Option<i64>,
        pub organization_id: Option<i64>,
    }
    entity!();
}

pub(super) mod inverter {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "inverters")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub public_id: String,
        pub serial: String,
        pub name: String,
        pub model: String,
        /// What feeds it, where in the building it stands.
        pub place: String,
        pub site_id: Option<i64>,
        pub required_minutes: Option<i64>,
        pub registered_at: i64,
    }
    entity!();
}

pub(super) mod certificate {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "certificates")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub sha256: Vec<u8>,
        pub inverter_id: i64,
        pub issued_at: i64,
        pub revoked_at: Option<i64>,
    }
    entity!();
}

pub(super) mod grant {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "grants")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub inverter_id: i64,
        /// The holder: one of the two.
        pub account_id: Option<i64>,
        pub organization_id: Option<i64>,
        pub role: String,
        pub granted_at: i64,
        pub ends_at: Option<i64>,
        /// Critical alarms by e-mail: the notification that comes along with a grant (decision 24).
        pub critical_by_email: bool,
    }
    entity!();
}

pub(super) mod event {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "events")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub inverter_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub kind: String,
        pub condition: Option<String>,
        pub occurred_at: i64,
        pub received_at: i64,
        pub late: bool,
        pub detail: String,
    }
    entity!();
}

pub(super) mod snapshot {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "snapshots")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub inverter_id: i64,
        pub state: Vec<u8>,
    }
    entity!();
}

pub(super) mod journal_position {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "journal_positions")]
    pub struct Model {
        /// The journal's partition: 0, the only one on one machine.
        #[sea_orm(primary_key, auto_increment = false)]
        pub partition: i64,
        pub batch: i64,
        pub entry: i64,
        /// Time of the last entry: when a pipeline last watched.
        pub watched_until: i64,
    }
    entity!();
}

pub(super) mod generation {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "generations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub value: i64,
    }
    entity!();
}

//! Attempts at pairing.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pairings")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub public_id: String,
    pub account_id: i64,
    /// As typed; there may be no such inverter.
    pub serial: String,
    pub inverter_id: Option<i64>,
    /// Where the request came from, as limits count it.
    pub source: Option<String>,
    /// For the log's row of how it ended, which is written where there is no randomness.
    pub salt: Vec<u8>,
    pub started_at: i64,
    pub ends_at: i64,
    pub outcome: Option<String>,
    pub ended_at: Option<i64>,
}
entity!();

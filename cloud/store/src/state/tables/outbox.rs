//! Messages to be sent, and what became of those that were.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub key: String,
    pub recipient: String,
    pub kind: String,
    /// Erased together with both bodies as soon as the mail is on its way or given up.
    pub subject: Option<String>,
    pub body_text: Option<String>,
    pub body_html: Option<String>,
    pub queued_at: i64,
    pub expires_at: i64,
    pub state: String,
    pub due_at: i64,
    pub attempts: i64,
    pub last_attempt_at: Option<i64>,
    /// What the mail server said last.
    pub answer: Option<String>,
    /// Which sender has it in hand, and until when.
    pub lease: Option<String>,
    pub lease_until: Option<i64>,
    /// By which way; see `fleet::notice::Channel`.
    pub channel: String,
    /// Whose it is, where the address alone does not say.
    pub account_id: Option<i64>,
    /// What it tells of.
    pub incident_id: Option<i64>,
}
entity!();

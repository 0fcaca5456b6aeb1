//! The outbox: messages that are to be sent.
//!
//! In: whole messages, written in the transaction of what they tell of. Out: rows, for the room `lending`, which gives them to
//! senders. A key is queued once however often it is written.

use std::fmt;

use fleet::AccountKey;
use fleet::notice::Channel;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::NotSet, ActiveValue::Set, Condition, ConnectionTrait, DbErr, EntityTrait};
use wire::UtcMs;

use super::tables::outbox::{ActiveModel, Column, Entity, Model};
use super::{Email, IncidentKey, StateError, StateStore, connect, pieces};

/// Messages in one statement: 19 columns each, and letters of some kilobytes among them.
const ROWS_A_STATEMENT: usize = 200;

/// A mail to be sent. It may hold a link that opens an account, so that printing it shows none of what it says.
#[derive(Clone, Copy)]
pub struct NewMail<'a> {
    /// Names the mail for all time: random, or made from the act that it tells of, so that a repeated act tells once.
    pub key: &'a str,
    /// To whom.
    pub to: &'a Email,
    /// Which letter, for receipts.
    pub kind: &'a str,
    /// Subject.
    pub subject: &'a str,
    /// Plain text.
    pub text: &'a str,
    /// HTML.
    pub html: &'a str,
    /// Now.
    pub queued_at: UtcMs,
    /// From then on it is not worth sending.
    pub expires_at: UtcMs,
}

/// A message to a person about an incident, by any channel. Printing it shows none of what it says.
#[derive(Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Names it for all time: incident, number of the message, account, channel.
    pub key: String,
    /// By which way.
    pub channel: Channel,
    /// Where to, as the channel has it: an address, a number, the public id of a subscription.
    pub to: String,
    /// To whom.
    pub account: AccountKey,
    /// About what.
    pub incident: IncidentKey,
    /// Which letter, for receipts.
    pub kind: &'static str,
    /// Subject; empty but for mails.
    pub subject: String,
    /// Plain text, or what else the channel takes.
    pub text: String,
    /// HTML; empty but for mails.
    pub html: String,
    /// Now.
    pub queued_at: UtcMs,
    /// Not before then: the person's quiet hours.
    pub due_at: UtcMs,
    /// From then on it is not worth sending.
    pub expires_at: UtcMs,
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MailState {
    /// To be sent, at once or again.
    Queued,
    /// The mail server took it: it is on its way, not yet read.
    Sent,
    /// The mail server refused it for good.
    Failed,
    /// It was not worth sending any more before a server took it.
    Expired,
    /// Who it was for may not be told any more.
    Withheld,
    /// It was sent and nobody answered: it may have arrived.
    Unknown,
}

impl MailState {
    /// Every state with its name in the store and on the command line.
    pub const TABLE: [(Self, &'static str); 6] = [
        (Self::Queued, "queued"),
        (Self::Sent, "sent"),
        (Self::Failed, "failed"),
        (Self::Expired, "expired"),
        (Self::Withheld, "withheld"),
        (Self::Unknown, "unknown"),
    ];

    /// Name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    /// By name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, n)| *n == name).map(|(state, _)| *state)
    }
}

/// A message lent to a sender. Printing it shows none of what it says, like [`NewMail`].
#[derive(Clone, PartialEq, Eq)]
pub struct DueMail {
    /// Its number, in the order of queueing.
    pub id: i64,
    /// Its key.
    pub key: String,
    /// By which way.
    pub channel: Channel,
    /// Where to, as the channel has it.
    pub to: String,
    /// Whose it is, where it is known.
    pub account: Option<AccountKey>,
    /// What it tells of, if an incident.
    pub incident: Option<IncidentKey>,
    /// Which letter.
    pub kind: String,
    /// Subject.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML.
    pub html: String,
    /// When it was written.
    pub queued_at: UtcMs,
    /// From then on it is not worth sending.
    pub expires_at: UtcMs,
    /// How often it was tried, this time included.
    pub attempts: u32,
}

impl fmt::Debug for NewMail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMail").field("key", &self.key).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl fmt::Debug for NewMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMessage").field("key", &self.key).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl fmt::Debug for DueMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("DueMail");
        shown.field("id", &self.id).field("key", &self.key).field("kind", &self.kind);
        shown.field("attempts", &self.attempts).finish_non_exhaustive()
    }
}

/// Writes a mail within the caller's transaction; one of the same key is left as it is.
pub(super) async fn queue(change: &impl ConnectionTrait, mail: &NewMail<'_>) -> Result<(), DbErr> {
    let row = ActiveModel {
        id: NotSet,
        key: Set(mail.key.to_owned()),
        recipient: Set(mail.to.as_str().to_owned()),
        kind: Set(mail.kind.to_owned()),
        subject: Set(Some(mail.subject.to_owned())),
        body_text: Set(Some(mail.text.to_owned())),
        body_html: Set(Some(mail.html.to_owned())),
        queued_at: Set(mail.queued_at.0),
        expires_at: Set(mail.expires_at.0),
        state: Set(MailState::Queued.name().to_owned()),
        due_at: Set(mail.queued_at.0),
        attempts: Set(0),
        last_attempt_at: Set(None),
        answer: Set(None),
        lease: Set(None),
        lease_until: Set(None),
        channel: Set(Channel::Email.name().to_owned()),
        account_id: Set(None),
        incident_id: Set(None),
    };
    let same_key = OnConflict::column(Column::Key).do_nothing().to_owned();
    Entity::insert(row).on_conflict(same_key).exec_without_returning(change).await?;
    Ok(())
}

/// Writes several.
pub(super) async fn queue_all(change: &impl ConnectionTrait, mails: &[NewMail<'_>]) -> Result<(), DbErr> {
    for mail in mails {
        queue(change, mail).await?;
    }
    Ok(())
}

/// Writes messages about incidents within the caller's transaction; those whose keys are there are left as they are.
pub(super) async fn queue_messages(
    change: &impl ConnectionTrait,
    messages: &[NewMessage],
) -> Result<(), DbErr> {
    let same_key = OnConflict::column(Column::Key).do_nothing().to_owned();
    for part in messages.chunks(ROWS_A_STATEMENT) {
        let insert = Entity::insert_many(part.iter().map(NewMessage::to_row)).on_conflict(same_key.clone());
        insert.exec_without_returning(change).await?;
    }
    Ok(())
}

impl NewMessage {
    fn to_row(&self) -> ActiveModel {
        ActiveModel {
            id: NotSet,
            key: Set(self.key.clone()),
            recipient: Set(self.to.clone()),
            kind: Set(self.kind.to_owned()),
            subject: Set(Some(self.subject.clone())),
            body_text: Set(Some(self.text.clone())),
            body_html: Set(Some(self.html.clone())),
            queued_at: Set(self.queued_at.0),
            expires_at: Set(self.expires_at.0),
            state: Set(MailState::Queued.name().to_owned()),
            due_at: Set(self.due_at.0),
            attempts: Set(0),
            last_attempt_at: Set(None),
            answer: Set(None),
            lease: Set(None),
            lease_until: Set(None),
            channel: Set(self.channel.name().to_owned()),
            account_id: Set(Some(self.account.0)),
            incident_id: Set(Some(self.incident.0)),
        }
    }
}

impl StateStore {
    /// Writes a mail that belongs to no other change.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn queue_mail(&self, mail: NewMail<'_>) -> Result<(), StateError> {
        queue(&self.connection, &mail).await.map_err(StateError::doing("queue a mail"))
    }

    /// Writes several, all or none.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn queue_mails(&self, mails: &[NewMail<'_>]) -> Result<(), StateError> {
        let doing = StateError::doing("queue mails");
        let change = connect::begin(&self.connection).await.map_err(&doing)?;
        queue_all(&change, mails).await.map_err(&doing)?;
        change.commit().await.map_err(&doing)
    }

    /// Forgets receipts of mails that were written before `before`, whatever became of them. How many.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn delete_mails_before(&self, before: UtcMs) -> Result<u64, StateError> {
        let gone =
            pieces::delete::<Entity>(&self.connection, Column::QueuedAt, before, Condition::all()).await;
        gone.map_err(StateError::doing("forget mails"))
    }
}

impl DueMail {
    pub(super) fn from_row(row: Model) -> Result<Self, StateError> {
        Ok(Self {
            id: row.id,
            channel: channel(&row.channel)?,
            to: row.recipient,
            account: row.account_id.map(AccountKey),
            incident: row.incident_id.map(IncidentKey),
            key: row.key,
            kind: row.kind,
            subject: row.subject.unwrap_or_default(),
            text: row.body_text.unwrap_or_default(),
            html: row.body_html.unwrap_or_default(),
            queued_at: UtcMs(row.queued_at),
            expires_at: UtcMs(row.expires_at),
            attempts: row.attempts.try_into().unwrap_or(u32::MAX),
        })
    }
}

pub(super) fn channel(name: &str) -> Result<Channel, StateError> {
    Channel::from_name(name).ok_or_else(|| StateError::Row {
        table: "outbox",
        column: "channel",
        value: name.to_owned(),
    })
}

//! The outbox: messages that are to be sent, and the receipts of those that were.
//!
//! In: whole messages, written in the transaction of what they tell of; from a sender, what the mail server, or whoever
//! else takes them, answered. Out: one message at a time, lent to one sender. A key is queued once however often it is written. Subject and
//! bodies are erased as soon as a mail is on its way or given up; the receipt stays for the caller to forget.

use std::fmt;

use fleet::AccountKey;
use fleet::notice::{Channel, Channels};
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait,
    ExprTrait, QueryFilter,
};
use wire::UtcMs;

use super::tables::outbox::{ActiveModel, Column, Entity, Model};
use super::{Email, IncidentKey, StateError, StateStore, connect};

/// Most of a server's answer that is kept, characters.
const MOST_ANSWER: usize = 500;
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

    /// Lends the oldest mail that is due at `now` to the sender that calls itself `lease` (a name never used before),
    /// until `until`. Nobody else gets it before then, and an attempt is counted. Mails that are past their time are
    /// not lent.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn claim_mail(
        &self,
        lease: &str,
        now: UtcMs,
        until: UtcMs,
    ) -> Result<Option<DueMail>, StateError> {
        let any = Channel::TABLE.map(|(channel, _)| channel);
        self.claim_message(lease, Channels::of(&any), now, until).await
    }

    /// As [`StateStore::claim_mail`], the oldest that goes by one of these channels.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn claim_message(
        &self,
        lease: &str,
        by: Channels,
        now: UtcMs,
        until: UtcMs,
    ) -> Result<Option<DueMail>, StateError> {
        let doing = StateError::doing("take a message from the outbox");
        let by = Column::Channel.is_in(by.iter().map(Channel::name));
        let due = Query::select()
            .column(Column::Id)
            .from(Entity)
            .cond_where(free(now).add(Column::DueAt.lte(now.0)).add(Column::ExpiresAt.gt(now.0)).add(by))
            .order_by(Column::Id, sea_orm::Order::Asc)
            .limit(1)
            .to_owned();
        let taken = Entity::update_many()
            .col_expr(Column::Lease, Expr::value(lease))
            .col_expr(Column::LeaseUntil, Expr::value(until.0))
            .col_expr(Column::LastAttemptAt, Expr::value(now.0))
            .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
            .filter(Column::Id.in_subquery(due))
            // Asked again at the row itself, so that of two senders one gets it on any database.
            .filter(free(now))
            .exec(&self.connection)
            .await
            .map_err(&doing)?;
        if taken.rows_affected == 0 {
            return Ok(None);
        }
        let row = Entity::find().filter(Column::Lease.eq(lease)).one(&self.connection).await;
        row.map_err(&doing)?.map(DueMail::from_row).transpose()
    }

    /// Keeps a lent mail until `until`. `false`: it is somebody else's by now, or done, and must not be sent.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn keep_mail(&self, id: i64, lease: &str, until: UtcMs) -> Result<bool, StateError> {
        let row = ActiveModel { lease_until: Set(Some(until.0)), ..ActiveModel::default() };
        self.update_leased(id, lease, row, "keep a mail in hand").await
    }

    /// A mail server took it: the receipt is kept, subject and bodies are erased. `false`: it was not in hand.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn mail_sent(&self, id: i64, lease: &str, answer: &str) -> Result<bool, StateError> {
        self.update_leased(id, lease, finished(MailState::Sent, answer), "note that a mail was sent").await
    }

    /// A mail server refused it for good. `false`: it was not in hand.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn mail_failed(&self, id: i64, lease: &str, answer: &str) -> Result<bool, StateError> {
        self.update_leased(id, lease, finished(MailState::Failed, answer), "note that a mail failed").await
    }

    /// Who it was for may not be told any more: it is not sent, and the receipt says why. `false`: it was not in hand.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn mail_withheld(&self, id: i64, lease: &str, why: &str) -> Result<bool, StateError> {
        self.update_leased(id, lease, finished(MailState::Withheld, why), "note that a mail was withheld")
            .await
    }

    /// It was sent and nobody answered; it is not sent again. `false`: it was not in hand.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn mail_unknown(&self, id: i64, lease: &str, why: &str) -> Result<bool, StateError> {
        let row = finished(MailState::Unknown, why);
        self.update_leased(id, lease, row, "note that nobody answered to a message").await
    }

    /// It could not be sent now; `due` is when to try again. `false`: it was not in hand.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn mail_delayed(
        &self,
        id: i64,
        lease: &str,
        due: UtcMs,
        answer: &str,
    ) -> Result<bool, StateError> {
        let row = ActiveModel {
            due_at: Set(due.0),
            answer: Set(Some(shortened(answer))),
            lease: Set(None),
            lease_until: Set(None),
            ..ActiveModel::default()
        };
        self.update_leased(id, lease, row, "note that a mail was put off").await
    }

    /// Gives up what is past its time at `now` and in nobody's hands. How many.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn expire_mails(&self, now: UtcMs) -> Result<u64, StateError> {
        let expired = Entity::update_many()
            .set(erased(MailState::Expired))
            .filter(free(now).add(Column::ExpiresAt.lte(now.0)))
            .exec(&self.connection)
            .await;
        Ok(expired.map_err(StateError::doing("give up old mails"))?.rows_affected)
    }

    /// Forgets receipts of mails that were written before `before`, whatever became of them. How many.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn delete_mails_before(&self, before: UtcMs) -> Result<u64, StateError> {
        let delete = Entity::delete_many().filter(Column::QueuedAt.lt(before.0)).exec(&self.connection).await;
        Ok(delete.map_err(StateError::doing("forget mails"))?.rows_affected)
    }

    async fn update_leased(
        &self,
        id: i64,
        lease: &str,
        row: ActiveModel,
        doing: &'static str,
    ) -> Result<bool, StateError> {
        let update = Entity::update_many()
            .set(row)
            .filter(Column::Id.eq(id))
            .filter(Column::Lease.eq(lease))
            .filter(Column::State.eq(MailState::Queued.name()));
        Ok(update.exec(&self.connection).await.map_err(StateError::doing(doing))?.rows_affected > 0)
    }
}

/// Waiting, and in nobody's hand.
fn free(now: UtcMs) -> Condition {
    Condition::all()
        .add(Column::State.eq(MailState::Queued.name()))
        .add(Column::LeaseUntil.is_null().or(Column::LeaseUntil.lte(now.0)))
}

fn finished(state: MailState, answer: &str) -> ActiveModel {
    ActiveModel { answer: Set(Some(shortened(answer))), ..erased(state) }
}

/// A mail that is done with: what it said is nobody's business any more.
fn erased(state: MailState) -> ActiveModel {
    ActiveModel {
        state: Set(state.name().to_owned()),
        subject: Set(None),
        body_text: Set(None),
        body_html: Set(None),
        lease: Set(None),
        lease_until: Set(None),
        ..ActiveModel::default()
    }
}

fn shortened(answer: &str) -> String {
    answer.chars().take(MOST_ANSWER).collect()
}

impl DueMail {
    fn from_row(row: Model) -> Result<Self, StateError> {
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

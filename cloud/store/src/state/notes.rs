//! Messages to one person by one way that are about no incident: codes, challenges, tests, words on what was changed.
//!
//! In: a [`NewNote`], written in the transaction of what it belongs to. Out: a row of the outbox; what became of tests.

use std::fmt;

use fleet::AccountKey;
use fleet::notice::Channel;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use wire::UtcMs;

use super::outbox::MailState;
use super::receipts::Receipt;
use super::tables::outbox::{ActiveModel, Column, Entity};
use super::{Act, StateError, StateStore, audit};

/// A message. Printing it shows none of what it says: it may hold a code.
#[derive(Clone, Copy)]
pub struct NewNote<'a> {
    /// Names it for all time.
    pub key: &'a str,
    /// By which way.
    pub channel: Channel,
    /// To whom.
    pub account: AccountKey,
    /// Where to, as the channel has it.
    pub to: &'a str,
    /// What it is, for receipts.
    pub kind: &'static str,
    /// Subject; empty but for mails.
    pub subject: &'a str,
    /// Plain text; JSON for browsers and webhooks.
    pub text: &'a str,
    /// HTML; empty but for mails.
    pub html: &'a str,
    /// Now.
    pub queued_at: UtcMs,
    /// From then on it is not worth sending.
    pub expires_at: UtcMs,
}

impl fmt::Debug for NewNote<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewNote").field("key", &self.key).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The kind of tests.
pub const TEST: &str = "test";

/// Writes a message within the caller's transaction; one of the same key is left as it is.
pub(super) async fn queue_note(change: &impl ConnectionTrait, note: &NewNote<'_>) -> Result<(), DbErr> {
    queue_note_for(change, note, note.queued_at).await
}

/// The same, to be sent from `due_at` on.
pub(super) async fn queue_note_for(
    change: &impl ConnectionTrait,
    note: &NewNote<'_>,
    due_at: UtcMs,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        id: NotSet,
        key: Set(note.key.to_owned()),
        recipient: Set(note.to.to_owned()),
        kind: Set(note.kind.to_owned()),
        subject: Set(Some(note.subject.to_owned())),
        body_text: Set(Some(note.text.to_owned())),
        body_html: Set(Some(note.html.to_owned())),
        queued_at: Set(note.queued_at.0),
        expires_at: Set(note.expires_at.0),
        state: Set(MailState::Queued.name().to_owned()),
        due_at: Set(due_at.0),
        attempts: Set(0),
        last_attempt_at: Set(None),
        answer: Set(None),
        lease: Set(None),
        lease_until: Set(None),
        channel: Set(note.channel.name().to_owned()),
        account_id: Set(Some(note.account.0)),
        incident_id: Set(None),
    };
    let same_key = OnConflict::column(Column::Key).do_nothing().to_owned();
    Entity::insert(row).on_conflict(same_key).exec_without_returning(change).await?;
    Ok(())
}

impl StateStore {
    /// Sends a test, unless the account had `most` since `since`. Whether it is sent.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn queue_test(
        &self,
        note: NewNote<'_>,
        most: u64,
        since: UtcMs,
        act: &Act,
    ) -> Result<bool, StateError> {
        const DOING: &str = "send a test";
        let doing = StateError::doing(DOING);
        let change = self.begin_change(DOING).await?;
        let had = tests(note.account).filter(Column::QueuedAt.gt(since.0)).count(&change).await;
        if had.map_err(&doing)? >= most {
            return Ok(false);
        }
        queue_note(&change, &note).await.map_err(&doing)?;
        audit::append(&change, act).await.map_err(&doing)?;
        self.commit_change(change, DOING).await?;
        Ok(true)
    }

    /// What became of messages of these kinds to an account, the newest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn receipts_of_kinds(
        &self,
        account: AccountKey,
        kinds: &[&str],
        most: u64,
    ) -> Result<Vec<Receipt>, StateError> {
        let newest = Entity::find()
            .filter(Column::AccountId.eq(account.0))
            .filter(Column::Kind.is_in(kinds.iter().copied()))
            .order_by_desc(Column::Id)
            .limit(most);
        let rows = newest.all(&self.connection).await.map_err(StateError::doing("list receipts"))?;
        rows.into_iter().map(Receipt::from_row).collect()
    }
}

fn tests(account: AccountKey) -> sea_orm::Select<Entity> {
    Entity::find().filter(Column::AccountId.eq(account.0)).filter(Column::Kind.eq(TEST))
}

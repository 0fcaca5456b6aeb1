//! Messages of the outbox on their way to senders, and what became of them.
//!
//! In: who wants to send by which channels; what the mail server, or whoever else takes messages, answered. Out: messages, each
//! lent to one sender at a time; receipts, many in one transaction. What tells of an incident goes first. Subject and bodies
//! are erased as soon as a message is on its way or given up; the receipt stays for the caller to forget.

use fleet::condition::Severity;
use fleet::notice::{Channel, Channels};
use sea_orm::sea_query::{Expr, Query, SelectStatement};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, Order,
    QueryFilter, QueryOrder,
};
use wire::UtcMs;

use super::outbox::{DueMail, MailState};
use super::tables::incidents::{alarm, incident};
use super::tables::outbox::{ActiveModel, Column, Entity};
use super::{StateError, StateStore, connect, incidents};

/// Most of a server's answer that is kept, characters.
const MOST_ANSWER: usize = 500;

/// What became of a message in hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its number.
    pub id: i64,
    /// By which it was in hand.
    pub lease: String,
    /// What.
    pub noted: Noted,
}

/// What became of it, each with what whoever takes such messages said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It was taken.
    Sent(String),
    /// It was refused for good.
    Failed(String),
    /// Who it was for may not be told any more: it is not sent, and the receipt says why.
    Withheld(String),
    /// It was sent and nobody answered; it is not sent again.
    Unknown(String),
    /// Nobody took it in its time.
    Expired,
    /// It could not be sent now.
    Delayed {
        /// When to try again.
        due: UtcMs,
        /// Why.
        answer: String,
    },
}

impl StateStore {
    /// Lends messages that are due at `now` to the sender that calls itself `lease` (a name never used before), until
    /// `until`: at most `most` that go by one of these channels, those about incidents first, then the oldest. Nobody else
    /// gets them before then, and an attempt is counted. What is past its time is not lent.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn claim_messages(
        &self,
        lease: &str,
        (by, most): (Channels, u64),
        now: UtcMs,
        until: UtcMs,
    ) -> Result<Vec<DueMail>, StateError> {
        let doing = StateError::doing("take messages from the outbox");
        let lent = Entity::update_many()
            .col_expr(Column::Lease, Expr::value(lease))
            .col_expr(Column::LeaseUntil, Expr::value(until.0))
            .col_expr(Column::LastAttemptAt, Expr::value(now.0))
            .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
            .filter(Column::Id.in_subquery(due(by, now).limit(most).to_owned()))
            // Asked again at the row itself, so that of two senders one gets it on any database.
            .filter(free(now))
            .exec(&self.connection)
            .await
            .map_err(&doing)?;
        if lent.rows_affected == 0 {
            return Ok(Vec::new());
        }
        let rows = Entity::find().filter(Column::Lease.eq(lease)).order_by_asc(Column::Id);
        let rows = rows.all(&self.connection).await.map_err(&doing)?;
        rows.into_iter().map(DueMail::from_row).collect()
    }

    /// As [`StateStore::claim_messages`], one message by whatever channel.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn claim_mail(
        &self,
        lease: &str,
        now: UtcMs,
        until: UtcMs,
    ) -> Result<Option<DueMail>, StateError> {
        Ok(self.claim_messages(lease, (all(), 1), now, until).await?.pop())
    }

    /// Keeps a lent message until `until`. `false`: it is somebody else's by now, or done, and must not be sent.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn keep_mail(&self, id: i64, lease: &str, until: UtcMs) -> Result<bool, StateError> {
        let row = ActiveModel { lease_until: Set(Some(until.0)), ..ActiveModel::default() };
        let kept = update(&self.connection, id, lease, row).await;
        kept.map_err(StateError::doing("keep a message in hand"))
    }

    /// Takes every message back from its sender, and lends it to nobody before `until`; what was taken back before waits anew.
    /// Only for who knows that no sender lives: whoever serves the one data folder, at the start. How many.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn take_back_messages(&self, until: UtcMs) -> Result<u64, StateError> {
        let back =
            ActiveModel { lease: Set(None), lease_until: Set(Some(until.0)), ..ActiveModel::default() };
        let lent = Entity::update_many().set(back).filter(waits()).filter(Column::LeaseUntil.is_not_null());
        let lent = lent.exec(&self.connection).await;
        Ok(lent.map_err(StateError::doing("take messages back"))?.rows_affected)
    }

    /// Writes what became of messages, all or none; for each whether it was in hand.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn note_messages(&self, notes: &[Note]) -> Result<Vec<bool>, StateError> {
        let doing = StateError::doing("write receipts");
        let change = connect::begin(&self.connection).await.map_err(&doing)?;
        let (mut in_hand, mut given_up) = (Vec::with_capacity(notes.len()), Vec::new());
        for note in notes {
            let row = note.noted.to_row();
            let was = update(&change, note.id, &note.lease, row).await.map_err(&doing)?;
            if was && matches!(note.noted, Noted::Failed(_) | Noted::Withheld(_) | Noted::Expired) {
                given_up.push(note.id);
            }
            in_hand.push(was);
        }
        if !given_up.is_empty() {
            let given_up = Condition::all().add(Column::Id.is_in(given_up));
            incidents::look_again(&change, told_of(given_up)).await.map_err(&doing)?;
        }
        change.commit().await.map_err(&doing)?;
        Ok(in_hand)
    }

    /// One of [`StateStore::note_messages`].
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn note_message(&self, id: i64, lease: &str, noted: Noted) -> Result<bool, StateError> {
        let note = Note { id, lease: lease.to_owned(), noted };
        Ok(self.note_messages(&[note]).await?.contains(&true))
    }

    /// Lends the oldest message that is past its time at `now` and must not be missed, until `until`: before it is given up
    /// ([`Noted::Expired`]), it is to go by the next way.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn claim_expired(
        &self,
        lease: &str,
        now: UtcMs,
        until: UtcMs,
    ) -> Result<Option<DueMail>, StateError> {
        let doing = StateError::doing("take a message that is past its time");
        let taken = Entity::update_many()
            .col_expr(Column::Lease, Expr::value(lease))
            .col_expr(Column::LeaseUntil, Expr::value(until.0))
            .filter(Column::Id.in_subquery(over(now)))
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

    /// Gives up what is past its time at `now`, in nobody's hands, and may be missed ([`StateStore::claim_expired`] has the
    /// rest). How many.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn expire_mails(&self, now: UtcMs) -> Result<u64, StateError> {
        let expired = Entity::update_many()
            .set(erased(MailState::Expired))
            .filter(free(now).add(Column::ExpiresAt.lte(now.0)).add(critical().not()))
            .exec(&self.connection)
            .await;
        Ok(expired.map_err(StateError::doing("give up old mails"))?.rows_affected)
    }
}

async fn update(
    change: &impl ConnectionTrait,
    id: i64,
    lease: &str,
    row: ActiveModel,
) -> Result<bool, DbErr> {
    let update = Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id))
        .filter(Column::Lease.eq(lease))
        .filter(Column::State.eq(MailState::Queued.name()));
    Ok(update.exec(change).await?.rows_affected > 0)
}

impl Noted {
    fn to_row(&self) -> ActiveModel {
        match self {
            Self::Sent(answer) => finished(MailState::Sent, answer),
            Self::Failed(answer) => finished(MailState::Failed, answer),
            Self::Withheld(why) => finished(MailState::Withheld, why),
            Self::Unknown(why) => finished(MailState::Unknown, why),
            Self::Expired => erased(MailState::Expired),
            Self::Delayed { due, answer } => ActiveModel {
                due_at: Set(due.0),
                answer: Set(Some(shortened(answer))),
                lease: Set(None),
                lease_until: Set(None),
                ..ActiveModel::default()
            },
        }
    }
}

/// The incidents that some messages tell of: what is given up has them looked at, as somebody else may have to be told.
fn told_of(messages: Condition) -> Condition {
    let about = Query::select()
        .column(Column::IncidentId)
        .from(Entity)
        .cond_where(messages.add(Column::IncidentId.is_not_null()))
        .to_owned();
    Condition::all().add(incident::Column::Id.in_subquery(about))
}

/// Messages that are due at `now` and worth sending: those about incidents first, as a thousand weekly letters hold up no alarm.
fn due(by: Channels, now: UtcMs) -> SelectStatement {
    let due = free(now).add(Column::DueAt.lte(now.0)).add(Column::ExpiresAt.gt(now.0));
    Query::select()
        .column(Column::Id)
        .from(Entity)
        .cond_where(due.add(Column::Channel.is_in(by.iter().map(Channel::name))))
        .order_by_expr(Column::IncidentId.is_null(), Order::Asc)
        .order_by(Column::Id, Order::Asc)
        .to_owned()
}

fn all() -> Channels {
    Channels::of(&Channel::TABLE.map(|(channel, _)| channel))
}

/// The oldest message that is past its time at `now` and must not be missed.
fn over(now: UtcMs) -> SelectStatement {
    Query::select()
        .column(Column::Id)
        .from(Entity)
        .cond_where(free(now).add(Column::ExpiresAt.lte(now.0)).add(critical()))
        .order_by(Column::Id, Order::Asc)
        .limit(1)
        .to_owned()
}

/// It is neither on its way nor given up. This leads a database to the index of what waits, and past all others: the state stands
/// in the statement as a word, which an index of some rows only wants, and the channels come first in it.
pub(super) fn waits() -> Condition {
    let any = Column::Channel.is_in(Channel::TABLE.map(|(_, name)| name));
    Condition::all().add(Column::State.into_expr().eq(Expr::cust("'queued'"))).add(any)
}

/// Waiting, and in nobody's hand.
fn free(now: UtcMs) -> Condition {
    Condition::all().add(waits()).add(Column::LeaseUntil.is_null().or(Column::LeaseUntil.lte(now.0)))
}

/// It is about an incident with something critical in it.
fn critical() -> Condition {
    let incidents = Query::select()
        .column(alarm::Column::IncidentId)
        .from(alarm::Entity)
        .cond_where(alarm::Column::Severity.eq(Severity::Critical.name()))
        .and_where(alarm::Column::IncidentId.is_not_null())
        .to_owned();
    let told = Column::IncidentId.is_not_null().and(Column::AccountId.is_not_null());
    Condition::all().add(told).add(Column::IncidentId.in_subquery(incidents))
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

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait as _, QueryTrait as _, Statement};

    use super::*;

    /// Lines of the database's plan for a statement.
    async fn plan(state: &StateStore, statement: Statement) -> String {
        let explain = format!("EXPLAIN QUERY PLAN {}", statement.sql);
        let values = statement.values.unwrap_or(sea_orm::Values(Vec::new()));
        let backend = state.connection.get_database_backend();
        let rows = state
            .connection
            .query_all_raw(Statement::from_sql_and_values(backend, explain, values.0))
            .await
            .unwrap();
        let lines: Vec<String> = rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
        lines.join("; ")
    }

    #[tokio::test]
    async fn lending_reads_neither_a_month_of_receipts_nor_the_letters_that_wait() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.sqlite");
        StateStore::open(&path).await.unwrap().close().await.unwrap();
        // Opened anew, because a connection that knew the tables before a migration sees the change when it runs a statement,
        // and SQLite does not run what it explains.
        let state = StateStore::open(&path).await.unwrap();
        let backend = state.connection.get_database_backend();
        let only =
            plan(&state, backend.build(due(Channels::of(&[Channel::Email]), UtcMs(1)).limit(16))).await;
        let any = plan(&state, backend.build(due(all(), UtcMs(1)).limit(16))).await;
        for found in [only, any] {
            assert!(found.contains("SEARCH outbox USING COVERING INDEX outbox_waiting"), "{found}");
        }
        let over = plan(&state, backend.build(&over(UtcMs(1)))).await;
        assert!(over.contains("SEARCH outbox USING COVERING INDEX outbox_waiting"), "{over}");
        let lent = Entity::find().filter(Column::Lease.eq("mine")).order_by_asc(Column::Id);
        let found = plan(&state, lent.build(backend)).await;
        assert!(found.contains("SEARCH outbox USING INDEX outbox_lent (lease=?)"), "{found}");
        state.close().await.unwrap();
    }
}

//! Receipts: what became of messages, and how many wait.
//!
//! In: rows that the room `outbox` writes. Out: the same without what the messages said, which is gone once they are sent.

use fleet::AccountKey;
use fleet::notice::{Channel, Fate};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use wire::UtcMs;

use super::outbox::channel;
use super::tables::outbox::{Column, Entity, Model};
use super::{Email, IncidentKey, MailState, StateError, StateStore, lending};

/// What is known of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its key.
    pub key: String,
    /// By which way.
    pub channel: Channel,
    /// Where to, as the channel has it.
    pub to: String,
    /// Which letter.
    pub kind: String,
    /// What became of it.
    pub state: MailState,
    /// When it was written.
    pub queued_at: UtcMs,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was last tried.
    pub last_attempt_at: Option<UtcMs>,
    /// What the mail server, or the attempt to reach it, said last.
    pub answer: Option<String>,
}

impl StateStore {
    /// The newest receipts, of one address or of all, at most `most`.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn receipts(&self, to: Option<&Email>, most: u64) -> Result<Vec<Receipt>, StateError> {
        let mut query = Entity::find().order_by_desc(Column::Id).limit(most);
        if let Some(to) = to {
            query = query.filter(Column::Recipient.eq(to.as_str()));
        }
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list receipts"))?;
        rows.into_iter().map(Receipt::from_row).collect()
    }

    /// The receipts of what was sent about an incident, in the order of queueing, each with whom it was for.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn receipts_of(
        &self,
        incident: IncidentKey,
    ) -> Result<Vec<(Option<AccountKey>, Receipt)>, StateError> {
        let query = Entity::find().filter(Column::IncidentId.eq(incident.0)).order_by_asc(Column::Id);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list receipts"))?;
        rows.into_iter().map(|row| Ok((row.account_id.map(AccountKey), Receipt::from_row(row)?))).collect()
    }

    /// How many mails are in each state.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn mail_counts(&self) -> Result<[(MailState, u64); 6], StateError> {
        let mut counts = MailState::TABLE.map(|(state, _)| (state, 0));
        let rows: Vec<(String, i64)> = Entity::find()
            .select_only()
            .column(Column::State)
            .column_as(Column::Id.count(), "mails")
            .group_by(Column::State)
            .into_tuple()
            .all(&self.connection)
            .await
            .map_err(StateError::doing("count mails"))?;
        for (state, count) in &mut counts {
            let found = rows.iter().find(|(name, _)| name == state.name());
            *count = found.map_or(0, |(_, count)| count.unsigned_abs());
        }
        Ok(counts)
    }

    /// How many messages wait, by channel.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn queued_by_channel(&self) -> Result<Vec<(Channel, u64)>, StateError> {
        let rows: Vec<(String, i64)> = Entity::find()
            .select_only()
            .column(Column::Channel)
            .column_as(Column::Id.count(), "messages")
            .filter(lending::waits())
            .group_by(Column::Channel)
            .into_tuple()
            .all(&self.connection)
            .await
            .map_err(StateError::doing("count messages"))?;
        let named = |(name, count): (String, i64)| Some((Channel::from_name(&name)?, count.unsigned_abs()));
        Ok(rows.into_iter().filter_map(named).collect())
    }

    /// Since when the oldest message of each channel has been due at `now` that was never tried, where there is one.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn untried_by_channel(&self, now: UtcMs) -> Result<Vec<(Channel, UtcMs)>, StateError> {
        let rows: Vec<(String, i64)> = Entity::find()
            .select_only()
            .column(Column::Channel)
            .column_as(Column::DueAt.min(), "due_at")
            .filter(lending::waits())
            .filter(Column::DueAt.lte(now.0))
            .filter(Column::Attempts.eq(0))
            .group_by(Column::Channel)
            .into_tuple()
            .all(&self.connection)
            .await
            .map_err(StateError::doing("find messages that nobody tried to send"))?;
        let named = |(name, due_at): (String, i64)| Some((Channel::from_name(&name)?, UtcMs(due_at)));
        Ok(rows.into_iter().filter_map(named).collect())
    }

    /// When the oldest mail that still waits was written.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn oldest_queued_mail(&self) -> Result<Option<UtcMs>, StateError> {
        let oldest: Option<Option<i64>> = Entity::find()
            .select_only()
            .column_as(Column::QueuedAt.min(), "oldest")
            .filter(lending::waits())
            .into_tuple()
            .one(&self.connection)
            .await
            .map_err(StateError::doing("find the oldest mail that waits"))?;
        Ok(oldest.flatten().map(UtcMs))
    }
}

impl MailState {
    /// What is known of a message by a channel (decision 23).
    #[must_use]
    pub const fn fate(self, channel: Channel) -> Fate {
        match self {
            Self::Queued => Fate::Waiting,
            Self::Sent => Fate::of_success(channel),
            Self::Failed | Self::Expired | Self::Withheld => Fate::Failed,
            Self::Unknown => Fate::Unknown,
        }
    }
}

/// A message about an incident, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentTo {
    /// About what.
    pub incident: IncidentKey,
    /// To whom.
    pub account: AccountKey,
    /// By which way, when, and what became of it.
    pub receipt: Receipt,
}

/// Incidents in one statement.
const INCIDENTS_A_STATEMENT: usize = 10_000;

/// What was sent, or is to be, about these incidents.
pub(super) async fn sent_about(
    connection: &impl ConnectionTrait,
    incidents: &[IncidentKey],
) -> Result<Vec<SentTo>, StateError> {
    let mut all = Vec::new();
    for part in incidents.chunks(INCIDENTS_A_STATEMENT) {
        let about = Column::IncidentId.is_in(part.iter().map(|key| key.0));
        let rows = Entity::find().filter(about).order_by_asc(Column::Id).all(connection).await;
        for row in rows.map_err(StateError::doing("list what was sent"))? {
            let whose = row.incident_id.map(IncidentKey).zip(row.account_id.map(AccountKey));
            let Some((incident, account)) = whose else { continue };
            all.push(SentTo { incident, account, receipt: Receipt::from_row(row)? });
        }
    }
    Ok(all)
}

impl Receipt {
    /// What is known of the message (decision 23).
    #[must_use]
    pub const fn fate(&self) -> Fate {
        self.state.fate(self.channel)
    }

    pub(super) fn from_row(row: Model) -> Result<Self, StateError> {
        let state = MailState::from_name(&row.state);
        Ok(Self {
            state: state.ok_or(StateError::Row { table: "outbox", column: "state", value: row.state })?,
            channel: channel(&row.channel)?,
            to: row.recipient,
            key: row.key,
            kind: row.kind,
            queued_at: UtcMs(row.queued_at),
            attempts: row.attempts.try_into().unwrap_or(u32::MAX),
            last_attempt_at: row.last_attempt_at.map(UtcMs),
            answer: row.answer,
        })
    }
}

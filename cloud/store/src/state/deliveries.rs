//! Messages as an operator looks through them: how each went, never what it said.
//!
//! In: filters, where the page before ended. Out: the newest first, a page at a time; counts. The columns that hold words are
//! not read. A month of a million messages must cost no more than a day, and which index serves best must not be guessed by
//! a database that has not counted its rows. So an address, else a kind, names the index (m0014), and what is filtered beside
//! it is written so that no index fits; for the rest each pair of channel and state is read by itself, in order, and the pages
//! are merged.

use std::collections::HashMap;

use fleet::notice::Channel;
use sea_orm::sea_query::{Expr, Func};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use wire::UtcMs;

use super::outbox::channel;
use super::tables::account;
use super::tables::outbox::{Column, Entity};
use super::{MailState, StateError, StateStore};

/// What is wanted. `None`: any.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeliveryQuery<'a> {
    /// By which way.
    pub channel: Option<Channel>,
    /// By any but this.
    pub not_channel: Option<Channel>,
    /// What became of it.
    pub states: Option<&'a [MailState]>,
    /// Which letter.
    pub kind: Option<&'a str>,
    /// To this address or number exactly.
    pub to: Option<&'a str>,
    /// Not written before this instant.
    pub from: Option<UtcMs>,
    /// Written before this instant.
    pub until: Option<UtcMs>,
    /// Older than this row: where the page before ended.
    pub before: Option<(UtcMs, i64)>,
    /// At most this many.
    pub most: u64,
}

/// How one message went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number.
    pub id: i64,
    /// By which way.
    pub channel: Channel,
    /// Where to: an address or a number; of a browser and a webhook the name of its row.
    pub to: String,
    /// The address of whose browser or webhook it is, or was.
    pub owner: Option<String>,
    /// Which letter.
    pub kind: String,
    /// What became of it.
    pub state: MailState,
    /// When it was written.
    pub queued_at: UtcMs,
    /// When it is tried, or tried again.
    pub due_at: UtcMs,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was last tried.
    pub last_attempt_at: Option<UtcMs>,
    /// What was said last.
    pub answer: Option<String>,
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    channel: String,
    recipient: String,
    account_id: Option<i64>,
    kind: String,
    state: String,
    queued_at: i64,
    due_at: i64,
    attempts: i64,
    last_attempt_at: Option<i64>,
    answer: Option<String>,
}

const COLUMNS: [Column; 11] = [
    Column::Id,
    Column::Channel,
    Column::Recipient,
    Column::AccountId,
    Column::Kind,
    Column::State,
    Column::QueuedAt,
    Column::DueAt,
    Column::Attempts,
    Column::LastAttemptAt,
    Column::Answer,
];

impl StateStore {
    /// A page of messages.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn deliveries(&self, query: &DeliveryQuery<'_>) -> Result<Vec<Delivery>, StateError> {
        let doing = StateError::doing("list messages");
        let mut rows = Vec::new();
        for filter in filters(query) {
            let some = Entity::find()
                .select_only()
                .columns(COLUMNS)
                .filter(filter.add(within(query)))
                .order_by_desc(Column::QueuedAt)
                .order_by_desc(Column::Id)
                .limit(query.most)
                .into_model::<Row>();
            rows.extend(some.all(&self.connection).await.map_err(&doing)?);
        }
        rows.sort_by_key(|row| std::cmp::Reverse((row.queued_at, row.id)));
        rows.truncate(usize::try_from(query.most).unwrap_or(usize::MAX));
        let owners: Vec<i64> = rows.iter().filter_map(|row| row.account_id).collect();
        let owners: Vec<(i64, String)> = account::Entity::find()
            .select_only()
            .columns([account::Column::Id, account::Column::Email])
            .filter(account::Column::Id.is_in(owners))
            .into_tuple()
            .all(&self.connection)
            .await
            .map_err(&doing)?;
        let owners: HashMap<i64, String> = owners.into_iter().collect();
        rows.into_iter().map(|row| delivery(row, &owners)).collect()
    }

    /// How many messages were written since `since`, by channel and by what became of them.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn delivery_counts(&self, since: UtcMs) -> Result<Vec<(Channel, MailState, u64)>, StateError> {
        let mut counts = Vec::new();
        for (channel, state) in pairs(&Channel::TABLE.map(|(channel, _)| channel), &all_states()) {
            let filter = pair(channel, state).add(Column::QueuedAt.gte(since.0));
            let count = Entity::find().filter(filter).count(&self.connection).await;
            let count = count.map_err(StateError::doing("count messages"))?;
            if count > 0 {
                counts.push((channel, state, count));
            }
        }
        Ok(counts)
    }
}

/// What is read one after the other, each in the order of one index.
fn filters(query: &DeliveryQuery<'_>) -> Vec<Condition> {
    let channels: Vec<Channel> = Channel::TABLE
        .iter()
        .map(|(channel, _)| *channel)
        .filter(|channel| query.channel.is_none_or(|only| only == *channel))
        .filter(|channel| query.not_channel != Some(*channel))
        .collect();
    let any_channel = query.channel.is_none() && query.not_channel.is_none();
    // Of most kinds most were sent: what else became of them is found sooner by that.
    let rare = query.states.is_some_and(|states| !states.contains(&MailState::Sent));
    let beside = |column: Column| Expr::expr(Func::lower(Expr::col(column)));
    if query.to.is_none() && (query.kind.is_none() || rare) {
        if any_channel && query.states.is_none() {
            return vec![Condition::all()];
        }
        let states = query.states.map_or_else(all_states, <[MailState]>::to_vec);
        let kind = query.kind.map(|kind| beside(Column::Kind).eq(kind));
        let one = |(channel, state)| pair(channel, state).add_option(kind.clone());
        return pairs(&channels, &states).map(one).collect();
    }
    let mut all = Condition::all();
    if let Some(to) = query.to {
        all = all.add(Column::Recipient.eq(to));
    }
    if let Some(kind) = query.kind {
        // Kinds are names in small letters.
        let named = if query.to.is_none() { Column::Kind.eq(kind) } else { beside(Column::Kind).eq(kind) };
        all = all.add(named);
    }
    if !any_channel {
        all = all.add(beside(Column::Channel).is_in(channels.into_iter().map(Channel::name)));
    }
    if let Some(states) = query.states {
        all = all.add(beside(Column::State).is_in(states.iter().map(|state| state.name())));
    }
    vec![all]
}

/// In which time.
fn within(query: &DeliveryQuery<'_>) -> Condition {
    let before = query.before.map(|(at, id)| {
        let same = Column::QueuedAt.eq(at.0).and(Column::Id.lt(id));
        // The first half alone bounds the index; the second keeps the rest of the instant out.
        Column::QueuedAt.lte(at.0).and(Column::QueuedAt.lt(at.0).or(same))
    });
    Condition::all()
        .add_option(query.from.map(|from| Column::QueuedAt.gte(from.0)))
        .add_option(query.until.map(|until| Column::QueuedAt.lt(until.0)))
        .add_option(before)
}

fn all_states() -> Vec<MailState> {
    MailState::TABLE.iter().map(|(state, _)| *state).collect()
}

fn pairs<'a>(
    channels: &'a [Channel],
    states: &'a [MailState],
) -> impl Iterator<Item = (Channel, MailState)> + 'a {
    channels.iter().flat_map(|channel| states.iter().map(|state| (*channel, *state)))
}

fn pair(channel: Channel, state: MailState) -> Condition {
    Condition::all().add(Column::Channel.eq(channel.name())).add(Column::State.eq(state.name()))
}

fn delivery(row: Row, owners: &HashMap<i64, String>) -> Result<Delivery, StateError> {
    let state = MailState::from_name(&row.state);
    Ok(Delivery {
        id: row.id,
        channel: channel(&row.channel)?,
        to: row.recipient,
        owner: row.account_id.and_then(|account| owners.get(&account).cloned()),
        kind: row.kind,
        state: state.ok_or(StateError::Row { table: "outbox", column: "state", value: row.state })?,
        queued_at: UtcMs(row.queued_at),
        due_at: UtcMs(row.due_at),
        attempts: row.attempts.try_into().unwrap_or(u32::MAX),
        last_attempt_at: row.last_attempt_at.map(UtcMs),
        answer: row.answer,
    })
}

//! The next way to a person, where one failed with what must not be missed.
//!
//! In: a message of an incident that was refused, given up, or not taken for some time. Out: the same words by the next
//! channel that is verified and was not tried, in one transaction, under keys that make a repeat harmless. Which channel
//! that is, `fleet::notice` says.

use fleet::condition::Severity;
use fleet::notice::{Channel, Channels, Preferences, next_channel};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, sea_query::OnConflict,
};
use wire::UtcMs;

use super::outbox::{DueMail, MailState};
use super::preferences;
use super::reachable::{self, Way};
use super::tables::incidents::{alarm, preference};
use super::tables::outbox::{ActiveModel, Column, Entity};
use super::{StateError, StateStore, connect};

/// The words in the form of each channel.
#[derive(Clone, Copy)]
pub struct Worded<'a> {
    /// Subject, text and HTML of a mail.
    pub mail: (&'a str, &'a str, &'a str),
    /// A text message.
    pub text: &'a str,
    /// JSON for browsers and webhooks.
    pub json: &'a str,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextWay {
    /// It is not about what must not be missed.
    NotCritical,
    /// It goes by this channel, too, from now on or since before.
    By(Channel),
    /// There is no other way to that person.
    None,
}

impl StateStore {
    /// Has a message that failed go by the next way.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn go_by_next_way(
        &self,
        failed: &DueMail,
        worded: Worded<'_>,
        now: UtcMs,
    ) -> Result<NextWay, StateError> {
        let doing = StateError::doing("find another way to a person");
        let Some((account, incident)) = failed.account.zip(failed.incident) else {
            return Ok(NextWay::NotCritical);
        };
        let change = connect::begin(&self.connection).await.map_err(&doing)?;
        let critical = alarm::Entity::find()
            .filter(alarm::Column::IncidentId.eq(incident.0))
            .filter(alarm::Column::Severity.eq(Severity::Critical.name()))
            .count(&change);
        if critical.await.map_err(&doing)? == 0 {
            return Ok(NextWay::NotCritical);
        }
        let ways = reachable::ways(&change, account).await.map_err(&doing)?;
        let verified = ways.iter().fold(Channels::NONE, |all, way| all.and(way.channel));
        let chosen = preference::Entity::find_by_id(account.0).one(&change).await.map_err(&doing)?;
        let chosen = chosen.as_ref().map_or_else(|| Ok(Preferences::default()), preferences::of)?;
        // What the person chose goes out by itself; what stands in for a failed way may have failed, too.
        let tried = tried(&change, failed, chosen.critical).await.map_err(&doing)?;
        let Some(next) = next_channel(tried, verified) else { return Ok(NextWay::None) };
        for (at, way) in ways.iter().filter(|way| way.channel == next).enumerate() {
            let key = format!("{}:{}:{}~{}.{at}", incident.0, account.0, failed.queued_at.0, next.name());
            queue(&change, failed, way, &key, worded, now).await.map_err(&doing)?;
        }
        change.commit().await.map_err(&doing)?;
        Ok(NextWay::By(next))
    }
}

/// The channels by which the message went already and failed: rows of one message have its account, incident and time. One
/// that still waits stands: a failure that is told twice leads nowhere new.
async fn tried(change: &impl ConnectionTrait, failed: &DueMail, chosen: Channels) -> Result<Channels, DbErr> {
    let of_message = Entity::find()
        .filter(Column::AccountId.eq(failed.account.map(|key| key.0)))
        .filter(Column::IncidentId.eq(failed.incident.map(|key| key.0)))
        .filter(Column::QueuedAt.eq(failed.queued_at.0))
        .filter(Column::State.is_in([MailState::Failed.name(), MailState::Expired.name()]));
    let rows = of_message.all(change).await?;
    let names = rows.iter().filter_map(|row| Channel::from_name(&row.channel));
    Ok(names.fold(chosen.and(failed.channel), Channels::and))
}

async fn queue(
    change: &impl ConnectionTrait,
    failed: &DueMail,
    way: &Way,
    key: &str,
    worded: Worded<'_>,
    now: UtcMs,
) -> Result<(), DbErr> {
    let (subject, text, html) = match way.channel {
        Channel::Email => worded.mail,
        Channel::Text => ("", worded.text, ""),
        Channel::Push | Channel::Webhook => ("", worded.json, ""),
    };
    let row = ActiveModel {
        id: NotSet,
        key: Set(key.to_owned()),
        recipient: Set(way.to.clone()),
        kind: Set(failed.kind.clone()),
        subject: Set(Some(subject.to_owned())),
        body_text: Set(Some(text.to_owned())),
        body_html: Set(Some(html.to_owned())),
        queued_at: Set(failed.queued_at.0),
        expires_at: Set(failed.expires_at.0.max(now.plus_ms(LEAST_MS).0)),
        state: Set(MailState::Queued.name().to_owned()),
        due_at: Set(now.0),
        attempts: Set(0),
        last_attempt_at: Set(None),
        answer: Set(None),
        lease: Set(None),
        lease_until: Set(None),
        channel: Set(way.channel.name().to_owned()),
        account_id: Set(failed.account.map(|key| key.0)),
        incident_id: Set(failed.incident.map(|key| key.0)),
    };
    let same_key = OnConflict::column(Column::Key).do_nothing().to_owned();
    Entity::insert(row).on_conflict(same_key).exec_without_returning(change).await?;
    Ok(())
}

/// A message that was given up because its time was over gets so much for its next way, milliseconds.
const LEAST_MS: i64 = 10 * 60_000;

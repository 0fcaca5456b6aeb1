//! What becomes due with time: first messages of sites that were held, follow-ups, a ladder's next step, reminders.
//!
//! In: now. Out: messages in the outbox, one transaction for as many incidents as are due. Two who look at once do not
//! double: who comes second finds them passed.

use std::collections::BTreeSet;

use fleet::notice::{Member, Message};
use store::state::{Announcing, IncidentKey, Reminder, StateError};
use wire::UtcMs;

use super::escalate::{self, When};
use super::tell::Telling;
use super::work::{Numbered, Work};
use super::{Announcer, DUE_AT_ONCE, hands, tell};

/// Makes all that is due at `now`.
pub async fn make(announcer: &Announcer, now: UtcMs) -> Result<(), StateError> {
    // Almost always there is nothing, and then nobody's write waits.
    while announcer.store.is_due(now).await? {
        some(announcer, now).await?;
    }
    Ok(())
}

async fn some(announcer: &Announcer, now: UtcMs) -> Result<(), StateError> {
    let change = announcer.store.announcing().await?;
    let due = change.due_incidents(now, DUE_AT_ONCE).await?;
    let reminders = change.due_reminders(now, DUE_AT_ONCE).await?;
    let keys: Vec<IncidentKey> = due.iter().map(|row| row.key).collect();
    let reminded: BTreeSet<IncidentKey> =
        reminders.iter().map(|reminder| reminder.incident).filter(|key| !keys.contains(key)).collect();
    let reminded: Vec<IncidentKey> = reminded.into_iter().collect();
    let mut rows = due;
    rows.extend(change.incidents(&reminded, &[]).await?);
    let mut work = Work::with(rows);
    let messages: Vec<Numbered> = keys.iter().flat_map(|key| work.pass_one(*key, now)).collect();
    tell::all(announcer, &change, &mut work, messages, now).await?;
    let keys: BTreeSet<IncidentKey> = keys.into_iter().collect();
    escalate::all(announcer, &change, &mut work, &keys, (When::Due, now)).await?;
    remind(announcer, &change, &mut work, &reminders, now).await?;
    let made = work.made();
    let queued = made.messages.len();
    // Somebody else was first: the next look finds what is left.
    if change.commit(&made).await? && queued > 0 {
        announcer.queued.notify_one();
        tracing::info!(messages = queued, "people are told of alarms");
    }
    Ok(())
}

/// Reminds of what nobody has acknowledged; who cannot or need not be reminded any more is not looked at again.
async fn remind(
    announcer: &Announcer,
    change: &Announcing,
    work: &mut Work,
    due: &[Reminder],
    now: UtcMs,
) -> Result<(), StateError> {
    let incidents: BTreeSet<IncidentKey> = due.iter().map(|reminder| reminder.incident).collect();
    let incidents: Vec<IncidentKey> = incidents.into_iter().collect();
    work.read_for(change, &[], &incidents).await?;
    let mut open = Vec::new();
    for reminder in due {
        // A reminder that was moved by a message just now waits for its new time.
        let moved = work
            .reminders
            .iter()
            .any(|new| (new.incident, new.account) == (reminder.incident, reminder.account));
        if moved {
            continue;
        }
        work.no_reminders.push((reminder.incident, reminder.account));
        let message = untaken(announcer, work, reminder.incident, now);
        if let Some(numbered) = message.and_then(|message| work.number(reminder.incident, message)) {
            open.push((reminder.account, numbered));
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    let (accounts, messages): (Vec<_>, Vec<_>) = open.into_iter().unzip();
    let people = tell::read(change, work, &messages, now).await?;
    let mut telling = Telling::new(announcer, now);
    for (account, numbered) in accounts.into_iter().zip(&messages) {
        let members = numbered.message.members.iter().map(|member| member.inverter);
        if let Some(person) = people.at(members).find(|person| person.told.account.key == account) {
            telling.one(work, numbered, person);
        }
    }
    Ok(())
}

/// What is open of an incident and in nobody's hands: not acknowledged, not on the shelf.
fn untaken(announcer: &Announcer, work: &Work, incident: IncidentKey, now: UtcMs) -> Option<Message> {
    let mut message = work.incident(incident)?.incident.reminder()?;
    message.members.retain(|member: &Member| !hands::taken(work, Some(announcer), member, now));
    message.severity = message.members.iter().map(|member| member.severity).max()?;
    Some(message)
}

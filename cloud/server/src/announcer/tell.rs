//! A message becomes rows of the outbox: one a person and channel.
//!
//! In: messages of incidents. Out: letters for those who may see something of it and want to be told so much, now or when
//! their quiet hours are over; when to remind them. Each is named by incident, number, account and channel, so that none is
//! queued twice.

use std::collections::BTreeSet;

use fleet::InverterKey;
use fleet::notice::{Channel, Message, MessageKind, Plan, plan};
use store::state::{Announcing, IncidentKey, NewMessage, Placed, Reminder, StateError};
use web::Live;
use web::mail::Letter;
use web::mail::alarms::{Notice, One};
use wire::UtcMs;

use super::Announcer;
use super::people::{People, Person};
use super::work::{Numbered, Work};

/// Tells everybody of `messages`.
pub async fn all(
    announcer: &Announcer,
    change: &Announcing,
    work: &mut Work,
    messages: Vec<Numbered>,
    now: UtcMs,
) -> Result<(), StateError> {
    if messages.is_empty() {
        return Ok(());
    }
    let people = read(change, work, &messages, now).await?;
    let mut telling = Telling::new(announcer, now);
    for numbered in messages {
        let members = numbered.message.members.iter().map(|member| member.inverter);
        for person in people.at(members) {
            telling.one(work, &numbered, person);
        }
    }
    Ok(())
}

/// Reads what messages need, and whom they may concern.
pub async fn read(
    change: &Announcing,
    work: &mut Work,
    messages: &[Numbered],
    now: UtcMs,
) -> Result<People, StateError> {
    let members = messages.iter().flat_map(|numbered| &numbered.message.members);
    let inverters: BTreeSet<InverterKey> = members.map(|member| member.inverter).collect();
    let inverters: Vec<InverterKey> = inverters.into_iter().collect();
    let incidents: BTreeSet<IncidentKey> = messages.iter().map(|numbered| numbered.incident).collect();
    let incidents: Vec<IncidentKey> = incidents.into_iter().collect();
    work.read_for(change, &inverters, &incidents).await?;
    let recipients = change.recipients(&inverters, now).await?;
    if recipients.unreadable > 0 {
        let count = recipients.unreadable;
        tracing::error!(
            count,
            "rows of accounts or grants cannot be read, and whose they are is not told of alarms"
        );
    }
    Ok(People::new(recipients, now))
}

/// One after the other is told.
pub struct Telling<'a> {
    announcer: &'a Announcer,
    now: UtcMs,
    /// Most people may see the same of a message: the letter is written once for them.
    last: Option<(Message, Letter)>,
}

impl<'a> Telling<'a> {
    /// At `now`.
    pub const fn new(announcer: &'a Announcer, now: UtcMs) -> Self {
        Self { announcer, now, last: None }
    }

    /// Tells one person of a message, if anything of it is theirs to know.
    pub fn one(&mut self, work: &mut Work, numbered: &Numbered, person: &Person) {
        let Some(seen) = numbered.message.seen(|key| person.sees(key)) else { return };
        let preferences = person.preferences(seen.members.iter().map(|member| member.inverter));
        let over = matches!(seen.kind, MessageKind::Over(_));
        if over && !preferences.over {
            return;
        }
        let local = web::Local::new(zone(work, &seen), self.now);
        let minute = |at: UtcMs| local.minute_of_day(at);
        let (by, due_at) = match plan(&preferences, person.verified(), seen.severity, self.now, &minute) {
            Plan::Now(by) => (by, self.now),
            Plan::Held { until, by } => (by, until),
            // Without a channel of its own it is in the inbox, which keeps it.
            Plan::Digest | Plan::Not => return,
        };
        let Some(letter) = self.letter(work, &seen) else { return };
        let account = person.told.account.key;
        let made: Vec<NewMessage> = by
            .iter()
            .filter(|channel| *channel == Channel::Email)
            .map(|channel| NewMessage {
                key: format!(
                    "incident/{}/{}/{}/{}",
                    numbered.incident.0,
                    numbered.number,
                    account.0,
                    channel.name()
                ),
                channel,
                to: person.told.account.email.as_str().to_owned(),
                account,
                incident: numbered.incident,
                kind: letter.kind,
                subject: letter.subject.clone(),
                text: letter.text.clone(),
                html: letter.html.clone(),
                queued_at: self.now,
                due_at,
                expires_at: due_at.plus_ms(web::mail::NOTICE_MS),
            })
            .collect();
        if let Some(due_at) = preferences.remind_at(due_at).filter(|_| !over) {
            work.reminders.push(Reminder { incident: numbered.incident, account, due_at });
        }
        work.messages.extend(made);
    }

    fn letter(&mut self, work: &Work, seen: &Message) -> Option<Letter> {
        if let Some((_, letter)) = self.last.as_ref().filter(|(last, _)| last == seen) {
            return Some(letter.clone());
        }
        let notice = notice(self.announcer, work, seen, self.now)?;
        match web::mail::alarms::letter(&notice) {
            Ok(letter) => {
                self.last = Some((seen.clone(), letter.clone()));
                Some(letter)
            }
            Err(error) => {
                tracing::error!(%error, "a letter about an alarm was not written");
                None
            }
        }
    }
}

/// What the letter is made from.
fn notice<'a>(announcer: &'a Announcer, work: &'a Work, seen: &'a Message, now: UtcMs) -> Option<Notice<'a>> {
    let one = |member: &'a fleet::notice::Member| {
        let Placed { inverter, site, .. } = work.placed(member.inverter)?;
        let alarm = work.alarm(member.inverter, &member.alarm.to_string())?;
        Some(One {
            member,
            code: &alarm.code,
            ended: alarm.cleared.map(|(ended, _)| ended),
            inverter,
            site: site.as_ref(),
            state: announcer.live.state(member.inverter),
        })
    };
    Notice::new(&announcer.origin, seen.kind, now, seen.members.iter().filter_map(one).collect())
}

/// The zone of the place.
fn zone<'a>(work: &'a Work, seen: &Message) -> &'a str {
    let first = seen.members.first().and_then(|member| work.placed(member.inverter));
    first.and_then(|placed| placed.site.as_ref()).map_or("UTC", |site| &site.time_zone)
}

//! A message becomes rows of the outbox: one a person and channel.
//!
//! In: messages of incidents. Out: letters, texts, pushes and requests for those who may see something of it and want to be
//! told so much, now or when their quiet hours are over; when to remind them. Each is named by incident, number, account and channel, so that none is
//! queued twice.

use std::collections::BTreeSet;

use fleet::InverterKey;
use fleet::notice::{Channel, Message, MessageKind, Plan, plan};
use store::state::{Announcing, IncidentKey, NewMessage, Placed, Reminder, StateError, Way};
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
    last: Option<(Message, Words)>,
}

/// A message in the form of each channel.
#[derive(Clone)]
struct Words {
    letter: Letter,
    text: String,
    payload: String,
}

impl Words {
    /// Subject, text and HTML.
    fn by(&self, channel: Channel) -> (&str, &str, &str) {
        match channel {
            Channel::Email => (&self.letter.subject, &self.letter.text, &self.letter.html),
            Channel::Text => ("", &self.text, ""),
            Channel::Push | Channel::Webhook => ("", &self.payload, ""),
        }
    }
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
            Plan::Not => return,
        };
        let Some(words) = self.words(work, &seen) else { return };
        let account = person.told.account.key;
        let message = |(number, way): (usize, Way)| {
            let (subject, text, html) = words.by(way.channel);
            // Who has several telephones is told on each.
            let more = if number == 0 { String::new() } else { format!(".{number}") };
            let name = way.channel.name();
            NewMessage {
                key: format!(
                    "incident/{}/{}/{}/{name}{more}",
                    numbered.incident.0, numbered.number, account.0
                ),
                channel: way.channel,
                to: way.to,
                account,
                incident: numbered.incident,
                kind: words.letter.kind,
                subject: subject.to_owned(),
                text: text.to_owned(),
                html: html.to_owned(),
                queued_at: self.now,
                due_at,
                expires_at: due_at.plus_ms(web::mail::NOTICE_MS),
            }
        };
        let made: Vec<NewMessage> = person.ways(by).into_iter().map(message).collect();
        if let Some(due_at) = preferences.remind_at(due_at).filter(|_| !over) {
            work.reminders.push(Reminder { incident: numbered.incident, account, due_at });
        }
        work.messages.extend(made);
    }

    fn words(&mut self, work: &Work, seen: &Message) -> Option<Words> {
        if let Some((_, words)) = self.last.as_ref().filter(|(last, _)| last == seen) {
            return Some(words.clone());
        }
        let notice = notice(self.announcer, work, seen, self.now)?;
        match web::mail::alarms::letter(&notice) {
            Ok(letter) => {
                let (text, payload) = (web::mail::alarms::text(&notice), web::mail::alarms::payload(&notice));
                let words = Words { letter, text, payload };
                self.last = Some((seen.clone(), words.clone()));
                Some(words)
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

//! A message becomes rows of the outbox: one a person and channel.
//!
//! In: messages of incidents. Out: letters, texts, pushes and requests for those who may see something of it and want to be
//! told so much, now or when their quiet hours are over; when to remind them. Each is named by incident, number, account and channel, so that none is
//! queued twice.

use std::collections::BTreeSet;

use fleet::InverterKey;
use fleet::notice::{Channel, Channels, Message, MessageKind, Plan, plan, plan_word};
use store::state::{Account, Announcing, IncidentKey, NewMessage, Placed, Reminder, StateError, Way};
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
    let incidents: BTreeSet<IncidentKey> = messages.iter().map(|numbered| numbered.incident).collect();
    read_of(change, work, (inverters, incidents), now).await
}

/// The same for these inverters and incidents.
pub async fn read_of(
    change: &Announcing,
    work: &mut Work,
    (inverters, incidents): (BTreeSet<InverterKey>, BTreeSet<IncidentKey>),
    now: UtcMs,
) -> Result<People, StateError> {
    let inverters: Vec<InverterKey> = inverters.into_iter().collect();
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

/// Who has taken something, for those who are told so.
#[derive(Clone, Debug)]
pub struct Taker {
    name: String,
    note: String,
}

impl Taker {
    /// Of an account, with what it wrote last; one that may see nothing of it any more has no name here.
    pub fn new(work: &Work, numbered: &Numbered, account: Option<&Account>) -> Self {
        let members = numbered.message.members.iter();
        let alarms = members.filter_map(|member| work.alarm(member.inverter, &member.alarm.to_string()));
        let last = alarms.filter(|alarm| !alarm.note.is_empty()).max_by_key(|alarm| alarm.acknowledged_at);
        Self {
            name: account.map_or_else(|| "Somebody".to_owned(), web::mail::alarms::called),
            note: last.map(|alarm| alarm.note.clone()).unwrap_or_default(),
        }
    }
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

    /// Tells one person of a message, if anything of it is theirs to know. Whether they are told now.
    pub fn one(&mut self, work: &mut Work, numbered: &Numbered, person: &Person) -> bool {
        let Some(seen) = numbered.message.seen(|key| person.sees(key)) else { return false };
        let preferences = person.preferences(seen.members.iter().map(|member| member.inverter));
        let over = matches!(seen.kind, MessageKind::Over(_));
        if over && !preferences.over {
            return false;
        }
        let local = web::Local::new(zone(work, &seen), self.now);
        let minute = |at: UtcMs| local.minute_of_day(at);
        let plan = plan(&preferences, person.verified(), seen.severity, self.now, &minute);
        // In the morning somebody else has been asked, and may have taken it.
        if matches!((seen.kind, plan), (MessageKind::Escalation { .. }, Plan::Held { .. })) {
            return false;
        }
        let Some(due_at) = self.queue(work, (numbered, &seen), person, (plan, None)) else { return false };
        if let Some(due_at) = preferences.remind_at(due_at).filter(|_| !over) {
            let account = person.told.account.key;
            work.reminders.push(Reminder { incident: numbered.incident, account, due_at });
        }
        due_at <= self.now
    }

    /// Tells one person who has taken it, by the ways by which they were told of it.
    pub fn word(
        &mut self,
        work: &mut Work,
        numbered: &Numbered,
        person: &Person,
        (told_by, taker): (Channels, &Taker),
    ) {
        let Some(seen) = numbered.message.seen(|key| person.sees(key)) else { return };
        let preferences = person.preferences(seen.members.iter().map(|member| member.inverter));
        let local = web::Local::new(zone(work, &seen), self.now);
        let minute = |at: UtcMs| local.minute_of_day(at);
        let plan = plan_word(&preferences, told_by, person.verified(), self.now, &minute);
        self.queue(work, (numbered, &seen), person, (plan, Some(taker)));
    }

    /// Writes what goes out, and says when.
    fn queue(
        &mut self,
        work: &mut Work,
        (numbered, seen): (&Numbered, &Message),
        person: &Person,
        (plan, taker): (Plan, Option<&Taker>),
    ) -> Option<UtcMs> {
        let (by, due_at) = match plan {
            Plan::Now(by) => (by, self.now),
            Plan::Held { until, by } => (by, until),
            // Without a channel of its own it is in the inbox, which keeps it.
            Plan::Not => return None,
        };
        let words = self.words(work, seen, taker)?;
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
        work.messages.extend(person.ways(by).into_iter().map(message));
        Some(due_at)
    }

    fn words(&mut self, work: &Work, seen: &Message, taker: Option<&Taker>) -> Option<Words> {
        if let Some((_, words)) = self.last.as_ref().filter(|(last, _)| last == seen) {
            return Some(words.clone());
        }
        let notice = notice(self.announcer, work, seen, self.now)?;
        let notice = match taker {
            Some(Taker { name, note }) => notice.taken_by(name, note),
            None => notice,
        };
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

//! Who is told next while nobody takes it, and that somebody has.
//!
//! In: incidents that one transaction works on, the ladders of their places, what the pipeline shows. Out: messages to the steps
//! whose time has come and to those who were told before. What comes in turns only begins or ends a climb; time moves it.
//! Decides nothing: `fleet::notice` does.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use fleet::AccountKey;
use fleet::condition::Severity;
use fleet::notice::{Channels, Fate, Ground, Hush, Ladder, Member, Message, MessageKind};
use store::state::{Announcing, IncidentKey, Place, SentTo, StateError};
use web::Live;
use web::mail::alarms::TAKEN;
use wire::UtcMs;

use super::people::People;
use super::tell::{self, Taker, Telling};
use super::work::{Numbered, Work};
use super::{Announcer, hands};

/// Why incidents are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// An alarm took a turn: what is shown may be older than that.
    Turned,
    /// Their time has come.
    Due,
}

/// Looks at `keys`, and tells whoever is to be told.
pub async fn all(
    announcer: &Announcer,
    change: &Announcing,
    work: &mut Work,
    keys: &BTreeSet<IncidentKey>,
    (when, now): (When, UtcMs),
) -> Result<(), StateError> {
    let mut escalation = Escalation::read(announcer, change, work, keys, now).await?;
    for key in escalation.keys.clone() {
        let waiting = escalation.waiting(work, key, when);
        let climbs = work.incident(key).is_some_and(|row| row.incident.climbing().is_some());
        if when == When::Due || waiting.is_empty() || !climbs {
            escalation.climb(work, key, &waiting).await?;
        }
        escalation.take(work, key, !waiting.is_empty()).await?;
    }
    Ok(())
}

struct Escalation<'a> {
    announcer: &'a Announcer,
    change: &'a Announcing,
    now: UtcMs,
    /// Incidents that are looked at.
    keys: Vec<IncidentKey>,
    ladders: HashMap<Place, Ladder>,
    sent: Vec<SentTo>,
    /// Whom any of it concerns: read when somebody is to be told.
    people: Option<People>,
    telling: Telling<'a>,
}

impl<'a> Escalation<'a> {
    async fn read(
        announcer: &'a Announcer,
        change: &'a Announcing,
        work: &mut Work,
        keys: &BTreeSet<IncidentKey>,
        now: UtcMs,
    ) -> Result<Self, StateError> {
        let rows = keys.iter().filter_map(|key| work.incident(*key)).filter(|row| row.incident.escalates());
        let places: BTreeMap<IncidentKey, Place> = rows.map(|row| (row.key, row.place)).collect();
        let all: BTreeSet<Place> = places.values().copied().collect();
        let ladders = if all.is_empty() {
            HashMap::new()
        } else {
            change.ladders(&all.into_iter().collect::<Vec<_>>(), now).await?
        };
        // Most places have no ladder, and most incidents nobody who has taken them.
        let keys: Vec<IncidentKey> = places
            .into_iter()
            .filter(|(key, place)| {
                let under_way = work.incident(*key).is_some_and(|row| row.incident.escalation_is_under_way());
                under_way || ladders.contains_key(place)
            })
            .map(|(key, _)| key)
            .collect();
        let sent = if keys.is_empty() {
            Vec::new()
        } else {
            work.read_for(change, &[], &keys).await?;
            change.sent_about(&keys).await?
        };
        let telling = Telling::new(announcer, now);
        Ok(Self { announcer, change, now, keys, ladders, sent, people: None, telling })
    }

    /// What is critical of an incident and in nobody's hands.
    fn waiting(&self, work: &Work, key: IncidentKey, when: When) -> Vec<Member> {
        let Some(row) = work.incident(key) else { return Vec::new() };
        let live = (when == When::Due).then_some(self.announcer);
        let waits = |member: &&Member| !hands::taken(work, live, member, self.now);
        row.incident.critical().filter(waits).cloned().collect()
    }

    async fn climb(
        &mut self,
        work: &mut Work,
        key: IncidentKey,
        waiting: &[Member],
    ) -> Result<(), StateError> {
        let Some(row) = work.incident(key) else { return Ok(()) };
        let none = Ladder::default();
        let ladder = self.ladders.get(&row.place).unwrap_or(&none).clone();
        let failed = row.incident.climbing().and_then(|climb| climb.reached()).is_some_and(|(step, at)| {
            let last = self.sent.iter().filter(|sent| {
                sent.incident == key
                    && sent.receipt.queued_at >= at
                    && sent.receipt.kind != TAKEN
                    && ladder.people(step).contains(&sent.account)
            });
            let mut fates = last.map(|sent| sent.receipt.fate()).peekable();
            fates.peek().is_some() && fates.all(|fate| fate == Fate::Failed)
        });
        if failed {
            work.incident_mut(key).into_iter().for_each(|incident| incident.nobody_reached());
        }
        let hush = Hush::common(waiting.iter().map(|member| self.windows(member)));
        let ground = Ground {
            ladder: &ladder,
            hush: &hush,
            waits: !waiting.is_empty(),
            watched: self.announcer.watched(),
        };
        while let Some(step) = work.incident_mut(key).and_then(|incident| incident.climb(&ground, self.now)) {
            if !self.step(work, key, waiting, ladder.people(step)).await? {
                work.incident_mut(key).into_iter().for_each(|incident| incident.nobody_reached());
            }
        }
        Ok(())
    }

    /// Tells the people of a step. Whether anybody is told now: one to whom this very transaction writes is not written to twice.
    async fn step(
        &mut self,
        work: &mut Work,
        key: IncidentKey,
        waiting: &[Member],
        step: &[AccountKey],
    ) -> Result<bool, StateError> {
        let now = self.now;
        let written = work.messages.iter().filter(|message| message.incident == key);
        let mut anybody =
            written.clone().any(|message| message.due_at <= now && step.contains(&message.account));
        let just: BTreeSet<AccountKey> = written.map(|message| message.account).collect();
        if step.iter().all(|account| just.contains(account)) {
            return Ok(anybody);
        }
        let told = waiting.iter().filter(|member| !self.windows(member).holds(now)).cloned().collect();
        let message = work.incident(key).and_then(|row| row.incident.escalated(told));
        let Some(numbered) = message.and_then(|message| work.number(key, message)) else {
            return Ok(anybody);
        };
        self.learn(work, &numbered).await?;
        let inverters = numbered.message.members.iter().map(|member| member.inverter);
        for person in self.people.iter().flat_map(|people| people.at(inverters.clone())) {
            let account = person.told.account.key;
            if step.contains(&account) && !just.contains(&account) {
                anybody |= self.telling.one(work, &numbered, person);
            }
        }
        Ok(anybody)
    }

    /// Tells those who were told of it that somebody has taken it.
    async fn take(&mut self, work: &mut Work, key: IncidentKey, waits: bool) -> Result<(), StateError> {
        let now = self.now;
        let takers = work.incident_mut(key).map(|incident| incident.takers(waits, now)).unwrap_or_default();
        for by in takers {
            let Some(numbered) = taken(work, key, by) else { continue };
            self.learn(work, &numbered).await?;
            let told = self.told_by(work, key);
            let inverters = numbered.message.members.iter().map(|member| member.inverter);
            let Some(people) = &self.people else { continue };
            let taker = people.at(inverters.clone()).find(|person| person.told.account.key == by);
            let taker = Taker::new(work, &numbered, taker.map(|person| &person.told.account));
            for person in people.at(inverters) {
                let account = person.told.account.key;
                if let Some(told_by) = told.get(&account).filter(|_| account != by) {
                    self.telling.word(work, &numbered, person, (*told_by, &taker));
                }
            }
        }
        Ok(())
    }

    /// Who was told of an incident, or will be, and by which ways.
    fn told_by(&self, work: &Work, key: IncidentKey) -> BTreeMap<AccountKey, Channels> {
        let mut told = BTreeMap::<AccountKey, Channels>::new();
        let before = self.sent.iter().filter(|sent| {
            sent.incident == key && sent.receipt.kind != TAKEN && sent.receipt.fate() != Fate::Failed
        });
        let before = before.map(|sent| (sent.account, sent.receipt.channel));
        let just = work.messages.iter().filter(|message| message.incident == key && message.kind != TAKEN);
        for (account, channel) in before.chain(just.map(|message| (message.account, message.channel))) {
            let by = told.entry(account).or_default();
            *by = by.and(channel);
        }
        told
    }

    /// Reads whom it concerns, of all that is looked at at once.
    async fn learn(&mut self, work: &mut Work, numbered: &Numbered) -> Result<(), StateError> {
        if self.people.is_none() {
            let rows = self.keys.iter().filter_map(|key| work.incident(*key));
            let inverters = rows.flat_map(|row| row.incident.critical()).map(|member| member.inverter);
            let inverters: BTreeSet<_> = inverters.collect();
            let all = (inverters, BTreeSet::from([numbered.incident]));
            self.people = Some(tell::read_of(self.change, work, all, self.now).await?);
        }
        Ok(())
    }

    /// The maintenance windows that keep a member quiet.
    fn windows(&self, member: &Member) -> Hush {
        let state = self.announcer.live.state(member.inverter);
        state.map(|state| Hush::of_critical(&state.rules)).unwrap_or_default()
    }
}

/// What somebody has taken.
fn taken(work: &mut Work, key: IncidentKey, by: AccountKey) -> Option<Numbered> {
    let row = work.incident(key)?;
    let theirs = |member: &&Member| {
        let alarm = work.alarm(member.inverter, &member.alarm.to_string());
        alarm.is_some_and(|alarm| alarm.acknowledged_by == Some(by))
    };
    let members: Vec<Member> = row.incident.critical().filter(theirs).cloned().collect();
    let message = Message {
        kind: MessageKind::Taken { by },
        severity: Severity::Critical,
        members,
        earlier: Vec::new(),
    };
    if message.members.is_empty() { None } else { work.number(key, message) }
}

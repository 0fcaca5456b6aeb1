//! `GET /alarms/{id}`: one alarm: what, since, what to do about it, who has seen it, who was told and how that went.
//!
//! In: somebody who may see its inverter. Out: the page, with a button for who may acknowledge. Opening it changes nothing.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use fleet::alarm::Open;
use fleet::{Action, Condition, InverterKey, RecordKind, Role};
use store::state::{Alarm, Person, RecordRow, VisibleInverter, Who};
use wire::UtcMs;

use super::super::html;
use super::super::notice::After;
use super::super::people::list::called;
use super::super::shell::Shell;
use super::shelve::LENGTHS;
use crate::caller::Caller;
use crate::names::Names;
use crate::view::advice::ON_BATTERY_STEPS;
use crate::view::alarms::{Line, id as id_of, span};
use crate::view::escalation;
use crate::view::fleet::Known;
use crate::view::maintenance;
use crate::view::story::{self, Entry};
use crate::{Context, Error, access};

/// Alarms of one inverter that are looked through for one: no inverter keeps more for thirty days.
const MOST_ALARMS: u64 = 10_000;
/// Events of one inverter that are looked through for an alarm's.
const MOST_EVENTS: u64 = 2_000;
/// The alarm that utility power is lost, and the load going over to the battery, are this near to each other, milliseconds.
const SAME_MS: i64 = 60_000;
/// Records that are looked through for the loss.
const MOST_RECORDS: u64 = 20;

#[derive(Template)]
#[template(path = "alarm.html")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    told: Told,
    now: UtcMs,
    lengths: &'static [(i64, &'static str)],
}

/// One alarm as its page tells it. Nothing of it changes by time alone but its age, which the page counts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub line: Line,
    /// It is over.
    pub over: bool,
    pub steps: &'static [(&'static str, &'static str)],
    pub story: Vec<Entry>,
    /// Who is told next while nobody acknowledges, or empty.
    pub next: String,
    /// Where the power loss that it was about is told of, or empty.
    pub outage: String,
    /// Who can acknowledge it, for a reader who cannot.
    pub others: String,
}

/// `GET /alarms/{id}`
pub async fn show(
    State(context): State<Context>,
    caller: Caller,
    Path(id): Path<String>,
    Query(after): Query<After>,
) -> Result<Html<String>, Error> {
    let row = inverter(&context, &caller, &id).await?;
    let told = Told::read(&context, row, &id).await?;
    let now = context.now();
    html(&Page {
        shell: Shell::new(&caller, now, Some(format!("/live/alarms/{id}")), "/alarms/alarm"),
        said: after.said(),
        told,
        now,
        lengths: &LENGTHS,
    })
}

/// The inverter of an alarm's address, if the caller may see it.
pub(crate) async fn inverter(context: &Context, caller: &Caller, id: &str) -> Result<VisibleInverter, Error> {
    let (inverter, _) = id.rsplit_once('.').ok_or(Error::NotFound)?;
    access::inverter(context, caller, inverter, Action::View).await
}

impl Told {
    /// Reads all that is known of the alarm that `id` names.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Internal`].
    pub(crate) async fn read(context: &Context, row: VisibleInverter, id: &str) -> Result<Self, Error> {
        let failed = |error| Error::internal("read an alarm", error);
        let (now, key) = (context.now(), row.inverter.key);
        let mut known = Known::new(context, row, now);
        let mut names = Names::default();
        maintenance::name(context, std::slice::from_mut(&mut known), &mut names).await?;
        let public_id = known.row.inverter.public_id.clone();
        let alarms =
            context.state().alarms(&[key], UtcMs(0), now.plus_ms(1), MOST_ALARMS).await.map_err(failed)?;
        let alarm = alarms.into_iter().find(|alarm| id_of(&public_id, &alarm.name) == id);
        let open = known.state.open_alarms().find(|open| id_of(&public_id, &open.name.to_string()) == id);
        let (name, subject, since) = match (&open, &alarm) {
            (Some(open), _) => (open.name.to_string(), open.name.key.clone(), open.name.since),
            (None, Some(alarm)) => (alarm.name.clone(), alarm.key.clone(), alarm.since),
            (None, None) => return Err(Error::NotFound),
        };
        let events = context.state().events(key, since.plus_ms(-1), now.plus_ms(1), MOST_EVENTS).await;
        let turns = story::turns(&events.map_err(failed)?, &name, &subject);
        let receipts = match alarm.as_ref().and_then(|alarm| alarm.incident) {
            Some(incident) => context.state().receipts_of(incident).await.map_err(failed)?,
            None => Vec::new(),
        };
        let seen = open.as_ref().and_then(|open| open.acknowledged.as_ref()).map(|seen| seen.by);
        let mentioned = turns.iter().filter_map(|(_, turn)| story::actor(turn));
        let mentioned = mentioned.chain(receipts.iter().filter_map(|(to, _)| *to)).chain(seen);
        let mentioned = mentioned.chain(alarm.as_ref().and_then(|alarm| alarm.acknowledged_by)).collect();
        names.learn(context, mentioned).await?;
        let local = known.local(now);
        let mut entries: Vec<Entry> =
            turns.iter().map(|(at, turn)| story::turned(*at, turn, &names, &local)).collect();
        entries.extend(
            receipts.iter().map(|(to, receipt)| story::message(to.map(|to| names.of(to)), receipt, &local)),
        );
        entries.sort_by_key(|entry| entry.at);
        let line = line(&known, open.as_ref(), alarm.as_ref(), &names, now).ok_or(Error::NotFound)?;
        let waits = line.seen.is_none() && open.is_some();
        let others = if known.row.role == Role::ReadOnly && waits {
            let people = context.state().people_on(key, now).await.map_err(failed)?;
            managers(&people)
        } else {
            String::new()
        };
        let next = match alarm.as_ref().and_then(|alarm| alarm.incident).filter(|_| waits) {
            Some(incident) => escalation::next(context, incident, &local).await?,
            None => String::new(),
        };
        let on_battery = subject.condition == Condition::UTILITY_LOST && open.is_some();
        let steps: &'static [(&'static str, &'static str)] = if on_battery { &ON_BATTERY_STEPS } else { &[] };
        let outage = if subject.condition == Condition::UTILITY_LOST && open.is_none() {
            outage(context, key, &public_id, since).await?
        } else {
            String::new()
        };
        Ok(Self { line, over: open.is_none(), steps, story: entries, next, outage, others })
    }
}

/// The address of the power loss in which an alarm was raised at `since`, or empty.
async fn outage(context: &Context, key: InverterKey, public_id: &str, since: UtcMs) -> Result<String, Error> {
    let (from, to) = (since.plus_ms(-SAME_MS), since.plus_ms(SAME_MS));
    let records = context.state().records(&[key], from, to, MOST_RECORDS).await;
    let records = records.map_err(|error| Error::internal("look for a power loss", error))?;
    let found = records.iter().find(|row| row.record.kind() == RecordKind::Outage);
    let address = |row: &RecordRow| format!("/inverters/{public_id}/outages/{}", row.record.started().0);
    Ok(found.map(address).unwrap_or_default())
}

/// What is true now stands above what was written down.
fn line(
    known: &Known,
    open: Option<&Open>,
    alarm: Option<&Alarm>,
    names: &Names,
    now: UtcMs,
) -> Option<Line> {
    match (open, alarm) {
        (Some(open), _) => Some(Line::open(known, open, names, now)),
        (None, Some(alarm)) => {
            let mut line = Line::past(known, alarm, names, now);
            line.when = span(alarm, &known.local(now));
            Some(line)
        }
        (None, None) => None,
    }
}

/// `Dana Okafor and Luis Prieto`.
fn managers(people: &[Person]) -> String {
    let manages = people.iter().filter(|person| person.grant.role == Role::ReadWrite);
    let names: Vec<String> = manages
        .map(|person| match &person.who {
            Who::Account(account) => called(account),
            Who::Organization(organization, _) => organization.name.clone(),
        })
        .collect();
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

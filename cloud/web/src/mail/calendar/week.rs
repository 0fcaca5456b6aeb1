//! What happened in the week: silences, alarms with who took them, messages, the service's own absence.
//!
//! In: rows that are kept. Out: parts of the letter. Says what it rests on, and what it cannot know.

use fleet::alarm::Rules;
use fleet::condition::Severity;
use fleet::notice::{Channel, Fate};
use fleet::{Condition, InverterKey};
use store::state::Alarm;
use wire::UtcMs;

use super::{MOST_ALARMS, Part, Week};
use crate::pages::people::list::called;
use crate::view::limits::alarm_title;
use crate::view::words::{self, NB};

/// What says that nothing was heard.
const SILENCES: [Condition; 2] = [Condition::GATEWAY_OFFLINE, Condition::SERIAL_SILENT];

/// Each channel as the letter calls it.
const CHANNELS: [(Channel, &str); 4] = [
    (Channel::Email, "By e-mail"),
    (Channel::Text, "By text"),
    (Channel::Push, "By push message"),
    (Channel::Webhook, "By webhook"),
];

/// How long an inverter was not heard in the week.
pub fn silence(week: &Week<'_>, inverter: InverterKey) -> String {
    let now = week.local.now();
    let clipped = |alarm: &Alarm| {
        let ended = alarm.cleared.map_or(now, |(ended, _)| ended);
        (alarm.since.max(week.since), ended.min(now))
    };
    let is = |alarm: &&Alarm| alarm.inverter == inverter && SILENCES.contains(&alarm.key.condition);
    let mut stretches: Vec<(UtcMs, UtcMs)> =
        week.alarms.iter().filter(is).map(clipped).filter(|(from, to)| from < to).collect();
    stretches.sort_unstable();
    let (mut count, mut silent_ms, mut until) = (0_u64, 0_i64, week.since);
    for (from, to) in stretches {
        // The line may be silent first, and then the gateway, too: that is one silence.
        count += u64::from(count == 0 || from > until);
        silent_ms = silent_ms.saturating_add(to.since(from.max(until)).max(0));
        until = until.max(to);
    }
    match count {
        0 => "No silence noted.".to_owned(),
        _ => format!(
            "Silent {} in the week, {} in all.",
            words::counted(count, "time"),
            words::length(silent_ms)
        ),
    }
}

/// Alarms of the week, with who took them.
pub fn alarms(week: &Week<'_>) -> Vec<Part> {
    let heading = Part::Heading("Alarms of the week");
    let mut lines: Vec<_> = listed(week.alarms).filter_map(|alarm| line(week, alarm)).collect();
    let told = week.alarms.iter().filter(|alarm| matters(alarm)).count();
    let (more, news) = (told.saturating_sub(MOST_ALARMS), week.alarms.len().saturating_sub(told));
    if week.more_alarms {
        lines.push(("and more".to_owned(), "Too many to count here: see the alarms page.".to_owned()));
    } else if more > 0 {
        lines.push((format!("and {} more", words::count(more as u64)), "See the alarms page.".to_owned()));
    }
    let beside = match news {
        0 => String::new(),
        news => format!(" {} for information.", words::counted(news as u64, "more alarm")),
    };
    if lines.is_empty() {
        return vec![heading, Part::Says(format!("None.{beside}"))];
    }
    let note = (!beside.is_empty()).then(|| Part::Note(beside.trim().to_owned()));
    [heading, Part::Entries(lines)].into_iter().chain(note).collect()
}

/// The alarms that the letter lists one by one.
pub fn listed(alarms: &[Alarm]) -> impl Iterator<Item = &Alarm> {
    alarms.iter().filter(|alarm| matters(alarm)).take(MOST_ALARMS)
}

fn matters(alarm: &Alarm) -> bool {
    alarm.severity > Severity::Info
}

fn line(week: &Week<'_>, alarm: &Alarm) -> Option<(String, String)> {
    let watched = week.inverters.iter().find(|one| one.row.inverter.key == alarm.inverter)?;
    let none = Rules::default();
    let title = alarm_title(&alarm.key, watched.rules(&none));
    let lasted = match alarm.cleared {
        Some((ended, _)) => format!("lasted {}", words::length(ended.since(alarm.since))),
        None => "still on".to_owned(),
    };
    let taken = match (alarm.acknowledged_at, alarm.acknowledged_by) {
        (None, _) if alarm.quiet => "nobody was told: shelf or maintenance".to_owned(),
        (None, _) => "not acknowledged".to_owned(),
        (Some(_), by) => {
            let account = week.accounts.iter().find(|account| Some(account.key) == by);
            let who = account.map_or_else(|| "somebody who has left".to_owned(), called);
            format!("acknowledged by {who}")
        }
    };
    let since = week.local.day_and_time(alarm.since);
    Some((format!("{}: {title}", watched.name()), format!("{since}, {lasted}, {taken}.")))
}

/// What became of messages to the reader.
pub fn messages(week: &Week<'_>) -> Vec<Part> {
    let heading = Part::Heading("Messages to you about alarms");
    let by = |channel: Channel| {
        let of = week.reached.iter().filter(move |one| one.channel == channel && one.count > 0);
        of.map(|one| format!("{} {}", words::count(one.count), one.fate.name()))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let facts: Vec<_> = CHANNELS
        .iter()
        .map(|(by_way, words)| (*words, by(*by_way)))
        .filter(|(_, told)| !told.is_empty())
        .collect();
    if facts.is_empty() {
        return vec![heading, Part::Says("None: nothing happened that you asked to be told of.".to_owned())];
    }
    let failed: u64 = week.reached.iter().filter(|one| one.fate == Fate::Failed).map(|one| one.count).sum();
    let mut note =
        "Accepted: the mail server or provider took it; nobody says whether it was read.".to_owned();
    if failed > 0 {
        note.push_str(" Something failed: send a test by that way under Notifications.");
    }
    vec![heading, Part::Facts(facts), Part::Note(note)]
}

/// Whether the service itself was there, and what is not known.
pub fn watching(week: &Week<'_>) -> Vec<Part> {
    let now = week.local.now();
    let away: Vec<_> = week
        .absences
        .iter()
        .map(|(from, to)| ((*from).max(week.since), (*to).min(now)))
        .filter(|(from, to)| from < to)
        .collect();
    let says = if away.is_empty() {
        "This service noted no stop of its own in the week.".to_owned()
    } else {
        let told = |(from, to): &(UtcMs, UtcMs)| {
            format!("{} for {}", week.local.day_and_time(*from), words::length(to.since(*from)))
        };
        format!(
            "This service itself was away: {}. Nothing was watched then; what gateways kept arrived afterwards.",
            away.iter().map(told).collect::<Vec<_>>().join("; ")
        )
    };
    let note = format!(
        "A silence is noted from 15{NB}min on, where the gateway speaks and hears nothing from one minute on; a stop of \
         this service from one minute on. Times are those of {}.",
        week.local.zone_id()
    );
    vec![Part::Heading("How it was watched"), Part::Says(says), Part::Note(note)]
}

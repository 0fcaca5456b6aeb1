//! Letters about alarms, and the same in 160 characters and as a payload for programs.
//!
//! In: a [`Notice`]: what one person is told of one incident, with what is known of the inverters now. Out: a [`Letter`]
//! (began, more, worse, over with its length, not acknowledged, escalated, taken), [`text`], [`payload`]. The state's word comes first, then
//! where, what, since when, what to do. Links lead to pages; opening one never acknowledges. Asks no clock.

mod payload;
mod runtime;
mod text;
mod words;

use std::sync::Arc;

use fleet::notice::{Member, MessageKind};
use fleet::{InverterState, Screen, screen};
use store::state::{Inverter, Site};
use wire::{Quantity, UtcMs};

use super::{Draft, Letter, Part};
use crate::Error;
use crate::view::advice::advice;
use crate::view::bar::minutes_left;
use crate::view::hero::lower_first;
use crate::view::words::{self as numbers, Local, NB};

pub use crate::pages::people::list::called;
pub use payload::payload;
pub use runtime::Runtime;
pub use text::text;
use words::{Head, head, over, what};

/// The kind of the letter that says who has taken it.
pub const TAKEN: &str = "alarm_taken";
/// Alarms that one letter lists; the rest are counted.
const MOST_LISTED: usize = 20;
/// A value older than this is not told as what is now, milliseconds.
const FRESH_MS: i64 = 15 * 60_000;

/// What one person is told of one incident.
#[derive(Clone, Debug)]
pub struct Notice<'a> {
    origin: &'a str,
    kind: MessageKind,
    now: UtcMs,
    /// The most urgent first; never empty.
    lead: One<'a>,
    others: Vec<One<'a>>,
    /// Who has taken it, and what that person wrote.
    taker: (&'a str, &'a str),
}

/// One alarm of it.
#[derive(Clone, Debug)]
pub struct One<'a> {
    /// The alarm.
    pub member: &'a Member,
    /// Names it in addresses.
    pub code: &'a str,
    /// When its condition was gone, if it is.
    pub ended: Option<UtcMs>,
    /// Of which inverter.
    pub inverter: &'a Inverter,
    /// Where that stands.
    pub site: Option<&'a Site>,
    /// What is known of it now.
    pub state: Option<Arc<InverterState>>,
}

impl<'a> Notice<'a> {
    /// Of these alarms; `None` where there is none.
    #[must_use]
    pub fn new(origin: &'a str, kind: MessageKind, now: UtcMs, mut alarms: Vec<One<'a>>) -> Option<Self> {
        alarms.sort_by_key(|one| {
            let shown = one.member.alarm.key.condition.definition().screen;
            (std::cmp::Reverse(one.member.severity), shown, one.member.alarm.since, one.inverter.key)
        });
        let mut alarms = alarms.into_iter();
        let lead = alarms.next()?;
        Some(Self { origin, kind, now, lead, others: alarms.collect(), taker: ("Somebody", "") })
    }

    /// The same, of what somebody has taken, with what that person wrote.
    #[must_use]
    pub fn taken_by(self, name: &'a str, note: &'a str) -> Self {
        Self { taker: (name, note), ..self }
    }

    /// Which letter, for receipts.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.kind {
            MessageKind::First => "alarm_raised",
            MessageKind::FollowUp => "alarm_more",
            MessageKind::Worse => "alarm_worse",
            MessageKind::Over(_) => "alarm_over",
            MessageKind::Reminder => "alarm_reminder",
            MessageKind::Escalation { .. } => "alarm_escalation",
            MessageKind::Taken { .. } => TAKEN,
        }
    }

    fn all(&self) -> impl Iterator<Item = &One<'a>> {
        std::iter::once(&self.lead).chain(&self.others)
    }

    fn is_over(&self) -> bool {
        matches!(self.kind, MessageKind::Over(_))
    }

    fn is_taken(&self) -> bool {
        matches!(self.kind, MessageKind::Taken { .. })
    }

    /// What follows the condition: that nobody answers.
    fn still(&self) -> &'static str {
        match self.kind {
            MessageKind::Reminder => ", not acknowledged",
            MessageKind::Escalation { .. } => ", nobody has taken it",
            _ => "",
        }
    }

    /// How many inverters it is about.
    fn inverters(&self) -> usize {
        let mut keys: Vec<_> = self.all().map(|one| one.inverter.key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.len()
    }

    fn head(&self) -> Head {
        match self.kind {
            MessageKind::Over(_) => Head::OK,
            MessageKind::Taken { .. } => Head { word: "TAKEN", ..head(self.lead.member) },
            _ => head(self.lead.member),
        }
    }

    /// `Hall B`, `12 inverters`.
    fn who(&self) -> String {
        match self.inverters() {
            1 => self.lead.name().to_owned(),
            count => format!("{}{NB}inverters", numbers::count(count as u64)),
        }
    }

    /// `charger fault`; of several kinds the most urgent, with how many more.
    fn what(&self) -> String {
        let lead = &self.lead.member.alarm.key;
        let mut kinds: Vec<_> = self.all().map(|one| &one.member.alarm.key).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let first = if self.is_over() { over(lead) } else { what(self.lead.member) };
        match kinds.len() {
            1 => first,
            count => format!("{first} and {} more", count.saturating_sub(1)),
        }
    }

    /// The page that it leads to.
    fn address(&self) -> String {
        if self.inverters() == 1 {
            format!("{}/a/{}", self.origin, self.lead.code)
        } else {
            format!("{}/alarms", self.origin)
        }
    }

    fn local(&self) -> Local {
        self.lead.local(self.now)
    }
}

impl One<'_> {
    fn name(&self) -> &str {
        let Inverter { name, serial, .. } = self.inverter;
        if name.is_empty() { serial.as_str() } else { name }
    }

    fn site_name(&self) -> Option<&str> {
        self.site.map(|site| site.name.as_str()).filter(|name| !name.is_empty())
    }

    fn local(&self, now: UtcMs) -> Local {
        Local::new(self.site.map_or("UTC", |site| &site.time_zone), now)
    }

    fn since(&self) -> UtcMs {
        self.member.alarm.since
    }

    fn screen(&self, now: UtcMs) -> Option<Screen> {
        let state = self.state.as_ref().filter(|state| state.has_reported())?;
        Some(screen(state, state.rules.required_minutes(), now))
    }
}

/// The letter.
///
/// # Errors
/// [`Error::Internal`]: a template failed.
pub fn letter(notice: &Notice<'_>) -> Result<Letter, Error> {
    let (lead, local, one) = (&notice.lead, notice.local(), notice.inverters() == 1);
    let (who, what, head) = (notice.who(), notice.what(), notice.head());
    let at = lead.site_name().map(|site| format!(" ({site})")).unwrap_or_default();
    let lasts = lasts(notice, &local);
    let still = notice.still();
    let mut parts = vec![Part::Says(says(notice, &lasts))];
    if one {
        parts.extend(
            lead.screen(notice.now).and_then(|screen| Runtime::new(&screen, notice.now)).map(Part::Runtime),
        );
    }
    if !notice.others.is_empty() {
        parts.push(Part::List(list(notice)));
    }
    let advice = advice(lead.member.alarm.key.condition);
    if !notice.is_over() && !notice.is_taken() && !advice.is_empty() {
        parts.push(Part::Advice(advice.to_owned()));
    }
    let open = if one { format!("Open {who}") } else { "Open the alarms".to_owned() };
    let second = (!notice.is_over() && !notice.is_taken()).then(|| ("Acknowledge", acknowledge(notice)));
    parts.push(Part::Choose { open: (open, notice.address()), second });
    if one {
        parts.push(Part::Facts(facts(lead, notice.now)));
    }
    parts.push(Part::Note(note(notice).to_owned()));
    let place = lead.site_name().map(|site| format!("{site} · ")).unwrap_or_default();
    Draft {
        kind: notice.kind(),
        subject: format!("{}: {who}, {what}{still}{at}", head.word),
        preview: says(notice, &lasts),
        tag: Some((head.state, head.word)),
        title: if notice.is_taken() {
            format!("{} has taken it: {who}, {what}", notice.taker.0)
        } else {
            format!("{who}: {what}{still}")
        },
        subtitle: format!("{place}{lasts}"),
        parts,
        why: match notice.kind {
            MessageKind::Escalation { .. } => {
                format!("You get this because you are next on the escalation ladder for {who}.")
            }
            MessageKind::Taken { .. } => format!("You get this because you were told of {who}."),
            _ => format!("You get this because alarms are on for {who}."),
        },
        settings: format!("{}/me/notifications", notice.origin),
    }
    .written()
}

/// `since 2:31 AM EST, Tue, Nov 17`; when it is over, from when to when.
fn lasts(notice: &Notice<'_>, local: &Local) -> String {
    match notice.kind {
        MessageKind::Over(_) => {
            let (began, ended) = notice.stretch();
            let length = numbers::length(ended.since(began));
            format!("over {} after {length}", local.whole(ended))
        }
        _ => format!("since {}", local.whole(notice.lead.since())),
    }
}

impl Notice<'_> {
    /// From when to when it lasted.
    fn stretch(&self) -> (UtcMs, UtcMs) {
        let began = self.all().map(One::since).min().unwrap_or(self.now);
        let ended = self.all().filter_map(|one| one.ended.or(one.member.cleared_at)).max();
        (began, ended.unwrap_or(self.now))
    }
}

/// The first sentences: what it means for the lights.
fn says(notice: &Notice<'_>, lasts: &str) -> String {
    let mut said = Vec::new();
    match notice.kind {
        MessageKind::FollowUp => said.push("More has failed at this place since we wrote.".to_owned()),
        MessageKind::Worse => said.push("It has become worse since we wrote.".to_owned()),
        MessageKind::Reminder => said.push("Nobody has acknowledged this yet.".to_owned()),
        MessageKind::Escalation { since } => said.push(format!(
            "Nobody has acknowledged this for {}. You are asked to take it.",
            numbers::length(notice.now.since(since))
        )),
        MessageKind::Taken { .. } => said.push(took(notice)),
        MessageKind::First | MessageKind::Over(_) => {}
    }
    if notice.inverters() == 1 {
        said.extend(notice.lead.screen(notice.now).map(|screen| holds(&screen, &notice.local())));
    } else {
        let mut all = lasts.chars();
        let first = all.next().map(|first| first.to_uppercase().chain(all).collect::<String>());
        said.push(format!("{}. All of them are listed below.", first.unwrap_or_default()));
    }
    if notice.all().any(|one| one.member.unstable) && !notice.is_over() {
        said.push("It comes and goes: we write again when it has been quiet for half an hour.".to_owned());
    }
    if said.is_empty() {
        said.push("This inverter has not reported yet.".to_owned());
    }
    said.join(" ")
}

/// `Dana Okafor has acknowledged it: “On my way”.`
fn took(notice: &Notice<'_>) -> String {
    match notice.taker {
        (name, "") => format!("{name} has acknowledged it."),
        (name, note) => format!("{name} has acknowledged it and wrote: “{note}”."),
    }
}

/// Whether the lights will last, as the screen says it.
fn holds(screen: &Screen, local: &Local) -> String {
    let (now, required) = (local.now(), screen.required_minutes);
    if screen.on_battery_since.is_some() {
        return match (minutes_left(screen, now), screen.holds_until) {
            (Some(left), Some(until)) => format!(
                "The battery feeds the lights: about {left}{NB}min of light, until about {}.",
                local.soon(until)
            ),
            _ => "The battery feeds the lights. This inverter does not say for how long.".to_owned(),
        };
    }
    let Some(minutes) = screen.would_hold_minutes else {
        return "How long the battery would hold is not known.".to_owned();
    };
    match screen.freshness {
        fleet::Freshness::Offline => {
            let last = screen.last_reading.map(|at| local.soon(at)).unwrap_or_default();
            format!(
                "When last heard, {last}, the battery would have held {minutes} of the required {required}{NB}min."
            )
        }
        _ => format!("The battery would hold {minutes} of the required {required}{NB}min now."),
    }
}

/// What it is about, line by line: where, what since when.
fn list(notice: &Notice<'_>) -> Vec<(String, String)> {
    let line = |one: &One<'_>| {
        let local = one.local(notice.now);
        let key = &one.member.alarm.key;
        let told = match (notice.is_over(), one.ended.or(one.member.cleared_at)) {
            (true, Some(ended)) => {
                format!("{}, {} long", key_words(key), numbers::length(ended.since(one.since())))
            }
            _ => format!("{}, since {}", key_words(key), local.soon(one.since())),
        };
        (one.name().to_owned(), told)
    };
    let mut lines: Vec<_> = notice.all().take(MOST_LISTED).map(line).collect();
    let more = (1 + notice.others.len()).saturating_sub(MOST_LISTED);
    if more > 0 {
        lines.push((
            format!("and {} more", numbers::count(more as u64)),
            "open the page to see all".to_owned(),
        ));
    }
    lines
}

fn key_words(key: &fleet::alarm::Key) -> String {
    lower_first(&words::title(key))
}

fn acknowledge(notice: &Notice<'_>) -> String {
    if notice.inverters() == 1 { format!("{}?do=acknowledge", notice.address()) } else { notice.address() }
}

/// Values of the newest reading that say something about an alarm, and which inverter it is.
fn facts(one: &One<'_>, now: UtcMs) -> Vec<(&'static str, String)> {
    let state = one.state.as_deref();
    let fresh = |quantity: Quantity, decimals: u8| {
        let (value, time) = state?.value(quantity)?;
        let unit = quantity.unit();
        (now.since(time) <= FRESH_MS)
            .then(|| format!("{}{NB}{unit}", numbers::number(quantity, value, decimals)))
    };
    let both = |first: Option<String>, second: Option<String>| match (first, second) {
        (Some(first), Some(second)) => Some(format!("{first}, {second}")),
        (first, second) => first.or(second),
    };
    let shown = [
        ("Utility power", fresh(Quantity::INPUT_VOLTAGE, 0)),
        ("Battery", both(fresh(Quantity::BATTERY_VOLTAGE, 1), fresh(Quantity::BATTERY_CHARGE, 0))),
        ("Battery current", fresh(Quantity::BATTERY_CURRENT, 1)),
        ("Load", both(fresh(Quantity::REALPOWER, 0), fresh(Quantity::LOAD, 0))),
    ];
    let mut facts: Vec<_> = shown.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let Inverter { model, serial, place, .. } = one.inverter;
    let model = if model.is_empty() { String::new() } else { format!("{model}, ") };
    if !place.is_empty() {
        facts.push(("Feeds", place.clone()));
    }
    facts.push(("Inverter", format!("{model}serial {serial}")));
    facts
}

const fn note(notice: &Notice<'_>) -> &'static str {
    match notice.kind {
        MessageKind::Over(_) => "Nothing is left of this. The alarms page keeps it for 30 days.",
        MessageKind::Taken { .. } => "Nobody else need answer. We write again when it is over.",
        _ => "We write again when it is over. Acknowledging changes nothing at the inverter.",
    }
}

#[cfg(test)]
mod tests;

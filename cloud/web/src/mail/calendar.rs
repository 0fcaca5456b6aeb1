//! Letters that come by the calendar, so that silence is evidence.
//!
//! In: everything that somebody may see and that is kept of a week: inverters with what is known of them, alarms, what became
//! of messages, when the service was away. Out: a [`Letter`]. The subject says it all. What is not known is never said to be
//! well, and an inverter that is not heard is not said to be watched. Asks no clock, reads nothing.

mod day;
mod month;
mod standing;
mod week;

use std::sync::Arc;

use fleet::InverterState;
use fleet::alarm::Rules;
use fleet::notice::{Channel, Channels, Preferences};
use store::state::{Account, Alarm, Reached, VisibleInverter};
use wire::UtcMs;

use super::{Draft, Letter, Part};
use crate::Error;
use crate::view::words::{self, Local};
pub use day::{Day, LateNews};
pub use month::{MOST_REPORTED, Month};
use standing::{Stand, Standing, Tally};
pub use week::listed;

/// Inverters that one letter lists; the rest are counted, and are those of which the least is to be said.
const MOST_INVERTERS: usize = 50;
/// Alarms that one letter lists.
const MOST_ALARMS: usize = 20;

/// What one person is told on a Monday.
#[derive(Clone, Debug)]
pub struct Week<'a> {
    /// Links lead there.
    pub origin: &'a str,
    /// From when on it tells.
    pub since: UtcMs,
    /// The reader's times: the zone, and now.
    pub local: &'a Local,
    /// All that the reader may see; never empty.
    pub inverters: &'a [Watched],
    /// Alarms of these that were on in that time, the newest first.
    pub alarms: &'a [Alarm],
    /// There were more than these.
    pub more_alarms: bool,
    /// Who has acknowledged them.
    pub accounts: &'a [Account],
    /// What became of messages to the reader.
    pub reached: &'a [Reached],
    /// When nobody watched.
    pub absences: &'a [(UtcMs, UtcMs)],
    /// Ways to the reader that were tried out.
    pub verified: Channels,
    /// What the reader wants to be told.
    pub preferences: &'a Preferences,
}

/// An inverter and what is known of it.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Its row, as the reader sees it.
    pub row: VisibleInverter,
    /// Its newest state; `None`: it never reported.
    pub state: Option<Arc<InverterState>>,
}

impl Watched {
    fn name(&self) -> &str {
        let inverter = &self.row.inverter;
        if inverter.name.is_empty() { inverter.serial.as_str() } else { &inverter.name }
    }

    /// What people set for it; of one without a state nothing.
    fn rules<'a>(&'a self, none: &'a Rules) -> &'a Rules {
        self.state.as_ref().map_or(none, |state| &state.rules)
    }
}

/// The letter of Mondays.
///
/// # Errors
/// [`Error::Internal`]: a template failed.
pub fn weekly(week: &Week<'_>) -> Result<Letter, Error> {
    let mut stands: Vec<Stand<'_>> = week.inverters.iter().map(|one| Stand::new(one, week.local)).collect();
    stands.sort_by_key(|stand| (stand.standing, stand.shown));
    let tally = Tally::of(&stands);
    let subject = tally.subject(&stands);
    let parts = [
        vec![Part::Says(
            "So that silence means something: each Monday this letter says what we watch for you, and how the last \
             seven days went."
                .to_owned(),
        )],
        inverters(week, &stands),
        for_you(week, &stands),
        week::alarms(week),
        week::messages(week),
        week::watching(week),
        absence(week),
    ];
    Draft {
        kind: "weekly",
        preview: preview(&stands),
        tag: Some(tally.tag(&stands)),
        title: subject.clone(),
        subject,
        subtitle: format!("{}, as of {}", week.span(), week.local.whole(week.local.now())),
        parts: parts.into_iter().flatten().collect(),
        why: "You get this because you may see these inverters, and the weekly letter is on.".to_owned(),
        settings: format!("{}/me/notifications", week.origin),
    }
    .written()
}

/// The letter of a day that brought something worth knowing; `None` where none of it is about what the reader may see.
///
/// # Errors
/// [`Error::Internal`]: a template failed.
pub fn daily(day: &Day<'_>) -> Result<Option<Letter>, Error> {
    let Some((told, parts)) = day.parts() else { return Ok(None) };
    let draft = Draft {
        kind: "daily",
        subject: format!("For information: {told}"),
        preview: "Nothing of it needs you at once.".to_owned(),
        title: format!("For information: {told}"),
        subtitle: format!("Since {}", day.local.whole(day.since)),
        parts,
        why: "You get this because the daily letter is on. It comes on days with something new only."
            .to_owned(),
        settings: format!("{}/me/notifications", day.origin),
        ..Draft::default()
    };
    draft.written().map(Some)
}

/// The letter of a month's tests; `None` where there is nothing to tell.
///
/// # Errors
/// [`Error::Internal`]: a template failed.
pub fn monthly(month: &Month<'_>) -> Result<Option<Letter>, Error> {
    let Some((told, parts)) = month.parts() else { return Ok(None) };
    let draft = Draft {
        kind: "monthly",
        subject: format!("Test record: {told}"),
        preview: "Keep this mail: it is your copy of the record.".to_owned(),
        title: format!("Test record: {told}"),
        subtitle: format!("{}, as of {}", month.report.period.words, month.local.whole(month.local.now())),
        parts,
        why: "You get this because you may see these inverters, and the monthly report is on.".to_owned(),
        settings: format!("{}/me/notifications", month.origin),
        ..Draft::default()
    };
    draft.written().map(Some)
}

impl Week<'_> {
    /// `Nov 16 to Nov 23`.
    fn span(&self) -> String {
        format!("{} to {}", self.local.day(self.since), self.local.day(self.local.now()))
    }
}

/// Beside the subject: what is worst.
fn preview(stands: &[Stand<'_>]) -> String {
    let worst = stands.first().filter(|stand| stand.standing <= Standing::Silent);
    worst.map_or_else(
        || "Nothing needs you now.".to_owned(),
        |worst| format!("{}: {}", worst.name, worst.words),
    )
}

fn inverters(week: &Week<'_>, stands: &[Stand<'_>]) -> Vec<Part> {
    let line = |stand: &Stand<'_>| {
        let mut words = stand.words.clone();
        // Of one that never spoke nobody can say since when it is silent.
        if stand.watched.state.as_ref().is_some_and(|state| state.has_reported()) {
            words.push(' ');
            words.push_str(&week::silence(week, stand.watched.row.inverter.key));
        }
        (stand.name.to_owned(), words)
    };
    let mut lines: Vec<_> = stands.iter().take(MOST_INVERTERS).map(line).collect();
    let rest = stands.get(MOST_INVERTERS..).unwrap_or_default();
    if !rest.is_empty() {
        let more = format!("and {} more", words::count(rest.len() as u64));
        lines.push((more, Tally::of(rest).words()));
    }
    let open = ("Open the fleet".to_owned(), format!("{}/fleet", week.origin));
    vec![Part::Heading("Inverters"), Part::Entries(lines), Part::Choose { open, second: None }]
}

/// What the reader can do something about.
fn for_you(week: &Week<'_>, stands: &[Stand<'_>]) -> Vec<Part> {
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut add = |what: &str, words: String| lines.push((what.to_owned(), words));
    let untaken = stands.iter().map(Stand::unacknowledged).sum::<usize>();
    if untaken > 0 {
        let words = format!(
            "Nobody has acknowledged {}. Who takes it says so on the alarms page, and the others know.",
            words::counted(untaken as u64, "open alarm")
        );
        add("Alarms that nobody has taken", words);
    }
    let maintained: Vec<_> = stands.iter().filter_map(|stand| stand.maintained(week.local)).collect();
    if !maintained.is_empty() {
        add("In maintenance", format!("Nobody is told of alarms of {}.", maintained.join(", ")));
    }
    if week.preferences.critical.within(week.verified).is_empty() {
        let words =
            "No way is ticked for critical alarms: you hear of none of them. Tick one under Notifications.";
        add("Critical alarms do not reach you", words.to_owned());
    } else if week.verified == Channels::of(&[Channel::Email]) {
        let words = "E-mail is the only way to you that was tried out. Add a telephone or a browser under \
                     Notifications: what fails or is late by e-mail then comes by that way.";
        add("No second way to you", words.to_owned());
    }
    if lines.is_empty() { Vec::new() } else { vec![Part::Heading("For you to do"), Part::Entries(lines)] }
}

/// What it means if the next one does not come.
fn absence(week: &Week<'_>) -> Vec<Part> {
    let next = week.local.day(week.local.now().plus_ms(7 * wire::time::DAY_MS));
    let says = format!(
        "If you have no such letter by the evening of {next}, treat it as an alarm: this service, or the mail to you, \
         does not work. Look into your spam folder, open {}/fleet, and walk to the inverters if that does not open \
         either. A letter stays out only if you switched it off or may see no inverter any more.",
        week.origin
    );
    vec![Part::Heading("If the next letter does not come"), Part::Says(says)]
}

#[cfg(test)]
mod tests;

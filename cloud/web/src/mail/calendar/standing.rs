//! How each inverter stands, and all of them together in one line.
//!
//! In: an inverter and what is known of it. Out: its standing with a sentence, the subject of the letter. Watched is what
//! reports now; ready is what reports and would hold as long as it must; what is neither is said to be what it is.

use fleet::screen::{DEFAULT_REQUIRED_MINUTES, screen};
use fleet::{Freshness, Ready, Screen, ScreenState};

use super::Watched;
use crate::view::bar::minutes_left;
use crate::view::hero::lower_first;
use crate::view::maintenance::Maintenance;
use crate::view::signals;
use crate::view::words::{self, Local, NB};

/// How an inverter stands, what needs somebody first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// On battery, in alarm, with a warning.
    Attention,
    /// Not heard of for a quarter of an hour, or never: what it does is not known.
    Silent,
    /// It reports, and whether it would do its job is not known, or it is testing or charging.
    Unsure,
    /// It reports, and would hold as long as it must.
    Ready,
}

/// One inverter.
#[derive(Clone, Debug)]
pub struct Stand<'a> {
    pub watched: &'a Watched,
    pub name: &'a str,
    pub standing: Standing,
    /// What its page shows.
    pub shown: ScreenState,
    /// It reports.
    pub heard: bool,
    /// All of it in some words.
    pub words: String,
}

/// Several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    all: usize,
    heard: usize,
    attention: usize,
    unsure: usize,
}

impl<'a> Stand<'a> {
    /// Of an inverter, now.
    pub fn new(watched: &'a Watched, local: &Local) -> Self {
        let known = watched.state.as_ref().filter(|state| state.has_reported());
        let required = watched.row.inverter.required_minutes.unwrap_or(DEFAULT_REQUIRED_MINUTES);
        let (mut stand, name) = (Self::never_reported(watched), watched.name());
        if let Some(state) = known {
            let screen = screen(state, required, local.now());
            let heard = screen.freshness != Freshness::Offline;
            let (standing, shown) = (standing(&screen, heard), screen.state);
            let words = said(&screen, heard, watched, local);
            stand = Self { watched, name, standing, shown, heard, words };
        }
        stand
    }

    fn never_reported(watched: &'a Watched) -> Self {
        Self {
            watched,
            name: watched.name(),
            standing: Standing::Silent,
            shown: ScreenState::Offline,
            heard: false,
            words: "No reading yet: nothing is known of it.".to_owned(),
        }
    }

    /// Open alarms that nobody has acknowledged or put away.
    pub fn unacknowledged(&self) -> usize {
        let untaken = |open: &fleet::alarm::Open| open.acknowledged.is_none() && open.shelved_until.is_none();
        self.watched.state.as_ref().map_or(0, |state| state.open_alarms().filter(untaken).count())
    }

    /// `Hall B until Nov 20, 5:00 PM`, where maintenance runs.
    pub fn maintained(&self, local: &Local) -> Option<String> {
        let runs = Maintenance::of(self.watched.state.as_ref()?, local.now())?;
        Some(format!("{} until {}", self.name, local.time(runs.until)))
    }
}

fn standing(screen: &Screen, heard: bool) -> Standing {
    match (screen.state, screen.ready) {
        (ScreenState::OnBattery | ScreenState::Alarm | ScreenState::Warning, _) => Standing::Attention,
        _ if !heard => Standing::Silent,
        (_, Ready::Yes) => Standing::Ready,
        _ => Standing::Unsure,
    }
}

/// State and why, how long it holds, when it was last heard.
fn said(screen: &Screen, heard: bool, watched: &Watched, local: &Local) -> String {
    let last = screen.last_reading.map(|at| local.time(at));
    if !heard && screen.on_battery_since.is_none() {
        let since =
            last.map_or_else(|| "No reading yet".to_owned(), |last| format!("Not reporting since {last}"));
        return format!("{since}: what it does now is not known.");
    }
    let mut said = vec![because(screen, watched, local)];
    said.push(holds(screen, heard, local));
    said.extend(last.map(|last| if heard { format!("Read {last}") } else { format!("Contact lost {last}") }));
    said.join(". ") + "."
}

fn because(screen: &Screen, watched: &Watched, local: &Local) -> String {
    let word = screen.state.word();
    if let Some(since) = screen.on_battery_since {
        return format!("{word} since {}", local.time(since));
    }
    let speaks = !matches!(screen.state, ScreenState::Normal | ScreenState::Testing);
    let first = screen.active.first().filter(|_| speaks).zip(watched.state.as_ref());
    let Some((first, state)) = first else { return word.to_owned() };
    let title = lower_first(&signals::title(first, &state.rules));
    match signals::since(first, local) {
        Some(since) => format!("{word}: {title} since {since}"),
        None => format!("{word}: {title}"),
    }
}

fn holds(screen: &Screen, heard: bool, local: &Local) -> String {
    let required = screen.required_minutes;
    match (screen.on_battery_since, minutes_left(screen, local.now()), screen.would_hold_minutes) {
        (Some(_), Some(left), _) if heard => format!("About {left}{NB}min of light left"),
        (Some(_), ..) => "How long the battery lasts is not known".to_owned(),
        (None, _, Some(minutes)) => format!("Would hold {minutes} of the required {required}{NB}min"),
        (None, _, None) => "How long it would hold is not known".to_owned(),
    }
}

impl Tally {
    /// Of these.
    pub fn of(stands: &[Stand<'_>]) -> Self {
        let count = |is: fn(&Stand<'_>) -> bool| stands.iter().filter(|stand| is(stand)).count();
        Self {
            all: stands.len(),
            heard: count(|stand| stand.heard),
            attention: count(|stand| stand.standing == Standing::Attention),
            unsure: count(|stand| stand.standing == Standing::Unsure),
        }
    }

    /// `All 12 inverters watched, 2 need attention`.
    pub fn subject(&self, stands: &[Stand<'_>]) -> String {
        let total = words::counted(self.all as u64, "inverter");
        let start = match stands {
            [one] if one.heard => format!("{} is watched", one.name),
            [one] => format!("{} is not watched", one.name),
            _ if self.heard == self.all => format!("All {total} watched"),
            _ => format!("{} of {total} watched", words::count(self.heard as u64)),
        };
        format!("{start}, {}", self.words())
    }

    /// `2 need attention, 1 not reporting`; `all ready`.
    pub fn words(&self) -> String {
        let silent = self.all.saturating_sub(self.heard);
        let one = self.all == 1;
        let mut said = Vec::new();
        let mut add = |count: usize, alone: &str, single: &str, several: &str| match count {
            0 => {}
            1 if one => said.push(alone.to_owned()),
            1 => said.push(format!("1 {single}")),
            count => said.push(format!("{} {several}", words::count(count as u64))),
        };
        add(self.attention, "needs attention", "needs attention", "need attention");
        add(silent, "not reporting", "not reporting", "not reporting");
        add(self.unsure, "not known to be ready", "not known to be ready", "not known to be ready");
        match said.as_slice() {
            [] if one => "ready".to_owned(),
            [] => "all ready".to_owned(),
            _ => said.join(", "),
        }
    }

    /// Colour and word of the letter's head.
    pub fn tag(&self, stands: &[Stand<'_>]) -> (&'static str, &'static str) {
        let worst =
            stands.iter().filter(|stand| stand.standing == Standing::Attention).map(|stand| stand.shown);
        match worst.min() {
            Some(shown) => (shown.short_name(), "NEEDS ATTENTION"),
            None if self.heard < self.all => ("off", "NOT ALL WATCHED"),
            None if self.unsure > 0 => ("off", "WATCHED, NOT ALL READY"),
            None => ("ok", "ALL WATCHED"),
        }
    }
}

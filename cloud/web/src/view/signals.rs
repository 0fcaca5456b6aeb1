//! Flags and conditions as a list: what holds since when, what is clear, what was never reported.
//!
//! In: an inverter's state and what the screen says. Out: rows for the Alarms panel and for the list of everything
//! reported. "Not reported" is never shown as "normal".

use fleet::alarm::{Key, Rules};
use fleet::screen::Active;
use fleet::{Condition, InverterState, Screen};
use wire::flag;

use super::advice::advice;
use super::limits::alarm_title;
use super::words::Local;

/// One thing that holds.
#[derive(Clone, Debug)]
pub struct Alarm {
    /// `data-s`.
    pub state: &'static str,
    /// The sentence.
    pub title: String,
    /// `since 2:31 AM`.
    pub since: String,
    /// What to do.
    pub advice: &'static str,
}

/// One line of what is reported.
#[derive(Clone, Debug)]
pub struct Signal {
    /// What.
    pub title: &'static str,
    /// `Yes`, `No`, `Clear`, `Since …`, `Not reported`.
    pub value: String,
    /// `data-s` where it holds.
    pub state: Option<&'static str>,
}

/// What holds, most urgent first.
#[must_use]
pub fn alarms(screen: &Screen, rules: &Rules, local: &Local) -> Vec<Alarm> {
    let row = |active: &Active| Alarm {
        state: active.condition.definition().screen.short_name(),
        title: title(active, rules),
        since: since(active, local)
            .map_or_else(|| "By the newest reading".to_owned(), |since| format!("Since {since}")),
        advice: advice(active.condition),
    };
    screen.active.iter().map(row).collect()
}

/// The sentence, with the raw code where nobody here knows it, and what a limit is a limit of.
#[must_use]
pub fn title(active: &Active, rules: &Rules) -> String {
    let key = match (&active.raw, active.limit) {
        (Some(raw), _) => Key::code(raw),
        (None, Some(number)) => Key::limit(number),
        (None, None) => Key::of(active.condition),
    };
    alarm_title(&key, rules)
}

/// Since when a condition holds, in words. A hold that is too short is known for the newest reading only.
#[must_use]
pub fn since(active: &Active, local: &Local) -> Option<String> {
    (active.condition != Condition::BATTERY_WEAK).then(|| local.soon(active.since))
}

/// The four flags.
#[must_use]
pub fn flags(state: &InverterState) -> Vec<Signal> {
    const WORDS: [&str; 4] = ["On battery power", "Utility present", "Battery charging", "System ready"];
    let words = |holds: Option<bool>| match holds {
        Some(true) => "Yes",
        Some(false) => "No",
        None => "Not reported",
    };
    flag::TABLE
        .iter()
        .zip(WORDS)
        .map(|((flag, ..), title)| Signal { title, value: words(state.flag(*flag)).to_owned(), state: None })
        .collect()
}

/// The inverter's own fifteen conditions.
#[must_use]
pub fn conditions(state: &InverterState, local: &Local) -> Vec<Signal> {
    let raised: Vec<_> = state.raised().collect();
    let row = |condition: wire::Condition| {
        let known = Condition::from(condition);
        let since = raised.iter().find(|(held, _)| *held == known).map(|(_, since)| *since);
        let value = match (since, state.condition(condition)) {
            (Some(since), _) => format!("Since {}", local.soon(since)),
            (None, Some(_)) => "Clear".to_owned(),
            (None, None) => "Not reported".to_owned(),
        };
        Signal { title: known.words(), value, state: since.map(|_| known.definition().screen.short_name()) }
    };
    wire::Condition::all().map(row).collect()
}

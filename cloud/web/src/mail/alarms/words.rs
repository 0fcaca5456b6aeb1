//! How a message about an alarm begins, and what is said when it is over.
//!
//! In: an alarm. Out: the state's word and colour, the condition in the middle of a sentence. The words themselves are
//! those of `fleet::condition`'s table; here is only what a message adds.

use fleet::alarm::Key;
use fleet::condition::Severity;
use fleet::notice::Member;
use fleet::{Condition, ScreenState};

use crate::view::hero::lower_first;

/// What a message begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// `data-s`: the colour.
    pub state: &'static str,
    /// `ALARM`.
    pub word: &'static str,
}

impl Head {
    /// All is well again.
    pub const OK: Self = Self { state: "ok", word: "OK" };
}

const WORDS: [(ScreenState, &str); 6] = [
    (ScreenState::OnBattery, "ON BATTERY"),
    (ScreenState::Alarm, "ALARM"),
    (ScreenState::Offline, "NO CONTACT"),
    (ScreenState::Warning, "WARNING"),
    (ScreenState::Testing, "TESTING"),
    (ScreenState::Normal, "FOR INFORMATION"),
];

/// What is said where "is over" would not be English.
const OVER: [(Condition, &str); 5] = [
    (Condition::UTILITY_LOST, "utility power is back"),
    (Condition::GATEWAY_OFFLINE, "reporting again"),
    (Condition::SERIAL_SILENT, "the gateway hears the inverter again"),
    (Condition::BATTERY_WEAK, "would hold the required time again"),
    (Condition::TEST_STUCK, "the self-test has ended"),
];

/// What a message about an alarm begins with.
#[must_use]
pub fn head(member: &Member) -> Head {
    // How much a limit matters is what the person said who set it.
    let limit = member.alarm.key.condition == Condition::LIMIT_CROSSED;
    let shown = match member.severity {
        Severity::Critical if limit => ScreenState::Alarm,
        Severity::Info if limit => ScreenState::Normal,
        _ => member.alarm.key.condition.definition().screen,
    };
    let word = WORDS.iter().find(|(state, _)| *state == shown).map_or("ALARM", |(_, word)| word);
    Head { state: shown.short_name(), word }
}

/// `Charger fault`, with the raw code where nobody here knows it.
#[must_use]
pub fn title(key: &Key) -> String {
    let words = key.condition.words();
    key.raw().map_or_else(|| words.to_owned(), |raw| format!("{words}: {raw}"))
}

/// `charger fault`.
#[must_use]
pub fn what(member: &Member) -> String {
    let words = lower_first(&title(&member.alarm.key));
    if member.unstable { format!("{words}, comes and goes") } else { words }
}

/// `charger fault is over`.
#[must_use]
pub fn over(key: &Key) -> String {
    let special = OVER.iter().find(|(condition, _)| *condition == key.condition);
    special.map_or_else(
        || {
            let words = lower_first(key.condition.words());
            format!("{} is over", words.split(',').next().unwrap_or_default())
        },
        |(_, words)| (*words).to_owned(),
    )
}

//! What the screen says of an inverter now.
//!
//! In: a state, the minutes it is required to hold, now. Out: one [`Screen`]: state, freshness, readiness, what holds
//! since when, by the same facts as alarms but without their delays. The rules are those of ui.md, section 3. Never draws.

use wire::{Quantity, UtcMs};

use crate::InverterState;
use crate::alarm;
use crate::condition::Condition;
use crate::readiness::{Outlook, outlook};

/// Minutes an inverter must hold where nothing else is said (NFPA 101).
pub const DEFAULT_REQUIRED_MINUTES: u32 = 90;
/// A reading younger than this is live, milliseconds.
pub const LIVE_MS: i64 = 30_000;
/// A reading older than this is offline, milliseconds.
pub const OFFLINE_MS: i64 = 15 * 60_000;
/// The gateway hears nothing from the inverter for this long: `link.serial_silent`, milliseconds.
pub const SERIAL_SILENT_MS: u64 = 60_000;

/// The state shown, most urgent first: when several apply, the smallest wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScreenState {
    /// Utility lost, battery feeds the lights.
    OnBattery,
    /// Will not do its job.
    Alarm,
    /// No reading for 15 min; state unknown.
    Offline,
    /// Works, needs attention.
    Warning,
    /// Self-test running; not ready until recharged.
    Testing,
    /// Utility present, no alarm.
    Normal,
}

/// How old the newest reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Freshness {
    /// Less than 30 s.
    Live,
    /// 30 s to 15 min.
    Late,
    /// More than 15 min, or nothing yet.
    Offline,
}

/// Whether it would keep the lights on now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ready {
    /// Reporting, no alarm, would hold as long as required, not on battery, not testing.
    Yes,
    /// At least one of these is not so.
    No,
    /// Nothing speaks against it, but how long it would hold is not known. Unknown is not ready.
    Unknown,
}

/// A condition that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Active {
    /// Which.
    pub condition: Condition,
    /// Since when.
    pub since: UtcMs,
    /// The raw code, where it is about one that nobody here knows.
    pub raw: Option<Box<str>>,
    /// The number of the limit, where it is about one that a person set.
    pub limit: Option<u32>,
}

/// What the screen says.
#[derive(Clone, Debug, PartialEq)]
pub struct Screen {
    /// The state shown.
    pub state: ScreenState,
    /// Whether it would keep the lights on now.
    pub ready: Ready,
    /// How old the newest reading is.
    pub freshness: Freshness,
    /// When the newest reading was taken; `None`: there was none yet.
    pub last_reading: Option<UtcMs>,
    /// How long the battery would hold (on battery: will still hold), minutes: by what discharges told, else as the inverter itself says.
    /// `None`: not known. While [`Freshness::Offline`] it is what *was* known.
    pub would_hold_minutes: Option<u32>,
    /// How long it must hold, minutes.
    pub required_minutes: u32,
    /// On battery since then.
    pub on_battery_since: Option<UtcMs>,
    /// When the battery will be empty, were the last known runtime true; only on battery.
    pub holds_until: Option<UtcMs>,
    /// Nine times in ten it is between these; `None` where that is not known.
    pub holds_between: Option<(UtcMs, UtcMs)>,
    /// What can be said of the battery by what discharges told.
    pub outlook: Outlook,
    /// What holds, most urgent first, the inverter's own and the cloud's.
    pub active: Vec<Active>,
}

impl ScreenState {
    /// Every state with its short name (`data-s` in pages), its name (`state` in the API) and its word.
    pub const TABLE: [(Self, &'static str, &'static str, &'static str); 6] = [
        (Self::OnBattery, "bat", "on_battery", "On battery"),
        (Self::Alarm, "alarm", "alarm", "Alarm"),
        (Self::Offline, "off", "offline", "Offline"),
        (Self::Warning, "warn", "warning", "Warning"),
        (Self::Testing, "test", "testing", "Testing"),
        (Self::Normal, "ok", "normal", "Normal"),
    ];

    /// Short name: `bat`, `alarm`, `off`, `warn`, `test`, `ok`.
    #[must_use]
    pub fn short_name(self) -> &'static str {
        Self::TABLE.iter().find(|(state, ..)| *state == self).map_or("", |(_, short, ..)| short)
    }

    /// Name for programs: `on_battery`, `alarm`, `offline`, `warning`, `testing`, `normal`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(state, ..)| *state == self).map_or("", |(_, _, name, _)| name)
    }

    /// The word people read.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::TABLE.iter().find(|(state, ..)| *state == self).map_or("", |(.., word)| word)
    }

    /// By short name.
    #[must_use]
    pub fn from_short_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, short, ..)| *short == name).map(|(state, ..)| *state)
    }
}

impl Freshness {
    /// How old `last_reading` is at `now`.
    #[must_use]
    pub fn of(last_reading: Option<UtcMs>, now: UtcMs) -> Self {
        match last_reading.map(|time| now.since(time)) {
            Some(age_ms) if age_ms < LIVE_MS => Self::Live,
            Some(age_ms) if age_ms <= OFFLINE_MS => Self::Late,
            _ => Self::Offline,
        }
    }

    /// The word people read.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Live => "Live",
            Self::Late => "Late",
            Self::Offline => "Offline",
        }
    }
}

/// What the screen says of `state` at `now`.
#[must_use]
pub fn screen(state: &InverterState, required_minutes: u32, now: UtcMs) -> Screen {
    let freshness = Freshness::of(state.last_reading, now);
    let own = state
        .value(Quantity::BATTERY_RUNTIME)
        .map(|(seconds, time)| (seconds, time.plus_ms(seconds.saturating_mul(1000))));
    let outlook = outlook(state, required_minutes, now);
    let counted = state.left.and_then(|left| Some((left.range?, left.until()?)));
    let ours = outlook.now.map(|told| told.seconds).or(counted.map(|(range, _)| f64::from(range.seconds)));
    let would_hold_minutes = ours.map(whole).or(own.map(|(seconds, _)| seconds)).map(minutes);
    let active = active(state, freshness, &outlook, required_minutes, now);
    let offline = (freshness == Freshness::Offline).then_some(ScreenState::Offline);
    let shown = active.iter().map(|a| a.condition.definition().screen).chain(offline).min();
    let shown = shown.unwrap_or(ScreenState::Normal);
    let on_battery = state.on_battery_since.is_some();
    let until = counted.map(|(_, until)| until).filter(|_| on_battery);
    let holds_until = until.map(|(likely, ..)| likely).or(own.filter(|_| on_battery).map(|(_, until)| until));
    Screen {
        state: shown,
        ready: ready(&active, freshness, would_hold_minutes, required_minutes),
        freshness,
        last_reading: state.last_reading,
        would_hold_minutes,
        required_minutes,
        on_battery_since: state.on_battery_since,
        holds_until,
        holds_between: until.map(|(_, low, high)| (low, high)),
        outlook,
        active,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "hours at most")]
const fn whole(seconds: f64) -> i64 {
    seconds as i64
}

fn minutes(seconds: i64) -> u32 {
    u32::try_from(seconds.max(0) / 60).unwrap_or(u32::MAX)
}

fn ready(
    active: &[Active],
    freshness: Freshness,
    would_hold_minutes: Option<u32>,
    required_minutes: u32,
) -> Ready {
    let against = |a: &Active| {
        a.condition.definition().screen != ScreenState::Warning
            && a.condition.definition().screen != ScreenState::Normal
    };
    // A battery that charges is no alarm, and not ready either before it would hold.
    let short = would_hold_minutes.is_some_and(|minutes| minutes < required_minutes);
    if short || freshness == Freshness::Offline || active.iter().any(against) {
        Ready::No
    } else if would_hold_minutes.is_none() {
        Ready::Unknown
    } else {
        Ready::Yes
    }
}

/// What holds, without the delays that alarms have.
fn active(
    state: &InverterState,
    freshness: Freshness,
    outlook: &Outlook,
    required_minutes: u32,
    now: UtcMs,
) -> Vec<Active> {
    let facts = alarm::facts(state, required_minutes, now, Some(outlook));
    let mut all: Vec<Active> = facts
        .into_iter()
        .map(|fact| Active {
            condition: fact.key.condition,
            since: fact.since,
            raw: fact.key.raw().map(Into::into),
            limit: fact.key.limit_number(),
        })
        .collect();
    // Old readings are old whoever is to blame, the cloud's own absence included.
    let explains = [Condition::GATEWAY_OFFLINE, Condition::SERIAL_SILENT, Condition::WRONG_INVERTER];
    if freshness == Freshness::Offline && !all.iter().any(|a| explains.contains(&a.condition)) {
        let since = state.last_reading.or(state.last_contact).unwrap_or(now);
        all.push(Active { condition: Condition::GATEWAY_OFFLINE, since, raw: None, limit: None });
    }
    all.sort_by_key(|a| (a.condition.definition().screen, a.since, a.condition));
    all
}

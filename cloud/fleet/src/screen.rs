//! What the screen says of an inverter now.
//!
//! In: a state, the minutes it is required to hold, now. Out: one [`Screen`]: state, freshness, readiness, what holds
//! since when. The rules are those of ui.md, section 3. Never draws.

use wire::{Quantity, UtcMs};

use crate::InverterState;
use crate::condition::Condition;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Active {
    /// Which.
    pub condition: Condition,
    /// Since when.
    pub since: UtcMs,
}

/// What the screen says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    /// The state shown.
    pub state: ScreenState,
    /// Whether it would keep the lights on now.
    pub ready: Ready,
    /// How old the newest reading is.
    pub freshness: Freshness,
    /// When the newest reading was taken; `None`: there was none yet.
    pub last_reading: Option<UtcMs>,
    /// How long the battery would hold (on battery: will still hold) by the newest reading that tells, minutes.
    /// `None`: not known. While [`Freshness::Offline`] it is what *was* known.
    pub would_hold_minutes: Option<u32>,
    /// How long it must hold, minutes.
    pub required_minutes: u32,
    /// On battery since then.
    pub on_battery_since: Option<UtcMs>,
    /// When the battery will be empty, were the last known runtime true; only on battery.
    pub holds_until: Option<UtcMs>,
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
    let runtime = state.value(Quantity::BATTERY_RUNTIME);
    let would_hold_minutes = runtime.map(|(seconds, _)| minutes(seconds));
    let active = active(state, freshness, would_hold_minutes, required_minutes, now);
    let shown = active.iter().map(|a| a.condition.definition().screen).min().unwrap_or(ScreenState::Normal);
    let holds_until = runtime
        .filter(|_| state.on_battery_since.is_some())
        .map(|(seconds, time)| time.plus_ms(seconds.saturating_mul(1000)));
    Screen {
        state: shown,
        ready: ready(&active, would_hold_minutes),
        freshness,
        last_reading: state.last_reading,
        would_hold_minutes,
        required_minutes,
        on_battery_since: state.on_battery_since,
        holds_until,
        active,
    }
}

fn minutes(seconds: i64) -> u32 {
    u32::try_from(seconds.max(0) / 60).unwrap_or(u32::MAX)
}

/// A runtime below the required time makes `battery.weak`, so only its absence is left to ask for.
fn ready(active: &[Active], would_hold_minutes: Option<u32>) -> Ready {
    let against = |a: &Active| {
        a.condition.definition().screen != ScreenState::Warning
            && a.condition.definition().screen != ScreenState::Normal
    };
    if active.iter().any(against) {
        Ready::No
    } else if would_hold_minutes.is_none() {
        Ready::Unknown
    } else {
        Ready::Yes
    }
}

fn active(
    state: &InverterState,
    freshness: Freshness,
    would_hold_minutes: Option<u32>,
    required_minutes: u32,
    now: UtcMs,
) -> Vec<Active> {
    // On battery is a matter of several facts; the inverter's own word for it is one of them.
    let mut all: Vec<Active> = state
        .raised()
        .filter(|(condition, _)| *condition != Condition::UTILITY_LOST)
        .map(|(condition, since)| Active { condition, since })
        .collect();
    let mut add = |condition, since: Option<UtcMs>| {
        all.extend(since.map(|since| Active { condition, since }));
    };
    let newest = state.last_reading.or(state.last_contact).unwrap_or(now);
    let weak = would_hold_minutes.is_some_and(|minutes| minutes < required_minutes);
    let weak_since = state.value(Quantity::BATTERY_RUNTIME).map(|(_, time)| time);
    let test = state.test.as_ref();
    let failed = test.filter(|test| test.result == wire::TestResult::Failed.name());
    let silent = state.link.filter(|link| link.silent_ms >= SERIAL_SILENT_MS && freshness != Freshness::Live);
    add(Condition::UTILITY_LOST, state.on_battery_since);
    add(Condition::GATEWAY_OFFLINE, (freshness == Freshness::Offline).then_some(newest));
    add(
        Condition::SERIAL_SILENT,
        silent.map(|l| l.time.plus_ms(-i64::try_from(l.silent_ms).unwrap_or(i64::MAX))),
    );
    add(Condition::WRONG_INVERTER, state.wrong_inverter.as_ref().map(|wrong| wrong.since));
    add(Condition::TEST_RUNNING, test.filter(|t| t.in_progress()).map(|t| t.started.unwrap_or(t.told)));
    add(Condition::TEST_FAILED, failed.map(|test| test.told));
    // On battery the remaining time is below the required one in the nature of things.
    let resting = state.on_battery_since.is_none() && !state.testing();
    add(Condition::BATTERY_WEAK, weak_since.filter(|_| weak && resting));
    all.sort_by_key(|a| (a.condition.definition().screen, a.since, a.condition));
    all
}

//! The runtime bar: minutes the battery would hold against the minutes required, the same everywhere.
//!
//! In: what the screen says and now. Out: widths in per cent of the scale, the words beside it and the sentence for
//! those who do not see it. Unknown, stale and used-up parts are drawn differently from known ones.

use fleet::readiness::Protection;
use fleet::record::{Ending, Outage};
use fleet::{Freshness, Screen, ScreenState};
use wire::UtcMs;

use super::words::{self, NB};

/// The scale ends here unless more is required, minutes.
const SCALE_MINUTES: u32 = 120;

/// One runtime bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// `data-s`: the colour.
    pub state: &'static str,
    /// Whole sentence.
    pub label: String,
    /// Words beside the bar in a list.
    pub beside: String,
    /// Last known, not now.
    pub stale: bool,
    /// Used up on battery, per cent of the scale.
    pub used: f64,
    /// Held or left, per cent.
    pub fill: f64,
    /// What is missing to the required mark, per cent.
    pub missing: f64,
    /// The required mark, per cent.
    pub required: f64,
    /// Required minutes.
    pub required_minutes: u32,
    /// End of the scale, minutes.
    pub scale_minutes: u32,
}

impl Bar {
    /// The bar of a power loss that is over: how long the battery held, and what was missing to what had been said of it.
    #[must_use]
    pub fn of_outage(held: u32, said: Option<u32>, outage: &Outage, required: u32) -> Self {
        let longest = held.max(said.unwrap_or_default());
        let scale = scale_minutes(required).max(longest.div_ceil(30).saturating_mul(30));
        let percent = |minutes: u32| tenth(f64::from(minutes) * 100.0 / f64::from(scale.max(1)));
        // What an end that nobody saw was missing, nobody knows.
        let fell_short = outage.gave_up && !outage.end_unseen;
        let missing = said.filter(|_| fell_short).map_or(0, |said| said.saturating_sub(held));
        let least = if outage.end_unseen { "at least " } else { "" };
        let of_said =
            said.map_or_else(String::new, |said| format!(" of the {said} minutes that it was said to hold"));
        Self {
            state: match outage.ending() {
                Ending::GaveUp => "alarm",
                Ending::Unknown => "off",
                Ending::Held => "bat",
            },
            label: format!("On battery for {least}{held} minutes{of_said}, {required} required"),
            beside: words::minutes(held),
            stale: false,
            used: 0.0,
            fill: percent(held),
            missing: percent(missing),
            required: percent(required),
            required_minutes: required,
            scale_minutes: scale,
        }
    }

    /// The bar of one inverter now.
    #[must_use]
    pub fn new(screen: &Screen, test_since: Option<UtcMs>, now: UtcMs) -> Self {
        let required = screen.required_minutes;
        let scale = scale_minutes(required);
        let percent = |minutes: u32| tenth(f64::from(minutes.min(scale)) * 100.0 / f64::from(scale.max(1)));
        let mut bar = Self {
            state: "ok",
            label: String::new(),
            beside: String::new(),
            stale: screen.freshness == Freshness::Offline,
            used: 0.0,
            fill: 0.0,
            missing: 0.0,
            required: percent(required),
            required_minutes: required,
            scale_minutes: scale,
        };
        let held = screen.would_hold_minutes;
        let shown = |minutes: u32| {
            if minutes >= scale { format!("{scale}+{NB}min") } else { words::minutes(minutes) }
        };
        if let (Some(since), Some(left)) = (screen.on_battery_since, minutes_left(screen, now)) {
            let used = u32::try_from(now.since(since).max(0) / 60_000).unwrap_or(u32::MAX);
            bar.state = "bat";
            bar.used = percent(used);
            bar.fill = tenth(percent(used.saturating_add(left)) - bar.used);
            bar.label = if bar.stale {
                format!("Contact lost while on battery. If nothing changed, about {left} minutes left.")
            } else {
                format!("{used} minutes used, about {left} minutes left, {required} required")
            };
            bar.beside = format!("{} left", words::minutes(left));
        } else if bar.stale {
            bar.fill = held.map_or(0.0, percent);
            bar.label = held.map_or_else(
                || "Not known how long it would hold".to_owned(),
                |minutes| format!("Last known: would hold {minutes} minutes"),
            );
            bar.beside =
                held.map_or_else(|| "Not known".to_owned(), |minutes| format!("Was {}", shown(minutes)));
        } else if let (ScreenState::Testing, Some(since)) = (screen.state, test_since) {
            let done = u32::try_from(now.since(since).max(0) / 60_000).unwrap_or(u32::MAX);
            bar.state = "test";
            bar.fill = percent(done);
            bar.label =
                format!("Self-test running for {done} minutes, {required} required of the annual test");
            bar.beside = format!("{done} of {required}{NB}min");
        } else if let Some(minutes) = held {
            let (short, unsure) = (minutes < required, unsure(screen));
            bar.state = match (short, unsure) {
                (true, _) => "alarm",
                (false, true) => "warn",
                (false, false) => "ok",
            };
            bar.fill = percent(minutes);
            bar.missing = if short { tenth(bar.required - bar.fill) } else { 0.0 };
            let more = if unsure && !short { ", and may fall short" } else { "" };
            bar.label = format!("Would hold {minutes} of the required {required} minutes{more}");
            bar.beside = if short { format!("{minutes} of {required}{NB}min") } else { shown(minutes) };
        } else {
            bar.state = "off";
            bar.stale = true;
            bar.label = "Not known how long it would hold".to_owned();
            bar.beside = "Not known".to_owned();
        }
        bar
    }
}

/// By the lower end of the estimate it falls short.
pub(super) fn unsure(screen: &Screen) -> bool {
    let low_s = screen.outlook.now.map(|now| now.low_s);
    screen.outlook.protection == Some(Protection::Degraded)
        && low_s.is_some_and(|low_s| low_s < f64::from(screen.required_minutes) * 60.0)
}

/// Where the scale ends, minutes.
#[must_use]
pub fn scale_minutes(required: u32) -> u32 {
    SCALE_MINUTES.max(required.saturating_mul(4).div_ceil(3))
}

/// Minutes of light left on battery, counted down from the newest reading.
#[must_use]
pub fn minutes_left(screen: &Screen, now: UtcMs) -> Option<u32> {
    let until = screen.holds_until?;
    u32::try_from((until.since(now).max(0) + 30_000) / 60_000).ok()
}

/// One decimal is finer than any screen's pixel here.
fn tenth(percent: f64) -> f64 {
    (percent * 10.0).round() / 10.0
}

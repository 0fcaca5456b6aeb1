//! The runtime bar: minutes the battery would hold against the minutes required, the same everywhere.
//!
//! In: what the screen says and now. Out: widths in per cent of the scale, the words beside it and the sentence for
//! those who do not see it. Unknown, stale and used-up parts are drawn differently from known ones.

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
            let short = minutes < required;
            bar.state = if short { "alarm" } else { "ok" };
            bar.fill = percent(minutes);
            bar.missing = if short { tenth(bar.required - bar.fill) } else { 0.0 };
            bar.label = format!("Would hold {minutes} of the required {required} minutes");
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

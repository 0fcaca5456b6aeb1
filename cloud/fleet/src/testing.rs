//! Whether a self-test runs, by what is told of it and by what the flags show.
//!
//! In: a state, now. Out: since when it runs, or since when it has been said to run for longer than any test lasts. A test
//! that does not end stops being one: whatever is told, an outage after it is an outage.

use wire::{Condition as Own, Flag, TestKind, UtcMs};

use crate::inverter::InverterState;
use crate::level;

/// A monthly test takes half a minute to some minutes; after this long it is stuck, milliseconds.
pub const LONGEST_MONTHLY_MS: i64 = 30 * 60_000;
/// No other takes longer than three hours (EN 50171), milliseconds.
pub const LONGEST_MS: i64 = 4 * wire::time::HOUR_MS;
/// The gateway's instant of a test's beginning is believed if it is this near to when it was told of, milliseconds.
const CREDIBLE_MS: i64 = wire::time::DAY_MS;

impl InverterState {
    /// Whether a self-test is running at `now`.
    #[must_use]
    pub fn testing(&self, now: UtcMs) -> bool {
        self.test_since(now).is_some()
    }

    /// Since when a self-test has been running at `now`.
    #[must_use]
    pub fn test_since(&self, now: UtcMs) -> Option<UtcMs> {
        let told = self.test_told().filter(|(_, over)| now < *over).map(|(since, _)| since);
        told.map(|since| self.test_started(since))
            .or_else(|| self.test_by_flags().filter(|since| now < since.plus_ms(LONGEST_MS)))
    }

    /// Since when a self-test is said to run that must be over by now.
    pub(crate) fn test_stuck_since(&self, now: UtcMs) -> Option<UtcMs> {
        let told =
            self.test_told().filter(|(_, over)| now >= *over).map(|(since, _)| self.test_started(since));
        told.or_else(|| self.test_by_flags().filter(|since| now >= since.plus_ms(LONGEST_MS)))
    }

    /// When the earliest of what is said to run stops being a test.
    pub(crate) fn test_times_out(&self, after: UtcMs) -> Option<UtcMs> {
        let told = self.test_told().map(|(_, over)| over);
        let shown = self.test_by_flags().map(|since| since.plus_ms(LONGEST_MS));
        [told, shown].into_iter().flatten().filter(|at| *at > after).min()
    }

    /// Since when, on the cloud's clock, a test is told of as running, and when that is no longer believed.
    fn test_told(&self) -> Option<(UtcMs, UtcMs)> {
        let test = self.test.as_ref().filter(|test| test.in_progress())?;
        let since = self.watch.test_since()?;
        let monthly = test.kind == TestKind::Monthly.name();
        Some((since, since.plus_ms(if monthly { LONGEST_MONTHLY_MS } else { LONGEST_MS })))
    }

    /// When it began, by the gateway, where that can be; else when it was told of.
    fn test_started(&self, told: UtcMs) -> UtcMs {
        let started = self.test.as_ref().and_then(|test| test.started);
        started.filter(|at| (0..=CREDIBLE_MS).contains(&told.since(*at))).unwrap_or(told)
    }

    /// The battery feeds the load although the line is there and nothing is wrong with it. Not where it feeds on at the end of an
    /// outage: in a test the line was there before the battery began.
    fn test_by_flags(&self) -> Option<UtcMs> {
        let battery = level::find(&self.flags, Flag::BatteryPower.code()).filter(|level| level.holds)?;
        let line = self.flag(Flag::LinePresent) == Some(true);
        let bad = [Own::UTILITY_LOST, Own::INPUT_LOW, Own::INPUT_HIGH];
        let fine = bad.iter().all(|condition| self.condition(*condition) != Some(true));
        (line && fine && self.on_battery_since.is_none()).then_some(battery.since)
    }
}

//! What people set for one inverter: limits of their own, maintenance windows, how long it must hold.
//!
//! In: acts from the journal. Out: rules to read; what is over is forgotten. Bounded.

use minicbor::{Decode, Encode};
use wire::{Quantity, Scaled, UtcMs};

use super::key::Key;
use crate::condition::Severity;
use crate::screen::DEFAULT_REQUIRED_MINUTES;

/// Limits of one inverter.
pub const MOST_LIMITS: usize = 16;
/// Maintenance windows of one inverter that are not over.
pub const MOST_WINDOWS: usize = 16;
/// A maintenance window is no longer than this, milliseconds.
pub const LONGEST_WINDOW_MS: i64 = 30 * wire::time::DAY_MS;
/// The longest delay of a limit, milliseconds.
pub const LONGEST_DELAY_MS: i64 = wire::time::DAY_MS;

/// What people set for one inverter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Rules {
    #[n(0)]
    #[cbor(default)]
    limits: Vec<Limit>,
    #[n(1)]
    #[cbor(default)]
    windows: Vec<Window>,
    #[n(2)]
    required_minutes: Option<u32>,
}

/// A limit that a person set: an alarm beyond `raise`, over when the value is back at `clear`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Limit {
    /// Its number.
    #[n(0)]
    pub number: u32,
    /// Of what.
    #[n(1)]
    pub quantity: Quantity,
    /// Beyond it on which side.
    #[n(2)]
    pub side: Side,
    /// Alarm beyond this, scaled.
    #[n(3)]
    pub raise: Scaled,
    /// Over when back at this, scaled.
    #[n(4)]
    pub clear: Scaled,
    /// Beyond for this long before it is raised, milliseconds.
    #[n(5)]
    pub raise_delay_ms: i64,
    /// Back for this long before it is cleared, milliseconds.
    #[n(6)]
    pub clear_delay_ms: i64,
    /// How much it matters.
    #[n(7)]
    pub severity: Severity,
}

/// On which side of a limit the alarm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Side {
    /// Above it.
    #[n(0)]
    Above,
    /// Below it.
    #[n(1)]
    Below,
}

/// A maintenance window: alarms are recorded, nobody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Window {
    /// Its number.
    #[n(0)]
    pub number: i64,
    /// From then on.
    #[n(1)]
    pub from: UtcMs,
    /// Until then. Every window has an end.
    #[n(2)]
    pub to: UtcMs,
    /// What is critical is told all the same.
    #[n(3)]
    pub tells_critical: bool,
}

/// Why a rule is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The clear level is on the alarm's side of the raise level.
    #[error("the level at which it is over must not be beyond the level at which it begins")]
    Levels,
    /// A delay is negative or longer than a day.
    #[error("a delay is between nothing and a day")]
    Delay,
    /// There are as many as may be.
    #[error("there are as many as may be")]
    TooMany,
    /// The window ends before it begins, or lasts longer than 30 days.
    #[error("a maintenance window ends after it begins, and within 30 days")]
    Window,
}

impl Limit {
    /// Whether it makes sense.
    ///
    /// # Errors
    /// [`RuleError`].
    pub fn check(&self) -> Result<(), RuleError> {
        let sane = match self.side {
            Side::Above => self.clear <= self.raise,
            Side::Below => self.clear >= self.raise,
        };
        let delay = |ms: i64| (0..=LONGEST_DELAY_MS).contains(&ms);
        if !sane {
            Err(RuleError::Levels)
        } else if !(delay(self.raise_delay_ms) && delay(self.clear_delay_ms)) {
            Err(RuleError::Delay)
        } else {
            Ok(())
        }
    }

    /// Whether `value` is beyond it: to begin with, or, with an alarm that is `open`, not back yet.
    #[must_use]
    pub fn crossed(&self, value: Scaled, open: bool) -> bool {
        match (self.side, open) {
            (Side::Above, false) => value > self.raise,
            (Side::Above, true) => value > self.clear,
            (Side::Below, false) => value < self.raise,
            (Side::Below, true) => value < self.clear,
        }
    }
}

impl Rules {
    /// Sets a limit, in place of the one with its number.
    ///
    /// # Errors
    /// [`RuleError`]; then nothing is changed.
    pub fn set_limit(&mut self, limit: Limit) -> Result<(), RuleError> {
        limit.check()?;
        if let Some(known) = self.limits.iter_mut().find(|known| known.number == limit.number) {
            *known = limit;
            return Ok(());
        }
        if self.limits.len() >= MOST_LIMITS {
            return Err(RuleError::TooMany);
        }
        self.limits.push(limit);
        Ok(())
    }

    /// Forgets a limit.
    pub fn remove_limit(&mut self, number: u32) {
        self.limits.retain(|limit| limit.number != number);
    }

    /// Begins a maintenance window; what was over before `now` is forgotten.
    ///
    /// # Errors
    /// [`RuleError`]; then nothing is changed.
    pub fn add_window(&mut self, window: Window, now: UtcMs) -> Result<(), RuleError> {
        if !(1..=LONGEST_WINDOW_MS).contains(&window.to.since(window.from)) {
            return Err(RuleError::Window);
        }
        self.windows.retain(|known| known.to > now && known.number != window.number);
        if self.windows.len() >= MOST_WINDOWS {
            return Err(RuleError::TooMany);
        }
        self.windows.push(window);
        Ok(())
    }

    /// Ends a maintenance window now.
    pub fn end_window(&mut self, number: i64, now: UtcMs) {
        for window in self.windows.iter_mut().filter(|window| window.number == number) {
            window.to = window.to.min(now);
        }
    }

    /// How long it must hold, minutes; `None` goes back to what is usual.
    pub const fn require(&mut self, minutes: Option<u32>) {
        self.required_minutes = minutes;
    }

    /// Limits that people set.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The limit of a key, where it is one.
    #[must_use]
    pub fn limit(&self, key: &Key) -> Option<&Limit> {
        self.limits.iter().find(|limit| *key == Key::limit(limit.number))
    }

    /// Maintenance windows that are not over, and some that are.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// How long it must hold, minutes.
    #[must_use]
    pub fn required_minutes(&self) -> u32 {
        self.required_minutes.unwrap_or(DEFAULT_REQUIRED_MINUTES)
    }

    /// How much an alarm matters.
    #[must_use]
    pub fn severity(&self, key: &Key) -> Severity {
        self.limit(key).map_or(key.condition.definition().severity, |limit| limit.severity)
    }

    pub(super) fn raise_delay_ms(&self, key: &Key) -> i64 {
        self.limit(key).map_or(key.condition.definition().raise_delay_ms, |limit| limit.raise_delay_ms)
    }

    pub(super) fn clear_delay_ms(&self, key: &Key) -> i64 {
        self.limit(key).map_or(key.condition.definition().clear_delay_ms, |limit| limit.clear_delay_ms)
    }

    /// Until when maintenance keeps an alarm of `severity` quiet at `now`; `None`: it does not.
    pub(super) fn maintained_until(&self, severity: Severity, now: UtcMs) -> Option<UtcMs> {
        let covers = |window: &&Window| {
            window.from <= now
                && now < window.to
                && !(window.tells_critical && severity == Severity::Critical)
        };
        self.windows.iter().filter(covers).map(|window| window.to).max()
    }
}

//! What people set for one inverter: limits of their own, maintenance windows, how long it must hold.
//!
//! In: acts from the journal. Out: rules to read; what is over is forgotten. Bounded.

use minicbor::{Decode, Encode};
use wire::{Quantity, Scaled, UtcMs};

use super::key::Key;
use super::severities::Severities;
use crate::AccountKey;
use crate::condition::Severity;
use crate::screen::DEFAULT_REQUIRED_MINUTES;
use crate::self_test::RuleSet;

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
    #[n(3)]
    #[cbor(default)]
    severities: Severities,
    /// Code of the rule set that self-tests are judged by.
    #[n(4)]
    rule_set: Option<u8>,
    #[n(5)]
    #[cbor(default)]
    keeps_logbook: bool,
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

impl Side {
    /// Each side with its name in forms and in the API.
    pub const TABLE: [(Self, &'static str); 2] = [(Self::Above, "above"), (Self::Below, "below")];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(side, _)| *side == self).map_or("", |(_, name)| name)
    }

    /// By name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, known)| *known == name).map(|(side, _)| *side)
    }
}

/// A maintenance window: alarms are recorded, nobody is told.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
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
    /// Who planned it.
    #[cbor(n(4), with = "crate::encoding::account")]
    pub by: AccountKey,
    /// Why, for those who are not told.
    #[n(5)]
    pub reason: String,
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
    /// The window ends before it begins, or is over already.
    #[error("a maintenance window ends after it begins, and not in the past")]
    Ends,
    /// The window lasts longer than 30 days.
    #[error("a maintenance window lasts 30 days at most")]
    Long,
}

impl Window {
    /// Whether it makes sense at `now`.
    ///
    /// # Errors
    /// [`RuleError`].
    pub fn check(&self, now: UtcMs) -> Result<(), RuleError> {
        if self.to <= self.from || self.to <= now {
            Err(RuleError::Ends)
        } else if self.to.since(self.from) > LONGEST_WINDOW_MS {
            Err(RuleError::Long)
        } else {
            Ok(())
        }
    }

    /// It runs at `now`.
    #[must_use]
    pub fn runs(&self, now: UtcMs) -> bool {
        self.from <= now && now < self.to
    }
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
        self.may_set(&limit)?;
        match self.limits.iter_mut().find(|known| known.number == limit.number) {
            Some(known) => *known = limit,
            None => self.limits.push(limit),
        }
        Ok(())
    }

    /// Whether a limit would be taken.
    ///
    /// # Errors
    /// [`RuleError`].
    pub fn may_set(&self, limit: &Limit) -> Result<(), RuleError> {
        limit.check()?;
        let known = self.limits.iter().any(|known| known.number == limit.number);
        if known || self.limits.len() < MOST_LIMITS { Ok(()) } else { Err(RuleError::TooMany) }
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
        self.may_add(&window, now)?;
        self.windows.retain(|known| known.to > now && known.number != window.number);
        self.windows.push(window);
        Ok(())
    }

    /// Whether a maintenance window would be taken.
    ///
    /// # Errors
    /// [`RuleError`].
    pub fn may_add(&self, window: &Window, now: UtcMs) -> Result<(), RuleError> {
        window.check(now)?;
        let others = self.planned(now).filter(|known| known.number != window.number).count();
        if others < MOST_WINDOWS { Ok(()) } else { Err(RuleError::TooMany) }
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

    /// Says by which rule set self-tests are judged; `None` goes back to what is usual.
    pub const fn judge_by(&mut self, code: Option<u8>) {
        self.rule_set = code;
    }

    /// By which rule set self-tests are judged.
    #[must_use]
    pub fn rule_set(&self) -> &'static RuleSet {
        RuleSet::of(self.rule_set)
    }

    /// Says whether tests and outages are kept for years, as the organization chose.
    pub const fn keep_logbook(&mut self, keeps: bool) {
        self.keeps_logbook = keeps;
    }

    /// Whether what tests and outages told may outlive 30 days (decision 25).
    #[must_use]
    pub const fn keeps_logbook(&self) -> bool {
        self.keeps_logbook
    }

    /// Says how much conditions matter, in place of all that was said before.
    pub fn grade(&mut self, severities: Severities) {
        self.severities = severities;
    }

    /// How much conditions matter, where that is not what is usual.
    #[must_use]
    pub const fn severities(&self) -> &Severities {
        &self.severities
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

    /// Maintenance windows that run or are to come, in the order that they were planned in.
    pub fn planned(&self, now: UtcMs) -> impl Iterator<Item = &Window> {
        self.windows.iter().filter(move |window| window.to > now)
    }

    /// The maintenance window that runs; of several the one that ends last.
    #[must_use]
    pub fn running(&self, now: UtcMs) -> Option<&Window> {
        self.windows.iter().filter(|window| window.runs(now)).max_by_key(|window| window.to)
    }

    /// How long it must hold, minutes.
    #[must_use]
    pub fn required_minutes(&self) -> u32 {
        self.required_minutes.unwrap_or(DEFAULT_REQUIRED_MINUTES)
    }

    /// How much an alarm matters that is raised now: as the limit says, as those say who manage the inverter, as is usual.
    #[must_use]
    pub fn severity(&self, key: &Key) -> Severity {
        let said = self.limit(key).map(|limit| limit.severity);
        said.or_else(|| self.severities.of(key.condition)).unwrap_or(key.condition.definition().severity)
    }

    pub(super) fn raise_delay_ms(&self, key: &Key) -> i64 {
        self.limit(key).map_or(key.condition.definition().raise_delay_ms, |limit| limit.raise_delay_ms)
    }

    pub(super) fn clear_delay_ms(&self, key: &Key) -> i64 {
        self.limit(key).map_or(key.condition.definition().clear_delay_ms, |limit| limit.clear_delay_ms)
    }

    /// The windows in which nobody is told of an alarm of `severity`, with some that are over.
    pub fn quiet(&self, severity: Severity) -> impl Iterator<Item = &Window> {
        let covers = move |window: &&Window| !(window.tells_critical && severity == Severity::Critical);
        self.windows.iter().filter(covers)
    }

    /// Until when maintenance keeps an alarm of `severity` quiet at `now`; `None`: it does not.
    pub(super) fn maintained_until(&self, severity: Severity, now: UtcMs) -> Option<UtcMs> {
        self.quiet(severity).filter(|window| window.runs(now)).map(|window| window.to).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMs = UtcMs(1_800_000_000_000);
    const HOUR: i64 = wire::time::HOUR_MS;

    fn window(number: i64, from_ms: i64, to_ms: i64) -> Window {
        let (from, to) = (NOW.plus_ms(from_ms), NOW.plus_ms(to_ms));
        Window { number, from, to, tells_critical: false, by: AccountKey(7), reason: "battery".to_owned() }
    }

    #[test]
    fn windows_end_are_bounded_and_are_forgotten() {
        let check = |from_ms, to_ms, expect| {
            assert_eq!(window(1, from_ms, to_ms).check(NOW), expect, "{from_ms} {to_ms}");
        };
        check(0, 1, Ok(()));
        check(-HOUR, HOUR, Ok(()));
        check(HOUR, HOUR, Err(RuleError::Ends));
        check(HOUR, 0, Err(RuleError::Ends));
        check(-2 * HOUR, -HOUR, Err(RuleError::Ends));
        check(0, LONGEST_WINDOW_MS, Ok(()));
        check(0, LONGEST_WINDOW_MS + 1, Err(RuleError::Long));
        let mut rules = Rules::default();
        for number in 0..i64::try_from(MOST_WINDOWS).unwrap() {
            rules.add_window(window(number, 0, HOUR), NOW).unwrap();
        }
        assert_eq!(rules.add_window(window(99, 0, HOUR), NOW), Err(RuleError::TooMany));
        rules.add_window(window(3, 0, 2 * HOUR), NOW).unwrap();
        assert_eq!(rules.running(NOW).map(|window| window.number), Some(3), "the one that ends last");
        rules.end_window(3, NOW);
        assert!(rules.planned(NOW).all(|window| window.number != 3));
        rules.add_window(window(99, HOUR, 2 * HOUR), NOW).unwrap();
        assert_eq!(rules.windows().len(), MOST_WINDOWS, "what is over is gone");
        let later = NOW.plus_ms(HOUR);
        assert_eq!(rules.running(later).map(|window| window.number), Some(99));
        assert_eq!(rules.planned(later).count(), 1);
    }

    #[test]
    fn limits_have_an_order_and_are_bounded() {
        let limit = |number, side, raise, clear, delay| Limit {
            number,
            quantity: Quantity::BATTERY_VOLTAGE,
            side,
            raise,
            clear,
            raise_delay_ms: delay,
            clear_delay_ms: 0,
            severity: Severity::Warning,
        };
        let check = |side, raise, clear, delay, expect| {
            assert_eq!(
                limit(1, side, raise, clear, delay).check(),
                expect,
                "{side:?} {raise} {clear} {delay}"
            );
        };
        check(Side::Above, 40, 38, 0, Ok(()));
        check(Side::Above, 40, 40, LONGEST_DELAY_MS, Ok(()));
        check(Side::Above, 40, 41, 0, Err(RuleError::Levels));
        check(Side::Below, 40, 41, 0, Ok(()));
        check(Side::Below, 40, 39, 0, Err(RuleError::Levels));
        check(Side::Below, 40, 41, -1, Err(RuleError::Delay));
        check(Side::Below, 40, 41, LONGEST_DELAY_MS + 1, Err(RuleError::Delay));
        let mut rules = Rules::default();
        for number in 0..u32::try_from(MOST_LIMITS).unwrap() {
            rules.set_limit(limit(number, Side::Above, 40, 38, 0)).unwrap();
        }
        let more = limit(99, Side::Above, 40, 38, 0);
        assert_eq!(rules.set_limit(more), Err(RuleError::TooMany));
        rules.set_limit(limit(3, Side::Below, 10, 12, 0)).unwrap();
        assert_eq!(rules.limit(&Key::limit(3)).map(|limit| limit.side), Some(Side::Below));
        rules.remove_limit(3);
        assert_eq!(rules.set_limit(more), Ok(()));
    }
}

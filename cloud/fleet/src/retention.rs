//! What is thirty days old, and whether the clock may be believed when it says so.
//!
//! In: instants of the wall clock, the last one that was kept, what has passed on the clock that nobody sets. Out: whether
//! what is old may be destroyed. A clock that jumps ahead would else destroy a month in one turn. Pure.

use wire::UtcMs;
use wire::time::{DAY_MS, HOUR_MS};

use crate::alarm::Key;
use crate::condition::Condition;
use crate::discharge;
use crate::inverter::InverterState;

/// How long what inverters report is kept, days.
pub const KEPT_DAYS: i64 = 30;
/// The same, milliseconds.
pub const KEPT_MS: i64 = KEPT_DAYS * DAY_MS;
/// The wall clock may be ahead of what has passed by so much: a day's outage, and an hour (decision 27).
const MOST_AHEAD_MS: i64 = 25 * HOUR_MS;

/// Watches the wall clock.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// An instant that was believed, and where the clock that nobody sets stood then.
    believed: Option<(UtcMs, i64)>,
    /// What the caller keeps by this guard's word; another instant is an operator's.
    kept: Option<UtcMs>,
}

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What is old may go.
    Go,
    /// Nothing may go: the wall clock is ahead by so much, milliseconds.
    Stop {
        /// By how much.
        ahead_ms: i64,
    },
}

impl Guard {
    /// `kept`: the last instant that was believed, by this run, an earlier one, or an operator who said so. `synchronised`:
    /// the machine says that its clock is right. After [`Verdict::Go`] the caller keeps `now`.
    pub fn look(&mut self, kept: Option<UtcMs>, now: UtcMs, passed_ms: i64, synchronised: bool) -> Verdict {
        let first = self.believed.is_none();
        if let Some(said) = kept.filter(|_| kept != self.kept) {
            self.believed = Some((said, passed_ms));
        }
        let (at, passed) = *self.believed.get_or_insert((now, passed_ms));
        let ahead_ms = now.since(at.plus_ms(passed_ms.saturating_sub(passed)));
        if ahead_ms > MOST_AHEAD_MS && !synchronised {
            self.kept = kept;
            return Verdict::Stop { ahead_ms };
        }
        // Within one run what the clock gains adds up; a start, an operator and a time server begin anew.
        if first || synchronised {
            self.believed = Some((now, passed_ms));
        }
        self.kept = Some(now);
        Verdict::Go
    }
}

impl InverterState {
    /// Whether [`InverterState::forget_before`] may have something to forget: cheap, and almost always no.
    #[must_use]
    pub fn holds_before(&self, before: UtcMs) -> bool {
        self.latest.iter().any(|known| known.time < before)
            || self.last_reading.is_some_and(|at| at < before)
            || (!self.rules.keeps_logbook() && discharge::holds_before(self, before))
    }

    /// Forgets what was last told before `before`; whether anything. What an alarm that is still active rests on stays:
    /// its present state and since when.
    pub fn forget_before(&mut self, before: UtcMs) -> bool {
        let kept = self.clone();
        let (alarms, rules) = (&kept.alarms, &kept.rules);
        let rests = |quantity| {
            let weak = quantity == wire::Quantity::BATTERY_RUNTIME
                && alarms.is_open(&Key::of(Condition::BATTERY_WEAK));
            weak || rules
                .limits()
                .iter()
                .any(|limit| limit.quantity == quantity && alarms.is_open(&Key::limit(limit.number)))
        };
        self.latest.retain(|known| known.time >= before || rests(known.quantity));
        self.flags.retain(|level| level.time >= before || level.holds);
        self.conditions.retain(|level| level.time >= before || level.holds);
        if self.last_reading.is_some_and(|at| at < before) {
            self.unknown.retain(|text| alarms.is_open(&Key::code(text)));
        }
        let untested = [Condition::TEST_FAILED, Condition::TEST_STUCK];
        let untested = !untested.iter().any(|condition| alarms.is_open(&Key::of(*condition)));
        self.test.take_if(|test| test.told < before && untested);
        self.button.take_if(|press| press.time < before);
        self.link.take_if(|link| link.time < before);
        if !self.rules.keeps_logbook() {
            discharge::forget_before(self, before);
        }
        *self != kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UtcMs = UtcMs(1_767_225_600_000);

    /// ASVS 5.0: 16.2.2.
    #[test]
    fn a_clock_that_gains_more_than_a_day_and_an_hour_destroys_nothing_until_somebody_says_so() {
        let hours = |hours: i64| START.plus_ms(hours * HOUR_MS);
        let passed = |hours: i64| hours * HOUR_MS;
        let mut guard = Guard::default();
        assert_eq!(guard.look(None, START, 0, false), Verdict::Go, "the first start");
        assert_eq!(guard.look(Some(START), hours(1_000), passed(1_000), false), Verdict::Go, "time passes");
        let mut guard = Guard::default();
        assert_eq!(guard.look(Some(START), hours(25), 0, false), Verdict::Go, "an outage of a day");
        assert_eq!(guard.look(Some(hours(25)), hours(49), passed(0), false), Verdict::Go);
        let stopped = Verdict::Stop { ahead_ms: 50 * HOUR_MS };
        assert_eq!(guard.look(Some(hours(49)), hours(75), passed(0), false), stopped);
        assert_eq!(
            guard.look(Some(hours(49)), hours(76), passed(1), false),
            stopped,
            "waiting does not help"
        );
        assert_eq!(
            guard.look(Some(hours(76)), hours(77), passed(2), false),
            Verdict::Go,
            "an operator said so"
        );
        assert_eq!(guard.look(Some(hours(77)), hours(500), passed(3), true), Verdict::Go, "synchronised");
        assert_eq!(
            guard.look(Some(hours(500)), hours(501), passed(4), false),
            Verdict::Go,
            "and that counts"
        );
        assert_eq!(
            guard.look(Some(hours(501)), hours(400), passed(5), false),
            Verdict::Go,
            "back is no danger"
        );
        let mut guard = Guard::default();
        let ahead_ms = 26 * HOUR_MS;
        assert_eq!(guard.look(Some(START), hours(26), 0, false), Verdict::Stop { ahead_ms }, "after a start");
    }

    #[test]
    fn steps_of_less_add_up_within_a_run() {
        let mut guard = Guard::default();
        let mut kept = START;
        let mut went = 0;
        for step in 1..=10 {
            let now = START.plus_ms(step * 10 * HOUR_MS);
            // Kept with each turn that was believed, as the service does; no time passes in truth.
            match guard.look(Some(kept), now, 0, false) {
                Verdict::Go => (kept, went) = (now, went + 1),
                Verdict::Stop { .. } => {}
            }
        }
        assert_eq!((kept, went), (START.plus_ms(30 * HOUR_MS), 3));
    }

    #[test]
    fn an_inverter_that_fell_silent_is_forgotten_but_for_what_an_alarm_rests_on() {
        use wire::{Flag, Quantity, Report, Sample};
        let mut state = InverterState::default();
        let mut sample = Sample::default();
        sample.quantities.set(Quantity::BATTERY_VOLTAGE, 13_642);
        sample.quantities.set(Quantity::BATTERY_RUNTIME, 60);
        sample.flags.set(Flag::LinePresent, true);
        sample.unknown = vec!["H24=17".to_owned()];
        let reading = wire::Reading { sample, ..wire::Reading::default() };
        crate::apply(&mut state, Report { readings: vec![reading], ..Report::default() }, START);
        assert_eq!((state.latest.len(), state.flags.len(), state.unknown.len()), (2, 1, 1));
        assert!(!state.clone().forget_before(START), "all of it is young enough");
        let mut weak = state.clone();
        crate::alarm::pass(&mut weak, START.plus_ms(HOUR_MS));
        assert!(weak.alarms.is_open(&Key::of(Condition::BATTERY_WEAK)), "{:?}", weak.alarms);
        let later = START.plus_ms(1);
        assert!(weak.forget_before(later));
        assert_eq!(
            weak.latest.iter().map(|known| known.quantity).collect::<Vec<_>>(),
            [Quantity::BATTERY_RUNTIME]
        );
        assert!(state.forget_before(later));
        assert!(state.latest.is_empty() && state.unknown.is_empty());
        assert!(!state.forget_before(later), "nothing is left to forget");
    }
}

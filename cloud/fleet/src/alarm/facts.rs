//! Which conditions hold, by what is known and the time: for the screen at once, for alarms after their delays.
//!
//! In: a state, how long it must hold, now. Out: [`Fact`]s, at most one per key, and when time alone may change them. One
//! function for both, so that no screen says what no alarm will.

use wire::{Quantity, UtcMs};

use super::key::Key;
use super::watch::{STEADY_BREAKS, UNSTABLE_BREAKS};
use crate::condition::Condition;
use crate::inverter::InverterState;
use crate::level::Latest;
use crate::readiness::outlook::charges;
use crate::readiness::{Estimate, Kind, Lamps, Outlook, lamps, outlook};
use crate::screen::{OFFLINE_MS, SERIAL_SILENT_MS};
use crate::self_test::{self, Deadline};

/// A jump of the clock and a gap in the data are worth knowing for this long, milliseconds.
pub const NEWS_MS: i64 = wire::time::HOUR_MS;
/// A value that readings no longer report is missed after this long, milliseconds.
pub const STALE_MS: i64 = 5 * 60_000;
/// That is noticed within this time or not at all: late data brings values that were not told since, milliseconds.
const NOTICED_MS: i64 = wire::time::HOUR_MS;
/// And no longer expected after this long, milliseconds.
pub const UNEXPECTED_MS: i64 = 7 * wire::time::DAY_MS;
/// A battery is given this long to charge after it fed the load, milliseconds (NFPA 111: 24 hours).
pub const RECHARGE_MS: i64 = wire::time::DAY_MS;
/// Charged to this much, it counts as full, percent.
const FULL_PERCENT: i64 = 95;
/// A battery that was weak is not any more when it would hold this much longer than required, share.
const STEADY: f64 = 1.02;
/// Unknown codes of one inverter that become alarms; the page shows all.
const MOST_CODES: usize = 8;
/// Unknown entries whose numbers are codes rather than measured values.
const NUMBERED_CODES: [&str; 2] = ["ERR", "MODE"];

/// A condition that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Which.
    pub key: Key,
    /// Since when, as readings tell.
    pub since: UtcMs,
    /// Since when on the cloud's clock, at the latest now.
    pub(super) from: UtcMs,
    /// It was told of lately. What was not keeps an alarm and makes none.
    pub(super) fresh: bool,
}

/// Everything that holds at `now`; `looked`: the outlook at `now`, where somebody has it already.
#[must_use]
pub fn facts(
    state: &InverterState,
    required_minutes: u32,
    now: UtcMs,
    looked: Option<&Outlook>,
) -> Vec<Fact> {
    let mut all = Facts { found: Vec::new(), state, now, looked };
    all.reported();
    all.silence();
    all.test();
    all.battery(required_minutes);
    all.lamps();
    all.data();
    all.limits();
    all.found
}

/// When time alone may next change what holds, after `now`.
pub(super) fn next_change(state: &InverterState, now: UtcMs) -> Option<UtcMs> {
    let over = |at: UtcMs, ms: i64| at.plus_ms(ms.saturating_add(1));
    let others = [
        state.clock_jump.map(|at| over(at, NEWS_MS)),
        state.data_gap.map(|at| over(at, NEWS_MS)),
        state.test_times_out(now),
        state.watch.breaks.below_at(most_breaks(state), now),
        state.watch.discharged_at.map(|at| over(at, RECHARGE_MS)),
    ];
    let tests = deadlines(state).into_iter().flatten().flat_map(|tests| [tests.from, over(tests.by, 0)]);
    state.watch.deadlines().chain(others.into_iter().flatten()).chain(tests).filter(|at| *at > now).min()
}

/// When tests are due and missed; `None` where the stream does not let tests be seen.
fn deadlines(state: &InverterState) -> Option<[Deadline; 2]> {
    let (tests, set) = (&state.tests, state.rules.rule_set());
    let watched_since = tests.watched_since().filter(|_| self_test::recognises(state))?;
    Some(self_test::deadlines(set, tests.monthly(), tests.annual(), watched_since))
}

struct Facts<'a> {
    found: Vec<Fact>,
    state: &'a InverterState,
    now: UtcMs,
    looked: Option<&'a Outlook>,
}

impl Facts<'_> {
    /// What the inverter itself reports.
    fn reported(&mut self) {
        for level in self.state.conditions.iter().filter(|level| level.holds) {
            let Some(condition) = Condition::from_code(level.code) else { continue };
            // On battery is a matter of several facts; the inverter's own word for it is one of them.
            if condition != Condition::UTILITY_LOST {
                self.add(Key::of(condition), level.since, level.time);
            }
        }
        if let Some(since) = self.state.on_battery_since {
            self.add(Key::of(Condition::UTILITY_LOST), since, self.state.last_reading.unwrap_or(since));
        }
        let codes = self.state.unknown.iter().filter(|text| is_code(text)).take(MOST_CODES);
        for raw in codes {
            let key = Key::code(raw);
            let since = self.state.alarms.held_since(&key).or(self.state.last_reading).unwrap_or(self.now);
            if !self.found.iter().any(|fact| fact.key == key) {
                self.add(key, since, since);
            }
        }
        if let Some(wrong) = &self.state.wrong_inverter {
            self.held(Condition::WRONG_INVERTER, wrong.since);
        }
    }

    /// The gateway says nothing, or it hears nothing from the inverter, or either comes and goes.
    fn silence(&mut self) {
        let watch = &self.state.watch;
        let silent = |at: Option<UtcMs>| at.filter(|at| self.now.since(*at) > OFFLINE_MS);
        let no_contact = silent(watch.alive_at);
        let shown = |at: UtcMs| self.state.last_contact.unwrap_or(at);
        // The gateway spoke without a reading for longer than its line may be silent.
        let spoke_on = |read: &UtcMs| {
            let line_ms = i64::try_from(SERIAL_SILENT_MS).unwrap_or(i64::MAX);
            watch.alive_at.is_some_and(|alive| alive.since(*read) >= line_ms)
        };
        let no_reading = silent(watch.read_at).filter(spoke_on);
        let line = watch.line_silent_since.map(|since| (since, since));
        let no_line = line.or(no_reading.map(|at| (self.state.last_reading.unwrap_or(at), at)));
        let unstable = watch.breaks.left(self.now) >= most_breaks(self.state);
        // The delays are in the facts already: they count from when somebody watched.
        if let Some(at) = no_contact {
            self.held_from(Condition::GATEWAY_OFFLINE, shown(at), at);
        }
        if let Some((since, from)) = no_line {
            self.held_from(Condition::SERIAL_SILENT, since, from);
        }
        if unstable {
            let key = Key::of(Condition::LINK_UNSTABLE);
            self.held(Condition::LINK_UNSTABLE, self.state.alarms.held_since(&key).unwrap_or(self.now));
        }
    }

    fn test(&mut self) {
        let since = self.state.test_since(self.now);
        if let Some(since) = since {
            self.held(Condition::TEST_RUNNING, since);
        } else if let Some(since) = self.state.test_stuck_since(self.now) {
            self.held(Condition::TEST_STUCK, since);
        }
        let failed = self.state.test.as_ref().filter(|test| test.result == wire::TestResult::Failed.name());
        // Its own word, or what was seen of it.
        let failed = failed.map(|test| test.told).or_else(|| self.state.tests.failed_at());
        if let Some(at) = failed {
            self.held(Condition::TEST_FAILED, at);
        }
        self.tests_due();
    }

    /// Of the two kinds the earlier; one that was missed is due no more.
    fn tests_due(&mut self) {
        let now = self.now;
        let all = deadlines(self.state).into_iter().flatten();
        let (missed, open): (Vec<_>, Vec<_>) = all.partition(|tests| now > tests.by);
        if let Some(since) = missed.iter().map(|tests| tests.by).min() {
            self.held(Condition::TEST_MISSED, since);
        }
        if let Some(since) = open.iter().map(|tests| tests.from).filter(|from| now >= *from).min() {
            self.held(Condition::TEST_DUE, since);
        }
    }

    /// Lamps that are out, by the load of the last test: it holds until a test tells otherwise.
    fn lamps(&mut self) {
        let condition = match lamps(&self.state.readiness.evidence) {
            Lamps::Steady => return,
            Lamps::Unknown => return self.lamps_still(),
            Lamps::Warning(_) => Condition::LAMPS_FEWER,
            Lamps::Fault(_) => Condition::LAMPS_LOST,
        };
        let mut tests = self.state.readiness.evidence.iter().rev().filter(|one| one.kind != Kind::Outage);
        if let Some(last) = tests.next() {
            self.held(condition, last.at);
        }
    }

    /// The tests that told of it are forgotten: what they told is true until a test tells otherwise.
    fn lamps_still(&mut self) {
        for condition in [Condition::LAMPS_FEWER, Condition::LAMPS_LOST] {
            if let Some(since) = self.state.alarms.held_since(&Key::of(condition)) {
                self.held(condition, since);
            }
        }
    }

    /// Whether it would hold, where that can be said: not while the battery feeds the load, nor before it had time to
    /// charge again, unless it would not hold when full either. What discharges told goes before what the inverter itself
    /// estimates. The most likely time counts, not the lower end of its interval: an alarm that says that it falls short must be right
    /// more often than not; where only the lower end falls short pages say Degraded.
    fn battery(&mut self, required_minutes: u32) {
        let resting = self.state.on_battery_since.is_none() && !self.state.testing(self.now);
        if !resting {
            return;
        }
        let key = Key::of(Condition::BATTERY_WEAK);
        let look = || outlook(self.state, required_minutes, self.now);
        let outlook = self.looked.copied().unwrap_or_else(look);
        let required_s = f64::from(required_minutes) * 60.0;
        // Two levels: a load that goes up and down is no news each time.
        let enough_s = if self.state.alarms.is_open(&key) { required_s * STEADY } else { required_s };
        let short = |estimate: Option<Estimate>| estimate.is_some_and(|told| told.seconds < enough_s);
        let recharging = self.recharging_since();
        if let Some(since) = recharging {
            self.held(Condition::BATTERY_RECHARGING, since);
        }
        let weak = match outlook.full {
            Some(_) if short(outlook.full) => true,
            Some(_) => recharging.is_none() && short(outlook.now),
            None => recharging.is_none() && self.says_short(required_minutes),
        };
        if weak {
            let own = self.state.value(Quantity::BATTERY_RUNTIME).map(|(_, time)| time);
            let time = self.state.last_reading.filter(|_| outlook.full.is_some()).or(own);
            let time = time.unwrap_or(self.now);
            let since = self.state.alarms.held_since(&key).unwrap_or(time);
            self.add(key, since, time);
        }
    }

    /// By the inverter's own estimate.
    fn says_short(&self, required_minutes: u32) -> bool {
        let short = |seconds: i64| seconds.max(0) / 60 < i64::from(required_minutes);
        self.state.value(Quantity::BATTERY_RUNTIME).is_some_and(|(seconds, _)| short(seconds))
    }

    /// It fed the load within a day, charges, and is not full: by what was counted, else by its own gauge.
    fn recharging_since(&self) -> Option<UtcMs> {
        let discharged = self.state.watch.discharged_at.filter(|at| self.now.since(*at) <= RECHARGE_MS)?;
        let charge = &self.state.readiness.charge;
        let gauge =
            || self.state.value(Quantity::BATTERY_CHARGE).is_some_and(|(percent, _)| percent >= FULL_PERCENT);
        let full = if charge.share().is_some() { charge.is_full() } else { gauge() };
        (charges(self.state) && !full).then_some(discharged)
    }

    /// Records that were lost, clocks that jumped, values that are no longer told.
    fn data(&mut self) {
        let recent = |at: Option<UtcMs>| at.filter(|at| self.now.since(*at) <= NEWS_MS);
        let (jump, gap) = (recent(self.state.clock_jump), recent(self.state.data_gap));
        let newest = self.state.last_reading;
        let missed = |known: &&Latest| {
            newest.is_some_and(|newest| (STALE_MS + 1..=UNEXPECTED_MS).contains(&newest.since(known.time)))
        };
        let stale = self.state.latest.iter().filter(missed).map(|known| known.time).min();
        for (condition, since) in [(Condition::CLOCK_JUMP, jump), (Condition::DATA_GAP, gap)] {
            if let Some(since) = since {
                let known = self.state.alarms.held_since(&Key::of(condition));
                self.held(condition, known.unwrap_or(since));
            }
        }
        if let (Some(since), Some(newest)) = (stale, newest) {
            let key = Key::of(Condition::VALUE_STALE);
            let fresh = newest.since(since) <= NOTICED_MS;
            self.found.push(Fact { key, since, from: self.now, fresh });
        }
    }

    fn limits(&mut self) {
        for limit in self.state.rules.limits() {
            let Some((value, time)) = self.state.value(limit.quantity) else { continue };
            let key = Key::limit(limit.number);
            let since = self.state.alarms.held_since(&key).unwrap_or(time);
            if limit.crossed(value, self.state.alarms.is_open(&key)) {
                self.add(key, since, time);
            }
        }
    }

    /// Holds since an instant that is on the cloud's clock as well as on the page.
    fn held(&mut self, condition: Condition, since: UtcMs) {
        self.held_from(condition, since, since);
    }

    fn held_from(&mut self, condition: Condition, since: UtcMs, from: UtcMs) {
        self.found.push(Fact { key: Key::of(condition), since, from, fresh: true });
    }

    /// Holds since a reading, and was last told at `told`. How long it has held is counted by the readings' own times,
    /// so that a clock that is slow by minutes neither shortens nor lengthens a delay.
    fn add(&mut self, key: Key, since: UtcMs, told: UtcMs) {
        let newest = self.state.last_reading.unwrap_or(told);
        let from = self.now.plus_ms(-newest.since(since).max(0));
        let fresh = newest.since(told) <= OFFLINE_MS;
        self.found.push(Fact { key, since, from, fresh });
    }
}

/// Contact that broke this often comes and goes: with two levels, as a limit has.
fn most_breaks(state: &InverterState) -> u8 {
    let open = state.alarms.is_open(&Key::of(Condition::LINK_UNSTABLE));
    if open { STEADY_BREAKS } else { UNSTABLE_BREAKS }
}

/// Whether an unknown entry is a code rather than a measured value of a name that is not known.
fn is_code(text: &str) -> bool {
    text.split_once('=')
        .is_none_or(|(label, value)| NUMBERED_CODES.contains(&label) || value.parse::<f64>().is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_codes_are_told_from_unknown_values() {
        for code in ["AR=0x4000", "ERR=119", "MODE=7", "Relay=ON", "Alarm"] {
            assert!(is_code(code), "{code}");
        }
        for value in ["H24=17", "XYZ=-1.5"] {
            assert!(!is_code(value), "{value}");
        }
    }
}

//! One key's alarm, from the first sign of its condition until it is forgotten.
//!
//! In: time and whether the condition holds. Out: turns. Phases go Idle, Pending (holds, not for its delay yet), Active,
//! Clearing (gone, not for its delay yet) and back; nothing else leads from one to another.

use minicbor::{Decode, Encode};
use wire::UtcMs;

use super::flaps::Flaps;
use super::key::Key;
use super::rules::Rules;
use super::turn::{AlarmName, AlarmTurn, Turned};
use crate::AccountKey;
use crate::condition::Severity;
use crate::event::Cause;

/// A condition that came this often in the bucket's time is unstable: its alarm stays until it is quiet.
pub const UNSTABLE_ONSETS: u8 = 3;
/// A condition that came this often without ever holding for its delay is raised all the same, as unstable.
pub const RESTLESS_ONSETS: u8 = 10;
/// An unstable alarm is cleared after this long without its condition, milliseconds.
pub const UNSTABLE_CLEAR_MS: i64 = 30 * 60_000;

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(super) enum Phase {
    /// No alarm; kept for its shelf or for how often it came.
    #[n(0)]
    Idle,
    /// The condition holds, not for its delay yet.
    #[n(1)]
    Pending,
    /// Raised.
    #[n(2)]
    Active,
    /// Raised, and the condition is gone, not for its delay yet.
    #[n(3)]
    Clearing,
}

/// Who has seen it, and when.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Acknowledged {
    /// Who.
    #[cbor(n(0), with = "crate::encoding::account")]
    pub by: AccountKey,
    /// When.
    #[n(1)]
    pub at: UtcMs,
    /// What that person wrote, or empty; kept for as long as readings are.
    #[n(2)]
    pub note: String,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(super) struct Track {
    #[n(0)]
    pub key: Key,
    #[n(1)]
    pub phase: Phase,
    /// When the phase began, on the cloud's clock.
    #[n(2)]
    pub at: UtcMs,
    /// Since when the condition holds, as readings tell.
    #[n(3)]
    pub since: UtcMs,
    /// The record that it began with.
    #[cbor(n(4), with = "crate::encoding::cause")]
    pub cause: Cause,
    /// While clearing: when the condition was gone, as readings tell.
    #[n(5)]
    pub ended: UtcMs,
    #[n(6)]
    pub raised_at: UtcMs,
    /// How often it was raised lately, or came back while it was being cleared.
    #[n(7)]
    pub flaps: Flaps,
    #[n(8)]
    pub unstable: bool,
    #[n(9)]
    pub acknowledged: Option<Acknowledged>,
    #[n(10)]
    pub shelved_until: Option<UtcMs>,
    /// Nobody was told of it so far: shelved or maintained.
    #[n(11)]
    pub quiet: bool,
    /// How often its condition came lately, raised or not.
    #[n(12)]
    pub blips: Flaps,
    /// How much it mattered when it was raised. An alarm keeps that to its end, so that whoever was told that it began is
    /// told that it is over.
    #[n(13)]
    pub severity: Option<Severity>,
}

/// A condition that holds, on its way to its track.
#[derive(Clone, Copy, Debug)]
pub(super) struct Onset {
    /// On the cloud's clock: how long it has held already counts.
    pub from: UtcMs,
    pub since: UtcMs,
    pub cause: Cause,
}

impl Track {
    pub(super) fn new(key: Key) -> Self {
        Self {
            key,
            phase: Phase::Idle,
            at: UtcMs(0),
            since: UtcMs(0),
            cause: Cause::default(),
            ended: UtcMs(0),
            raised_at: UtcMs(0),
            flaps: Flaps::default(),
            unstable: false,
            acknowledged: None,
            shelved_until: None,
            quiet: false,
            blips: Flaps::default(),
            severity: None,
        }
    }

    /// Raised and not cleared.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Active | Phase::Clearing)
    }

    /// The condition holds.
    pub(super) fn holds(&self) -> bool {
        matches!(self.phase, Phase::Pending | Phase::Active)
    }

    /// How much its alarm matters, open or over; of one that was never raised, how much it would.
    pub(super) fn severity(&self, rules: &Rules) -> Severity {
        self.severity.unwrap_or_else(|| rules.severity(&self.key))
    }

    pub(super) fn name(&self) -> AlarmName {
        AlarmName { key: self.key.clone(), cause: self.cause, since: self.since }
    }

    /// What time alone will do to it next, and when. Nothing before `now` is left undone.
    pub(super) fn due(&self, rules: &Rules, now: UtcMs) -> Option<UtcMs> {
        let phase = match self.phase {
            Phase::Idle => None,
            Phase::Pending => Some(self.at.plus_ms(rules.raise_delay_ms(&self.key))),
            Phase::Active => self.returns_at(rules, now),
            Phase::Clearing => Some(self.at.plus_ms(self.clear_delay_ms(rules))),
        };
        // A shelf that is over is noticed where it matters: when its alarm comes back, or when the next one is raised.
        phase.map(|due| due.max(now))
    }

    /// Does what is due at `due`.
    pub(super) fn pass(&mut self, rules: &Rules, due: UtcMs, out: &mut Vec<AlarmTurn>) {
        match self.phase {
            Phase::Idle => {}
            Phase::Pending => self.raise(rules, due, false, out),
            // One window may follow upon another.
            Phase::Active if self.quiet_until(rules, due).is_some() => {}
            Phase::Active => {
                self.quiet = false;
                if self.acknowledged.is_none() {
                    self.tell(Turned::Returned, out);
                }
            }
            Phase::Clearing => self.clear(rules, due, out),
        }
    }

    /// The condition holds at `now`.
    pub(super) fn holding(&mut self, rules: &Rules, now: UtcMs, onset: Onset, out: &mut Vec<AlarmTurn>) {
        match self.phase {
            Phase::Active => {}
            Phase::Pending => {
                // A report may tell of several instants.
                self.at = self.at.min(onset.from);
                if now.since(self.at) >= rules.raise_delay_ms(&self.key) {
                    self.raise(rules, now, false, out);
                }
            }
            Phase::Idle => {
                let restless = self.blips.add(now, RESTLESS_ONSETS) >= RESTLESS_ONSETS;
                (self.phase, self.at, self.since, self.cause) =
                    (Phase::Pending, onset.from, onset.since, onset.cause);
                let held = now.since(onset.from) >= rules.raise_delay_ms(&self.key);
                if held || restless {
                    self.raise(rules, now, restless, out);
                }
            }
            Phase::Clearing => {
                self.phase = Phase::Active;
                let often = self.flaps.add(now, UNSTABLE_ONSETS) >= UNSTABLE_ONSETS;
                if often && !std::mem::replace(&mut self.unstable, true) {
                    self.tell(Turned::Unstable, out);
                }
            }
        }
    }

    /// The condition does not hold at `now`; by readings it ended at `ended`.
    pub(super) fn gone(&mut self, rules: &Rules, now: UtcMs, ended: UtcMs, out: &mut Vec<AlarmTurn>) {
        match self.phase {
            Phase::Idle | Phase::Clearing => {}
            Phase::Pending => self.phase = Phase::Idle,
            Phase::Active => {
                (self.phase, self.at, self.ended) = (Phase::Clearing, now, ended.max(self.since));
                if self.clear_delay_ms(rules) == 0 {
                    self.clear(rules, now, out);
                }
            }
        }
    }

    fn raise(&mut self, rules: &Rules, now: UtcMs, restless: bool, out: &mut Vec<AlarmTurn>) {
        (self.phase, self.at, self.raised_at, self.acknowledged) = (Phase::Active, now, now, None);
        self.severity = Some(rules.severity(&self.key));
        self.unstable = self.flaps.add(now, UNSTABLE_ONSETS) >= UNSTABLE_ONSETS || restless;
        self.quiet = self.quiet_until(rules, now).is_some();
        self.tell(Turned::Raised { unstable: self.unstable, quiet: self.quiet }, out);
    }

    fn clear(&mut self, rules: &Rules, now: UtcMs, out: &mut Vec<AlarmTurn>) {
        // Who was told that it began is told that it is over, whatever was shelved since.
        let quiet = self.quiet && self.quiet_until(rules, now).is_some();
        self.tell(Turned::Cleared { ended: self.ended, quiet }, out);
        (self.phase, self.unstable, self.acknowledged, self.quiet) = (Phase::Idle, false, None, false);
    }

    pub(super) fn clear_delay_ms(&self, rules: &Rules) -> i64 {
        let usual = rules.clear_delay_ms(&self.key);
        if self.unstable { usual.max(UNSTABLE_CLEAR_MS) } else { usual }
    }

    /// Until when nobody is to be told.
    pub(super) fn quiet_until(&self, rules: &Rules, now: UtcMs) -> Option<UtcMs> {
        let maintained = rules.maintained_until(self.severity(rules), now);
        maintained.max(self.shelved_until.filter(|until| *until > now))
    }

    /// When people are to be told of an alarm that they were not told of; now, if nothing keeps it quiet any more.
    fn returns_at(&self, rules: &Rules, now: UtcMs) -> Option<UtcMs> {
        self.quiet.then(|| self.quiet_until(rules, now).unwrap_or(now))
    }

    pub(super) fn tell(&self, what: Turned, out: &mut Vec<AlarmTurn>) {
        out.push(AlarmTurn { alarm: self.name(), what });
    }
}

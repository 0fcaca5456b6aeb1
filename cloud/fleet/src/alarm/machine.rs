//! The alarms of one inverter: one ordered machine over all its keys.
//!
//! In: the facts that hold, and time. Out: turns, in order of time. Everything that time alone brings about is done before
//! anything new is looked at, so that it does not matter how often the clock is looked at. Memory is bounded.

use minicbor::{Decode, Encode};
use wire::UtcMs;

use super::facts::Fact;
use super::key::Key;
use super::rules::Rules;
use super::track::{Acknowledged, Onset, Phase, Track};
use super::turn::{AlarmName, AlarmTurn, Turned};
use crate::AccountKey;
use crate::condition::{Severity, Source};
use crate::dating::MAX_AGE_MS;
use crate::event::Cause;

/// A warning may be shelved this long at most, milliseconds.
pub const LONGEST_SHELF_MS: i64 = 7 * wire::time::DAY_MS;

/// Unknown codes of one inverter that are remembered.
const MOST_CODES: usize = 16;

/// Alarms of one inverter, and what led to them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Alarms {
    #[n(0)]
    #[cbor(default)]
    tracks: Vec<Track>,
    /// How far time has been looked at.
    #[n(1)]
    #[cbor(default)]
    pub(super) now: UtcMs,
}

/// An open alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Its name.
    pub name: AlarmName,
    /// How much it matters.
    pub severity: Severity,
    /// When it was raised.
    pub raised_at: UtcMs,
    /// The condition is gone, not for its delay yet.
    pub clearing: bool,
    /// It comes and goes.
    pub unstable: bool,
    /// Who has seen it.
    pub acknowledged: Option<Acknowledged>,
    /// On the shelf until then.
    pub shelved_until: Option<UtcMs>,
}

impl Alarms {
    /// Open alarms, by key.
    pub fn open<'a>(&'a self, rules: &'a Rules) -> impl Iterator<Item = Open> + 'a {
        self.tracks.iter().filter(|track| track.is_open()).map(|track| Open {
            name: track.name(),
            severity: track.severity(rules),
            raised_at: track.raised_at,
            clearing: track.phase == Phase::Clearing,
            unstable: track.unstable,
            acknowledged: track.acknowledged.clone(),
            shelved_until: track.shelved_until,
        })
    }

    /// How far time has been looked at.
    #[must_use]
    pub const fn time(&self) -> UtcMs {
        self.now
    }

    /// Whether an alarm is open.
    #[must_use]
    pub fn is_open(&self, key: &Key) -> bool {
        self.find(key).is_ok_and(|at| self.tracks.get(at).is_some_and(Track::is_open))
    }

    /// How much the last alarm of a key matters, open or over: what it was raised with.
    #[must_use]
    pub fn severity(&self, key: &Key, rules: &Rules) -> Severity {
        let track = self.find(key).ok().and_then(|at| self.tracks.get(at));
        track.map_or_else(|| rules.severity(key), |track| track.severity(rules))
    }

    /// Since when the condition of a key holds, as the machine was told first.
    #[must_use]
    pub fn held_since(&self, key: &Key) -> Option<UtcMs> {
        let track = self.tracks.get(self.find(key).ok()?)?;
        track.holds().then_some(track.since)
    }

    /// Does all that time alone brings about up to `now`, in order.
    pub(super) fn advance(&mut self, rules: &Rules, now: UtcMs, out: &mut Vec<AlarmTurn>) {
        while let Some((due, at)) = self.next(rules).filter(|(due, _)| *due <= now) {
            self.now = due;
            if let Some(track) = self.tracks.get_mut(at) {
                track.pass(rules, due, out);
            }
        }
        self.now = self.now.max(now);
        self.forget();
    }

    /// Looks at what holds at `now`. `read_at` is the instant of the newest reading: when what no longer holds ended.
    pub(super) fn observe(
        &mut self,
        rules: &Rules,
        facts: &[Fact],
        read_at: UtcMs,
        cause: Cause,
        out: &mut Vec<AlarmTurn>,
    ) {
        let now = self.now;
        for track in &mut self.tracks {
            if !facts.iter().any(|fact| fact.key == track.key) {
                // What the cloud itself finds ends when it finds it.
                let own = track.key.condition.definition().source == Source::Inverter;
                track.gone(rules, now, if own { read_at } else { now }, out);
            }
        }
        for fact in facts {
            // What was told long ago and not since keeps an alarm, and makes none.
            let known = self.find(&fact.key);
            if !fact.fresh && !known.is_ok_and(|at| self.tracks.get(at).is_some_and(Track::is_open)) {
                continue;
            }
            // A device may make up a new code each second; what it sends is shown all the same.
            if known.is_err() && fact.key.raw().is_some() && self.codes() >= MOST_CODES {
                continue;
            }
            let at = known.unwrap_or_else(|at| {
                self.tracks.insert(at, Track::new(fact.key.clone()));
                at
            });
            if let Some(track) = self.tracks.get_mut(at) {
                let onset = Onset { from: fact.from.min(now), since: fact.since, cause };
                track.holding(rules, now, onset, out);
            }
        }
    }

    /// When time alone will bring something about.
    #[must_use]
    pub(super) fn due(&self, rules: &Rules) -> Option<UtcMs> {
        self.next(rules).map(|(due, _)| due)
    }

    /// Nobody watched for `gap_ms`: what was being waited for is waited for that much longer.
    pub(super) fn resumed(&mut self, gap_ms: i64) {
        for track in
            self.tracks.iter_mut().filter(|track| matches!(track.phase, Phase::Pending | Phase::Clearing))
        {
            track.at = track.at.plus_ms(gap_ms);
        }
        // Nothing between is looked at.
        self.now = self.now.plus_ms(gap_ms);
    }

    /// Somebody has seen an alarm. `false`: it is not open, or somebody was first.
    pub(super) fn acknowledge(
        &mut self,
        name: &AlarmName,
        by: AccountKey,
        note: String,
        out: &mut Vec<AlarmTurn>,
    ) -> bool {
        let at = self.now;
        let open =
            |track: &&mut Track| track.is_open() && track.name() == *name && track.acknowledged.is_none();
        let Some(track) = self.tracks.iter_mut().find(open) else { return false };
        track.acknowledged = Some(Acknowledged { by, at, note: note.clone() });
        track.tell(Turned::Acknowledged { by, note }, out);
        true
    }

    /// Puts an alarm away until a time. `false`: it is not open, may not be shelved, or not that long.
    pub(super) fn shelve(
        &mut self,
        name: &AlarmName,
        until: UtcMs,
        by: AccountKey,
        reason: String,
        out: &mut Vec<AlarmTurn>,
    ) -> bool {
        let allowed = name.key.condition.definition().shelvable;
        if !allowed || !(1..=LONGEST_SHELF_MS).contains(&until.since(self.now)) {
            return false;
        }
        let open = |track: &&mut Track| track.is_open() && track.name() == *name;
        let Some(track) = self.tracks.iter_mut().find(open) else { return false };
        (track.shelved_until, track.quiet) = (Some(until), true);
        track.tell(Turned::Shelved { until, by, reason }, out);
        true
    }

    /// Takes an alarm back from the shelf. `false`: it was not on it.
    pub(super) fn unshelve(&mut self, name: &AlarmName, by: AccountKey, out: &mut Vec<AlarmTurn>) -> bool {
        let shelved = |track: &&mut Track| track.key == name.key && track.shelved_until.is_some();
        let Some(track) = self.tracks.iter_mut().find(shelved) else { return false };
        track.shelved_until = None;
        out.push(AlarmTurn { alarm: name.clone(), what: Turned::Unshelved { by } });
        true
    }

    /// The next thing that time brings about: the earliest, and of several at once the first by key.
    fn next(&self, rules: &Rules) -> Option<(UtcMs, usize)> {
        let due = |(at, track): (usize, &Track)| track.due(rules, self.now).map(|due| (due, at));
        self.tracks.iter().enumerate().filter_map(due).min()
    }

    fn codes(&self) -> usize {
        self.tracks.iter().filter(|track| track.key.raw().is_some()).count()
    }

    fn find(&self, key: &Key) -> Result<usize, usize> {
        self.tracks.binary_search_by(|track| track.key.cmp(key))
    }

    fn forget(&mut self) {
        let now = self.now;
        let over = |until: UtcMs| until <= now;
        for track in self.tracks.iter_mut().filter(|track| track.shelved_until.is_some_and(over)) {
            track.shelved_until = None;
        }
        // An alarm that is open for longer keeps its state and no words (decision 28).
        for seen in self.tracks.iter_mut().filter_map(|track| track.acknowledged.as_mut()) {
            if now.since(seen.at) > MAX_AGE_MS {
                seen.note = String::new();
            }
        }
        self.tracks.retain(|track| {
            track.phase != Phase::Idle
                || track.shelved_until.is_some()
                || track.flaps.left(now).max(track.blips.left(now)) > 0
        });
    }
}

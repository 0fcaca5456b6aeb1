//! What is remembered of contact with an inverter, on the cloud's clock.
//!
//! In: reports and how old what they tell is, the time nobody watched. Out: deadlines of silence, whether a backlog is
//! still arriving. A restart of the cloud moves every deadline by the time it was away (decision 7).

use minicbor::{Decode, Encode};
use wire::UtcMs;

use super::flaps::Flaps;
use crate::screen::{OFFLINE_MS, SERIAL_SILENT_MS};

/// A reading that took longer than this on its way is not a live one, milliseconds.
pub const LIVE_LAG_MS: i64 = 120_000;
/// A backlog is over when nothing newer came for this long, milliseconds.
const SETTLED_MS: i64 = 30_000;
/// A backlog is being caught up with while each report is this much less late than the one before, milliseconds.
const CATCHING_UP_MS: i64 = 5_000;
/// Contact that broke this often lately comes and goes.
pub(super) const UNSTABLE_BREAKS: u8 = 4;
/// It is steady again when it broke less often than this.
pub(super) const STEADY_BREAKS: u8 = 2;

/// What is remembered of contact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Watch {
    /// The last report, moved by the time nobody watched.
    #[n(0)]
    pub(super) alive_at: Option<UtcMs>,
    /// The last report with a reading that was the newest, moved likewise.
    #[n(1)]
    pub(super) read_at: Option<UtcMs>,
    /// How late the newest reading was when it came, milliseconds.
    #[n(2)]
    lag_ms: i64,
    /// A backlog is arriving: what it says is looked at then, unless more comes.
    #[n(3)]
    settles_at: Option<UtcMs>,
    /// How often contact broke.
    #[n(4)]
    pub(super) breaks: Flaps,
    /// The self-test that is told of runs since then.
    #[n(5)]
    test_since: Option<UtcMs>,
    /// The battery last fed the load then.
    #[n(6)]
    pub(super) discharged_at: Option<UtcMs>,
    /// The gateway says that it has heard nothing from the inverter since then.
    #[n(7)]
    pub(super) line_silent_since: Option<UtcMs>,
}

impl Watch {
    /// A report came.
    pub fn contact(&mut self, now: UtcMs) {
        if self.alive_at.is_some_and(|alive| now.since(alive) > OFFLINE_MS) {
            self.breaks.add(now, UNSTABLE_BREAKS);
        }
        self.alive_at = self.alive_at.max(Some(now));
    }

    /// The gateway says how long its line has been silent.
    pub fn line(&mut self, now: UtcMs, silent_ms: u64) {
        let since = now.plus_ms(-i64::try_from(silent_ms).unwrap_or(i64::MAX));
        let since = (silent_ms >= SERIAL_SILENT_MS).then(|| self.line_silent_since.unwrap_or(since));
        if self.line_silent_since.is_some() && since.is_none() {
            self.broke(now);
        }
        self.line_silent_since = since;
    }

    /// The gateway started anew, or the serial line was silent.
    pub fn broke(&mut self, now: UtcMs) {
        self.breaks.add(now, UNSTABLE_BREAKS);
    }

    /// The newest reading came, `lag_ms` after it was taken. Whether what it says is what is true now.
    pub fn reading(&mut self, now: UtcMs, lag_ms: i64) -> bool {
        let catching_up =
            lag_ms > LIVE_LAG_MS && self.read_at.is_none_or(|_| lag_ms < self.lag_ms - CATCHING_UP_MS);
        self.lag_ms = lag_ms;
        self.read_at = self.read_at.max(Some(now));
        self.settles_at = catching_up.then(|| now.plus_ms(SETTLED_MS));
        !catching_up
    }

    /// Whether a backlog is still arriving at `now`.
    pub(super) fn is_catching_up(&self, now: UtcMs) -> bool {
        self.settles_at.is_some_and(|settles| now < settles)
    }

    /// The battery fed the load.
    pub fn discharged(&mut self, now: UtcMs) {
        self.discharged_at = Some(now);
    }

    /// A self-test is told of: running or not; `anew` when it is not the one that was told of.
    pub fn test(&mut self, running: bool, anew: bool, now: UtcMs) {
        self.test_since = match self.test_since {
            Some(since) if running && !anew => Some(since),
            _ => running.then_some(now),
        };
    }

    /// Since when a self-test is told of as running.
    #[must_use]
    pub const fn test_since(&self) -> Option<UtcMs> {
        self.test_since
    }

    /// When silence becomes a fact.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = UtcMs> {
        let over = |at: UtcMs| at.plus_ms(OFFLINE_MS + 1);
        [self.alive_at.map(over), self.read_at.map(over), self.settles_at].into_iter().flatten()
    }

    /// Nobody watched for `gap_ms`.
    pub(super) fn resumed(&mut self, gap_ms: i64) {
        for at in [&mut self.alive_at, &mut self.read_at, &mut self.settles_at] {
            *at = at.map(|at| at.plus_ms(gap_ms));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: UtcMs = UtcMs(1_800_000_000_000);

    #[test]
    fn a_backlog_is_caught_up_with_and_a_slow_clock_is_not_a_backlog() {
        let mut watch = Watch::default();
        assert!(!watch.reading(T0, 86_400_000), "a day of history begins");
        assert!(!watch.reading(T0.plus_ms(200), 80_000_000));
        assert!(watch.is_catching_up(T0.plus_ms(30_199)) && !watch.is_catching_up(T0.plus_ms(30_200)));
        assert!(!watch.reading(T0.plus_ms(400), 200_000));
        assert!(watch.reading(T0.plus_ms(600), 100), "now it is live");
        assert!(!watch.is_catching_up(T0.plus_ms(600)));
        // A clock ten minutes slow: late for ever, by the same.
        let mut watch = Watch::default();
        assert!(!watch.reading(T0, 600_000));
        assert!(watch.reading(T0.plus_ms(10_000), 600_000));
        assert!(watch.reading(T0.plus_ms(20_000), 599_000));
    }
}

//! When a record happened, as well as can be known (decisions 5 and 6).
//!
//! In: what the gateway says of a record and of its own uptime, and when the cloud received it. Out: one instant and
//! how far to trust it, or that it is too old to keep. Received-at is the only clock.

use wire::time::DAY_MS;
use wire::{Quality, UtcMs};

/// A record further ahead of its arrival than this is dated by its arrival, milliseconds.
pub const MAX_FUTURE_MS: i64 = 5 * 60_000;
/// A record older than this on arrival is dropped, milliseconds.
pub const MAX_AGE_MS: i64 = 30 * DAY_MS;
/// A time before this was never read from a clock that was set: 2026-01-01, before the first of these gateways.
pub const EARLIEST: UtcMs = UtcMs(1_767_225_600_000);
/// A time that runs on from before a power cut is believed while it agrees with the record's age this well.
pub const MAX_AGED_ERROR_MS: i64 = 5 * 60_000;

/// What is said of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The gateway's wall time of it.
    pub time: Option<UtcMs>,
    /// How good that is.
    pub quality: Quality,
    /// The gateway's uptime at it, milliseconds.
    pub uptime_ms: Option<u64>,
    /// The gateway's uptime when it sent the report, milliseconds, same start.
    pub sent_uptime_ms: Option<u64>,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dated {
    /// Dated.
    At {
        /// When it happened.
        time: UtcMs,
        /// How far to trust it. Dated by the cloud's clock, it is [`Quality::Aged`]: right but for the delay on the
        /// way.
        quality: Quality,
        /// It claimed to be in the future, or from before any clock was right.
        jumped: bool,
    },
    /// Older than 30 days on arrival.
    TooOld,
}

/// Dates a record received at `received_at`.
#[must_use]
pub fn date(said: &Said, received_at: UtcMs) -> Dated {
    if said.time.is_some_and(|time| time < EARLIEST) {
        return without_clock(said, received_at);
    }
    let (time, quality) = repair(said, received_at);
    if time.since(received_at) > MAX_FUTURE_MS {
        return Dated::At { time: received_at, quality: Quality::Estimated, jumped: true };
    }
    if received_at.since(time) > MAX_AGE_MS {
        return Dated::TooOld;
    }
    Dated::At { time, quality, jumped: false }
}

/// A clock that was never set says 1970. What is known of the record's age dates it, or its arrival.
fn without_clock(said: &Said, received_at: UtcMs) -> Dated {
    let aged = age_ms(said).is_some();
    // A gateway that knows that its clock is not set says so, and has nothing to answer for.
    let jumped = said.quality == Quality::Synchronised || !aged;
    match date(&Said { time: None, ..*said }, received_at) {
        Dated::At { time, quality, .. } => {
            Dated::At { time, quality: if aged { quality } else { Quality::Estimated }, jumped }
        }
        Dated::TooOld => Dated::TooOld,
    }
}

fn repair(said: &Said, received_at: UtcMs) -> (UtcMs, Quality) {
    let by_age = age_ms(said).map(|age_ms| received_at.plus_ms(age_ms.saturating_neg()));
    match (said.time, said.quality, by_age) {
        (Some(time), Quality::Synchronised, _) => (time, Quality::Synchronised),
        (Some(time), Quality::Aged, Some(by_age)) if disagree(time, by_age) => (by_age, Quality::Aged),
        (Some(time), Quality::Aged, _) => (time, Quality::Aged),
        (_, _, Some(by_age)) => (by_age, Quality::Aged),
        (Some(time), Quality::Estimated, None) => (time, Quality::Estimated),
        (None, _, None) => (received_at, Quality::Aged),
    }
}

fn disagree(one: UtcMs, other: UtcMs) -> bool {
    one.since(other).saturating_abs() > MAX_AGED_ERROR_MS
}

fn age_ms(said: &Said) -> Option<i64> {
    let age_ms = said.sent_uptime_ms?.checked_sub(said.uptime_ms?)?;
    i64::try_from(age_ms).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMs = UtcMs(1_800_000_000_000);

    fn check(
        time_ms_ago: Option<i64>,
        quality: Quality,
        age_ms: Option<u64>,
        expect: Option<(i64, Quality, bool)>,
    ) {
        let said = Said {
            time: time_ms_ago.map(|ago| NOW.plus_ms(-ago)),
            quality,
            uptime_ms: age_ms.map(|age| 1_000_000_000_000 - age),
            sent_uptime_ms: age_ms.map(|_| 1_000_000_000_000),
        };
        let found = match date(&said, NOW) {
            Dated::At { time, quality, jumped } => Some((NOW.since(time), quality, jumped)),
            Dated::TooOld => None,
        };
        assert_eq!(found, expect, "{said:?}");
    }

    #[test]
    fn the_best_known_time_wins() {
        use Quality::{Aged, Estimated, Synchronised};
        check(Some(60_000), Synchronised, Some(9_000), Some((60_000, Synchronised, false)));
        check(Some(60_000), Aged, Some(61_000), Some((60_000, Aged, false)));
        check(Some(3_600_000), Aged, Some(2_000), Some((2_000, Aged, false)));
        check(Some(3_600_000), Aged, None, Some((3_600_000, Aged, false)));
        check(Some(3_600_000), Estimated, Some(2_000), Some((2_000, Aged, false)));
        check(Some(3_600_000), Estimated, None, Some((3_600_000, Estimated, false)));
        check(None, Estimated, Some(2_000), Some((2_000, Aged, false)));
        check(None, Estimated, None, Some((0, Aged, false)));
    }

    #[test]
    fn the_bounds_hold_at_n_and_one_more() {
        use Quality::{Estimated, Synchronised};
        check(Some(-MAX_FUTURE_MS), Synchronised, None, Some((-MAX_FUTURE_MS, Synchronised, false)));
        check(Some(-MAX_FUTURE_MS - 1), Synchronised, None, Some((0, Estimated, true)));
        check(Some(MAX_AGE_MS), Synchronised, None, Some((MAX_AGE_MS, Synchronised, false)));
        check(Some(MAX_AGE_MS + 1), Synchronised, None, None);
    }

    #[test]
    fn a_clock_that_was_never_set_loses_no_reading() {
        use Quality::{Aged, Estimated, Synchronised};
        let ago = NOW.0 - 60_000;
        for quality in [Synchronised, Aged, Estimated] {
            check(Some(ago), quality, None, Some((0, Estimated, true)));
            check(Some(ago), quality, Some(7_000), Some((7_000, Aged, quality == Synchronised)));
        }
        check(Some(i64::MAX), Synchronised, None, Some((0, Estimated, true)));
        check(Some(NOW.since(EARLIEST)), Synchronised, None, None);
        check(Some(ago), Estimated, Some(MAX_AGE_MS.unsigned_abs() + 1), None);
    }

    #[test]
    fn an_uptime_after_the_sending_dates_by_arrival() {
        let said = Said { uptime_ms: Some(9), sent_uptime_ms: Some(8), ..Said::default() };
        assert_eq!(date(&said, NOW), Dated::At { time: NOW, quality: Quality::Aged, jumped: false });
    }
}

//! Hours in which a person is not to be woken.
//!
//! In: an instant and the site's clock, as a function from instants to minutes of the day. Out: whether they hold then, and
//! when they are over, also in the two nights in which the clock is changed.

use minicbor::{Decode, Encode};
use wire::UtcMs;

/// Minutes of a day.
pub const DAY_MINUTES: u16 = 1_440;
const MINUTE_MS: i64 = 60_000;
/// Clocks are changed by no more than this, minutes.
const MOST_SHIFT: i64 = 180;

/// From one minute of the day up to another, over midnight or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct QuietHours {
    #[n(0)]
    from: u16,
    #[n(1)]
    to: u16,
}

impl QuietHours {
    /// From `from` up to `to`, minutes of the day; `None` if either is none, or they are the same: a day without an hour in
    /// which one is told anything is not offered.
    #[must_use]
    pub const fn new(from: u16, to: u16) -> Option<Self> {
        if from < DAY_MINUTES && to < DAY_MINUTES && from != to { Some(Self { from, to }) } else { None }
    }

    /// First and last minute.
    #[must_use]
    pub const fn minutes(self) -> (u16, u16) {
        (self.from, self.to)
    }

    /// Whether they hold at a minute of the day.
    #[must_use]
    pub const fn hold_at(self, minute: u16) -> bool {
        if self.from < self.to {
            self.from <= minute && minute < self.to
        } else {
            self.from <= minute || minute < self.to
        }
    }

    /// When they are over, if they hold at `now`. `local` tells the minute of the day at an instant.
    pub fn over_at(self, now: UtcMs, local: &dyn Fn(UtcMs) -> u16) -> Option<UtcMs> {
        if !self.hold_at(local(now)) {
            return None;
        }
        let left = i64::from((self.to + DAY_MINUTES - local(now)) % DAY_MINUTES);
        let minute = UtcMs(now.0 - now.0.rem_euclid(MINUTE_MS));
        // The clock may be changed on the way: the first minute around there in which they hold no longer.
        let first = left.saturating_sub(MOST_SHIFT).max(1);
        let over = (first..=left + MOST_SHIFT).map(|minutes| minute.plus_ms(minutes * MINUTE_MS));
        over.into_iter().find(|at| !self.hold_at(local(*at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    /// Midnight in UTC.
    const MIDNIGHT: UtcMs = UtcMs(1_800_057_600_000);

    fn minute(at: UtcMs, offset_ms: i64) -> u16 {
        u16::try_from(at.plus_ms(offset_ms).0.rem_euclid(86_400_000) / MINUTE_MS).unwrap()
    }

    /// A zone whose clock changes at `change` by an hour, from an offset of one hour.
    fn zone(change: UtcMs, after_ms: i64) -> impl Fn(UtcMs) -> u16 {
        move |at| minute(at, if at < change { HOUR_MS } else { after_ms })
    }

    fn night() -> QuietHours {
        QuietHours::new(22 * 60, 7 * 60).unwrap()
    }

    #[test]
    fn they_hold_over_midnight_and_end_on_their_minute() {
        let utc = |at| minute(at, 0);
        let at = |hours: i64, ms: i64| MIDNIGHT.plus_ms(hours * HOUR_MS + ms);
        for (now, over) in
            [(at(-2, 0), true), (at(-2, -1), false), (at(6, HOUR_MS - 1), true), (at(7, 0), false)]
        {
            assert_eq!(night().over_at(now, &utc), over.then_some(at(7, 0)), "{now}");
        }
        let noon = QuietHours::new(12 * 60, 13 * 60).unwrap();
        assert_eq!(noon.over_at(at(12, 5), &utc), Some(at(13, 0)));
        assert_eq!(noon.over_at(at(11, 0), &utc), None);
        assert_eq!((QuietHours::new(5, 5), QuietHours::new(0, DAY_MINUTES)), (None, None));
    }

    #[test]
    fn they_end_by_the_clock_on_the_wall_in_both_nights_in_which_it_is_changed() {
        let change = MIDNIGHT.plus_ms(HOUR_MS);
        let evening = MIDNIGHT.plus_ms(-2 * HOUR_MS);
        // In spring an hour is left out: 7:00 comes an hour earlier; in autumn an hour later.
        let spring = zone(change, 2 * HOUR_MS);
        assert_eq!(night().over_at(evening, &spring), Some(MIDNIGHT.plus_ms(5 * HOUR_MS)));
        let autumn = zone(change, 0);
        assert_eq!(night().over_at(evening, &autumn), Some(MIDNIGHT.plus_ms(7 * HOUR_MS)));
        // Their end lies in the hour that is left out: they end with the change.
        let to_half_past_two = QuietHours::new(22 * 60, 2 * 60 + 30).unwrap();
        assert_eq!(to_half_past_two.over_at(evening, &spring), Some(change));
        // It lies in the hour that comes twice: they end the first time, and hold again for the second.
        let to_half_past_one = QuietHours::new(22 * 60, 60 + 30).unwrap();
        assert_eq!(to_half_past_one.over_at(evening, &autumn), Some(MIDNIGHT.plus_ms(HOUR_MS / 2)));
        assert_eq!(to_half_past_one.over_at(change, &autumn), Some(change.plus_ms(HOUR_MS / 2)));
    }

    #[test]
    fn over_means_that_they_do_not_hold() {
        for shift in [0, HOUR_MS, 2 * HOUR_MS] {
            let local = zone(MIDNIGHT.plus_ms(HOUR_MS), shift);
            for (from, to) in [(1_320, 420), (0, 1_439), (61, 60), (90, 150), (1_439, 0)] {
                let quiet = QuietHours::new(from, to).unwrap();
                for step in -1_500..1_500_i64 {
                    let now = MIDNIGHT.plus_ms(step * MINUTE_MS + 7);
                    match quiet.over_at(now, &local) {
                        Some(over) => assert!(over > now && !quiet.hold_at(local(over))),
                        None => assert!(!quiet.hold_at(local(now)), "{from}-{to} at {now}"),
                    }
                }
            }
        }
    }
}

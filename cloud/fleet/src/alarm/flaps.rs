//! How often something came lately: a bucket that leaks one each half hour.
//!
//! In: instants. Out: how many are left in the bucket. Two words of memory, whatever comes.

use minicbor::{Decode, Encode};
use wire::UtcMs;

/// One leaks out in this time, milliseconds.
pub const LEAK_MS: i64 = 30 * 60_000;

/// The bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Flaps {
    #[n(0)]
    count: u8,
    /// When `count` was true.
    #[n(1)]
    at: UtcMs,
}

impl Flaps {
    /// One more, up to `most`: more than matter are not counted, as they would be forgotten later. How many there are now.
    pub fn add(&mut self, now: UtcMs, most: u8) -> u8 {
        let left = self.left(now);
        self.at = if left == 0 { now } else { self.at.plus_ms(self.leaked(now).saturating_mul(LEAK_MS)) };
        self.count = left.saturating_add(1).min(most);
        self.count
    }

    /// How many are left.
    #[must_use]
    pub fn left(&self, now: UtcMs) -> u8 {
        self.count.saturating_sub(u8::try_from(self.leaked(now)).unwrap_or(u8::MAX))
    }

    /// When it will hold fewer than `limit`; `None` if it does already at `now`.
    #[must_use]
    pub fn below_at(&self, limit: u8, now: UtcMs) -> Option<UtcMs> {
        if self.left(now) < limit {
            return None;
        }
        let leaks = i64::from(self.count.saturating_sub(limit)).saturating_add(1);
        Some(self.at.plus_ms(leaks.saturating_mul(LEAK_MS)))
    }

    fn leaked(&self, now: UtcMs) -> i64 {
        now.since(self.at).max(0) / LEAK_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fills_by_one_and_leaks_one_each_half_hour() {
        let mut flaps = Flaps::default();
        let at = |minutes: i64| UtcMs(1_800_000_000_000 + minutes * 60_000);
        assert_eq!((0..4).map(|n| flaps.add(at(n), 48)).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(flaps.below_at(4, at(3)), Some(at(30)));
        assert_eq!((flaps.left(at(29)), flaps.left(at(30)), flaps.left(at(120))), (4, 3, 0));
        assert_eq!(flaps.below_at(4, at(30)), None);
        assert_eq!(flaps.add(at(31), 48), 4, "the leak of minute 30 is not forgotten");
        assert_eq!(flaps.below_at(4, at(31)), Some(at(60)));
        assert_eq!(flaps.add(at(10_000), 48), 1);
        assert_eq!((0..500).map(|_| flaps.add(at(10_000), 48)).last(), Some(48));
        assert_eq!(flaps.left(at(10_000 + 48 * 30)), 0);
    }
}

//! How often one account, or one source, may try.
//!
//! In: when earlier attempts began that did not pair. Out: when the next one may. The same whatever serial numbers were
//! tried, so that it tells nothing of them.

use wire::UtcMs;

/// Attempts older than this count no more, milliseconds.
pub const LOOK_BACK_MS: i64 = 60 * 60_000;
/// The first pause; each further attempt doubles it.
const FIRST_PAUSE_MS: i64 = 15_000;
/// Longest pause below the hour's bound.
const LONGEST_PAUSE_MS: i64 = 4 * 60_000;

/// One bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Attempts that cost no pause: people mistype.
    pub free: usize,
    /// Most attempts within the time that counts.
    pub most: usize,
}

impl Limit {
    /// For an account, wherever it comes from.
    pub const ACCOUNT: Self = Self { free: 3, most: 10 };
    /// For a source, whichever accounts come from it: a building full of electricians shares one.
    pub const SOURCE: Self = Self { free: 10, most: 30 };

    /// When the next attempt may begin; `None`: now. `earlier`: beginnings in any order.
    #[must_use]
    pub fn wait(self, earlier: &[UtcMs], now: UtcMs) -> Option<UtcMs> {
        let mut counting: Vec<_> =
            earlier.iter().filter(|at| now.since(**at) < LOOK_BACK_MS).copied().collect();
        counting.sort_unstable();
        let by_hour = counting.len().checked_sub(self.most).and_then(|first| counting.get(first));
        let by_hour = by_hour.map(|at| at.plus_ms(LOOK_BACK_MS));
        let by_pause = counting.last().map(|last| last.plus_ms(self.pause_ms(counting.len())));
        by_hour.max(by_pause).filter(|again| now < *again)
    }

    fn pause_ms(self, attempts: usize) -> i64 {
        match attempts.checked_sub(self.free) {
            None => 0,
            Some(doublings) => (FIRST_PAUSE_MS << doublings.min(10)).min(LONGEST_PAUSE_MS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_are_free_then_pauses_grow_then_the_hour_is_full() {
        let (mut earlier, mut now, mut waits) = (Vec::new(), UtcMs(1_000_000), Vec::new());
        for _ in 0..11 {
            let again = Limit::ACCOUNT.wait(&earlier, now).unwrap_or(now);
            waits.push(again.since(now) / 1000);
            now = again;
            earlier.push(now);
        }
        assert_eq!(waits[..10], [0, 0, 0, 15, 30, 60, 120, 240, 240, 240]);
        // The eleventh waits until the first is an hour old.
        assert_eq!(now, earlier[0].plus_ms(LOOK_BACK_MS));
    }

    #[test]
    fn an_hour_later_nothing_counts() {
        let earlier = [UtcMs(0); 40];
        assert!(Limit::SOURCE.wait(&earlier, UtcMs(LOOK_BACK_MS - 1)).is_some());
        assert_eq!(Limit::SOURCE.wait(&earlier, UtcMs(LOOK_BACK_MS)), None);
    }
}

//! How often one account, or one source, may try, at any number and at one.
//!
//! In: when earlier attempts began that did not pair. Out: when the next one may. The same whatever serial numbers were
//! tried, so that it tells nothing of them. The limit at one number bounds a stranger who knows it: whoever waits for the
//! same button is contested by them a few times a day and no more.

use wire::UtcMs;

const HOUR_MS: i64 = 60 * 60_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Attempts older than this count nowhere any more, milliseconds.
pub const LOOK_BACK_MS: i64 = DAY_MS;
/// The first pause; each further attempt doubles it.
const FIRST_PAUSE_MS: i64 = 15_000;
/// Longest pause below the bound of the whole time.
const LONGEST_PAUSE_MS: i64 = 4 * 60_000;

/// One bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Attempts older than this do not count, milliseconds.
    pub within_ms: i64,
    /// Attempts that cost no pause: people mistype.
    pub free: usize,
    /// Most attempts within the time that counts.
    pub most: usize,
}

/// Beginnings of attempts that did not pair, in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Earlier {
    /// Of the account.
    pub by_account: Vec<UtcMs>,
    /// From the source.
    pub by_source: Vec<UtcMs>,
    /// Of the account, at the serial number that it tries now.
    pub by_serial: Vec<UtcMs>,
}

impl Earlier {
    /// When the next attempt may begin; `None`: now.
    #[must_use]
    pub fn wait(&self, now: UtcMs) -> Option<UtcMs> {
        let bounds = [
            (Limit::ACCOUNT, &self.by_account),
            (Limit::ACCOUNT_OF_A_DAY, &self.by_account),
            (Limit::SOURCE, &self.by_source),
            (Limit::SERIAL, &self.by_serial),
        ];
        bounds.into_iter().filter_map(|(limit, earlier)| limit.wait(earlier, now)).max()
    }
}

impl Limit {
    /// For an account, wherever it comes from.
    pub const ACCOUNT: Self = Self { within_ms: HOUR_MS, free: 3, most: 10 };
    /// The same over a day: who adds a building's inverters has few that fail.
    pub const ACCOUNT_OF_A_DAY: Self = Self { within_ms: DAY_MS, free: 40, most: 40 };
    /// For a source, whichever accounts come from it: a building full of electricians shares one.
    pub const SOURCE: Self = Self { within_ms: HOUR_MS, free: 10, most: 30 };
    /// For an account at one serial number: six times the window is an hour in a day.
    pub const SERIAL: Self = Self { within_ms: DAY_MS, free: 6, most: 6 };

    /// When the next attempt may begin; `None`: now. `earlier`: beginnings in any order.
    #[must_use]
    pub fn wait(self, earlier: &[UtcMs], now: UtcMs) -> Option<UtcMs> {
        let mut counting: Vec<_> =
            earlier.iter().filter(|at| now.since(**at) < self.within_ms).copied().collect();
        counting.sort_unstable();
        let by_time = counting.len().checked_sub(self.most).and_then(|first| counting.get(first));
        let by_time = by_time.map(|at| at.plus_ms(self.within_ms));
        let by_pause = counting.last().map(|last| last.plus_ms(self.pause_ms(counting.len())));
        by_time.max(by_pause).filter(|again| now < *again)
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
        assert_eq!(now, earlier[0].plus_ms(HOUR_MS));
    }

    #[test]
    fn an_hour_later_nothing_counts() {
        let earlier = [UtcMs(0); 40];
        assert!(Limit::SOURCE.wait(&earlier, UtcMs(HOUR_MS - 1)).is_some());
        assert_eq!(Limit::SOURCE.wait(&earlier, UtcMs(HOUR_MS)), None);
    }

    #[test]
    fn the_latest_of_all_bounds_holds() {
        let spread =
            |count: usize, step: i64| (0_i64..).map(|at| UtcMs(at * step)).take(count).collect::<Vec<_>>();
        let now = UtcMs(20 * HOUR_MS);
        let check =
            |earlier: Earlier, expect: Option<UtcMs>| assert_eq!(earlier.wait(now), expect, "{earlier:?}");
        check(Earlier::default(), None);
        // Six at one number hold until the first is a day old, seven until the second is.
        check(Earlier { by_serial: spread(5, HOUR_MS), ..Earlier::default() }, None);
        check(Earlier { by_serial: spread(6, HOUR_MS), ..Earlier::default() }, Some(UtcMs(DAY_MS)));
        check(Earlier { by_serial: spread(7, HOUR_MS), ..Earlier::default() }, Some(UtcMs(DAY_MS + HOUR_MS)));
        check(Earlier { by_account: spread(39, HOUR_MS / 4), ..Earlier::default() }, None);
        check(Earlier { by_account: spread(40, HOUR_MS / 4), ..Earlier::default() }, Some(UtcMs(DAY_MS)));
        // Of two that hold the later one.
        let both = Earlier {
            by_account: spread(40, HOUR_MS / 4),
            by_serial: spread(7, HOUR_MS),
            ..Earlier::default()
        };
        check(both, Some(UtcMs(DAY_MS + HOUR_MS)));
        let source = Earlier { by_source: vec![now.plus_ms(-60_000); 30], ..Earlier::default() };
        check(source, Some(now.plus_ms(HOUR_MS - 60_000)));
        // What is older than the time that counts costs no pause either.
        let mut mostly_old = vec![now.plus_ms(-2 * HOUR_MS); 9];
        mostly_old.push(now.plus_ms(-1));
        check(Earlier { by_account: mostly_old, ..Earlier::default() }, None);
        let recent = vec![now.plus_ms(-1); 4];
        check(Earlier { by_source: recent.clone(), ..Earlier::default() }, None);
        check(Earlier { by_account: recent, ..Earlier::default() }, Some(now.plus_ms(-1 + 30_000)));
    }
}

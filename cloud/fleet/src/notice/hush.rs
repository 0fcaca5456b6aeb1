//! Stretches of time in which nobody is to be told.
//!
//! In: maintenance windows as beginnings and ends, instants. Out: how much time outside of them has gone by, and when so much
//! will have. A stretch holds from its first instant up to, not including, its last.

use wire::UtcMs;

use crate::alarm::Rules;
use crate::condition::Severity;

/// Stretches in order, apart from each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hush(Vec<(UtcMs, UtcMs)>);

impl Hush {
    /// Wherever one of these holds.
    #[must_use]
    pub fn of(stretches: impl IntoIterator<Item = (UtcMs, UtcMs)>) -> Self {
        let mut all: Vec<_> = stretches.into_iter().filter(|(from, to)| from < to).collect();
        all.sort_unstable();
        let mut apart: Vec<(UtcMs, UtcMs)> = Vec::with_capacity(all.len());
        for (from, to) in all {
            match apart.last_mut() {
                Some((_, end)) if from <= *end => *end = to.max(*end),
                _ => apart.push((from, to)),
            }
        }
        Self(apart)
    }

    /// The maintenance windows in which nobody is told of something critical.
    #[must_use]
    pub fn of_critical(rules: &Rules) -> Self {
        Self::of(rules.quiet(Severity::Critical).map(|window| (window.from, window.to)))
    }

    /// Wherever all of them hold; nowhere, where there is none.
    #[must_use]
    pub fn common(all: impl IntoIterator<Item = Self>) -> Self {
        let mut all = all.into_iter();
        let Some(mut common) = all.next() else { return Self::default() };
        while let Some(next) = all.next().filter(|_| !common.is_empty()) {
            common = common.and(&next);
        }
        common
    }

    /// Wherever both hold.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let both = self
            .0
            .iter()
            .flat_map(|(from, to)| other.0.iter().map(|(begins, ends)| (*from.max(begins), *to.min(ends))));
        Self::of(both)
    }

    /// Whether it never holds.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it holds at an instant.
    #[must_use]
    pub fn holds(&self, at: UtcMs) -> bool {
        self.0.iter().any(|(from, to)| *from <= at && at < *to)
    }

    /// The time between two instants in which it does not hold, milliseconds.
    #[must_use]
    pub fn free_ms(&self, from: UtcMs, to: UtcMs) -> i64 {
        let within = |(begins, ends): &(UtcMs, UtcMs)| (*ends).min(to).since((*begins).max(from)).max(0);
        let quiet: i64 = self.0.iter().map(within).sum();
        to.since(from).max(0).saturating_sub(quiet).max(0)
    }

    /// The first instant from `from` on that has `ms` of such time behind it, and at which it does not hold.
    #[must_use]
    pub fn after(&self, from: UtcMs, ms: i64) -> UtcMs {
        let (mut at, mut left) = (from, ms.max(0));
        for (begins, ends) in self.0.iter().filter(|(_, ends)| *ends > from) {
            let free = begins.since(at).max(0);
            if left < free {
                break;
            }
            (at, left) = (at.max(*ends), left.saturating_sub(free));
        }
        at.plus_ms(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hush(stretches: &[(i64, i64)]) -> Hush {
        Hush::of(stretches.iter().map(|(from, to)| (UtcMs(*from), UtcMs(*to))))
    }

    #[test]
    fn stretches_are_put_in_order_and_where_they_touch_they_are_one() {
        assert_eq!(
            hush(&[(30, 40), (10, 20), (20, 25), (12, 15), (7, 7), (9, 3)]),
            hush(&[(10, 25), (30, 40)])
        );
        assert_eq!(
            hush(&[(10, 30), (50, 70)]).and(&hush(&[(0, 20), (25, 60)])),
            hush(&[(10, 20), (25, 30), (50, 60)])
        );
        assert_eq!(Hush::common([]), hush(&[]));
        assert_eq!(Hush::common([hush(&[(1, 5)]), hush(&[(3, 9)]), hush(&[(0, 4)])]), hush(&[(3, 4)]));
        assert!(hush(&[(10, 20)]).and(&hush(&[(20, 30)])).is_empty());
        let one = hush(&[(10, 20)]);
        assert_eq!([9, 10, 19, 20].map(|at| one.holds(UtcMs(at))), [false, true, true, false]);
    }

    #[test]
    fn time_in_them_does_not_count_and_nothing_ends_in_one() {
        let check = |from: i64, ms: i64, expect: i64| {
            let hush = hush(&[(10, 20), (30, 40)]);
            let after = hush.after(UtcMs(from), ms);
            assert_eq!(after, UtcMs(expect), "{ms} from {from}");
            assert!(!hush.holds(after));
            assert_eq!(hush.free_ms(UtcMs(from), after), ms, "{ms} from {from}");
        };
        check(0, 0, 0);
        check(0, 9, 9);
        check(0, 10, 20);
        check(0, 11, 21);
        check(0, 20, 40);
        check(0, 25, 45);
        check(10, 0, 20);
        check(15, 3, 23);
        check(50, 3, 53);
        assert_eq!(hush(&[]).after(UtcMs(5), -3), UtcMs(5));
    }
}

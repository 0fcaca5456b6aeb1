//! A set of ordinals as ordered, disjoint intervals.
//!
//! In: acknowledged ranges. Out: whether an ordinal, or a whole range, is in the set. Bounded: when it grows too
//! many pieces it forgets the lowest, whose records are then sent again, which the cloud's deduplication makes
//! harmless.

/// Most pieces kept. Each loss of connection in the middle of a backlog makes one.
const MAX_PIECES: usize = 512;

/// Closed intervals, ascending, none touching the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intervals(Vec<(u64, u64)>);

impl Intervals {
    /// Adds `first..=last`; nothing when `last < first`.
    pub fn insert(&mut self, first: u64, last: u64) {
        if last < first {
            return;
        }
        let from = self.0.partition_point(|(_, end)| end.saturating_add(1) < first);
        let to = self.0.partition_point(|(start, _)| *start <= last.saturating_add(1));
        let touched = self.0.get(from..to).unwrap_or_default();
        let start = touched.first().map_or(first, |(start, _)| first.min(*start));
        let end = touched.last().map_or(last, |(_, end)| last.max(*end));
        self.0.splice(from..to.max(from), [(start, end)]);
        if self.0.len() > MAX_PIECES {
            self.0.remove(0);
        }
    }

    /// Whether the ordinal is in the set.
    #[must_use]
    pub fn contains(&self, ordinal: u64) -> bool {
        self.covers(ordinal, ordinal)
    }

    /// Whether all of `first..=last` is in the set.
    #[must_use]
    pub fn covers(&self, first: u64, last: u64) -> bool {
        let at = self.0.partition_point(|(_, end)| *end < first);
        self.0.get(at).is_some_and(|(start, end)| *start <= first && last <= *end)
    }

    /// Forgets everything below `ordinal`.
    pub fn forget_below(&mut self, ordinal: u64) {
        self.0.retain_mut(|(start, end)| {
            *start = (*start).max(ordinal);
            *end >= ordinal
        });
    }

    /// The highest ordinal in the set.
    #[must_use]
    pub fn last(&self) -> Option<u64> {
        self.0.last().map(|(_, end)| *end)
    }

    /// The intervals in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    proptest::proptest! {
        #[test]
        fn behaves_as_a_set(ranges in proptest::collection::vec((0_u64..60, 0_u64..8), 0..40), floor in 0_u64..70) {
            let (mut intervals, mut model) = (Intervals::default(), BTreeSet::new());
            for (first, length) in ranges {
                intervals.insert(first, first + length);
                model.extend(first..=first + length);
            }
            intervals.forget_below(floor);
            model.retain(|ordinal| *ordinal >= floor);
            for ordinal in 0..80 {
                proptest::prop_assert_eq!(intervals.contains(ordinal), model.contains(&ordinal));
                proptest::prop_assert_eq!(
                    intervals.covers(ordinal, ordinal + 3),
                    (ordinal..=ordinal + 3).all(|o| model.contains(&o))
                );
            }
            proptest::prop_assert_eq!(intervals.last(), model.last().copied());
            let pieces: Vec<_> = intervals.iter().collect();
            proptest::prop_assert!(pieces.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
    }

    #[test]
    fn the_number_of_pieces_is_bounded_and_the_lowest_go_first() {
        let mut intervals = Intervals::default();
        (0..2000).for_each(|n| intervals.insert(n * 2, n * 2));
        assert_eq!(intervals.iter().count(), MAX_PIECES);
        assert!(intervals.contains(3998) && !intervals.contains(0));
        intervals.insert(0, u64::MAX);
        assert_eq!(intervals.iter().collect::<Vec<_>>(), [(0, u64::MAX)]);
    }
}

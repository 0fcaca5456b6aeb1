//! What charts of sealed chunks have in common, kept in a bounded amount of memory.
//!
//! In and out: listings, digests and cells under keys that never mean other content. The longest unused go first.

use std::collections::HashMap;
use std::sync::Arc;

use fleet::InverterKey;
use wire::Quantity;

use super::bucket::{Grid, Sums};
use super::day::Sealed;
use super::spans::{Held, Stretch};

/// What is said of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// Chunks of an inverter on a day.
    Listing(i64, InverterKey),
    /// Digest of a chunk.
    Digest(i64, Sealed),
    /// Cells of a quantity of a chunk.
    Cells(i64, Sealed, Quantity),
}

/// A chunk's timeline.
#[derive(Debug)]
pub(super) struct Digest {
    pub(super) first: i64,
    pub(super) last: i64,
    /// Longest time between two readings that is no gap at this chunk's pace, milliseconds.
    pub(super) tolerance: i64,
    pub(super) stretches: Vec<Stretch>,
    pub(super) held: Vec<Held>,
    /// Which cells hold readings.
    pub(super) grid: Grid,
    pub(super) occupied: Vec<bool>,
}

#[derive(Clone)]
pub(super) enum Value {
    /// With the generation of the day's file it was read from.
    Listing(u64, Arc<Vec<Sealed>>),
    Digest(Arc<Digest>),
    /// In the grid of the digest.
    Cells(Arc<Vec<Sums>>),
}

pub(super) struct Cache {
    entries: HashMap<Key, (Value, u64)>,
    bytes: usize,
    budget: usize,
    clock: u64,
}

const ENTRY_BYTES: usize = 150;

impl Cache {
    pub(super) fn new(budget: usize) -> Self {
        Self { entries: HashMap::new(), bytes: 0, budget, clock: 0 }
    }

    pub(super) fn find(&mut self, key: &Key) -> Option<Value> {
        self.clock += 1;
        let (value, used) = self.entries.get_mut(key)?;
        *used = self.clock;
        Some(value.clone())
    }

    pub(super) fn keep(&mut self, key: Key, value: Value) {
        self.clock += 1;
        self.bytes += size(&value);
        if let Some((old, _)) = self.entries.insert(key, (value, self.clock)) {
            self.bytes = self.bytes.saturating_sub(size(&old));
        }
        if self.bytes > self.budget {
            self.shed();
        }
    }

    /// Drops the longer unused half, so that shedding is rare.
    fn shed(&mut self) {
        let mut used: Vec<_> = self.entries.values().map(|(_, used)| *used).collect();
        let middle = used.len() / 2;
        let (_, bound, _) = used.select_nth_unstable(middle);
        let bound = *bound;
        let mut freed = 0;
        self.entries.retain(|_, (value, used)| {
            let keep = *used > bound;
            freed += if keep { 0 } else { size(value) };
            keep
        });
        self.bytes = self.bytes.saturating_sub(freed);
    }
}

fn size(value: &Value) -> usize {
    ENTRY_BYTES
        + match value {
            Value::Listing(_, sealed) => sealed.len() * size_of::<Sealed>(),
            Value::Digest(digest) => {
                digest.stretches.len() * size_of::<Stretch>()
                    + digest.held.len() * size_of::<Held>()
                    + digest.occupied.len()
            }
            Value::Cells(cells) => cells.len() * size_of::<Sums>(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 5.0: 14.2.2.
    #[test]
    fn memory_is_bounded_and_what_was_used_last_stays() {
        let mut cache = Cache::new(100_000);
        let key = |day| Key::Listing(day, InverterKey(1));
        for day in 0..10_000 {
            cache.keep(key(day), Value::Listing(1, Arc::new(Vec::new())));
            assert!(cache.find(&key(0)).is_some());
            assert!(cache.bytes <= 100_000);
        }
        assert!(cache.find(&key(1)).is_none());
        assert_eq!(cache.bytes, cache.entries.values().map(|(value, _)| size(value)).sum::<usize>());
    }
}

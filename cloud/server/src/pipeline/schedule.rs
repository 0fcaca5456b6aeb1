//! Which inverter has to be looked at when: each at most once ahead.
//!
//! In: inverters with the instant at which time alone will bring something about. Out: those whose instant has come. An
//! instant that moves further away, as each report does to it, costs nothing: it is looked up again when the old one comes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicI64, Ordering};

use fleet::InverterKey;
use wire::UtcMs;

/// Instants to come, the earliest on top.
#[derive(Debug, Default)]
pub struct Schedule(BinaryHeap<Reverse<(UtcMs, InverterKey)>>);

/// The next of them, for whoever keeps the time.
#[derive(Debug)]
pub struct NextDue(AtomicI64);

impl Schedule {
    /// Looks at `inverter` at `due`, unless it is looked at before that; `scheduled` is what stands for it.
    pub fn at(&mut self, inverter: InverterKey, due: Option<UtcMs>, scheduled: &mut Option<UtcMs>) {
        let Some(due) = due.filter(|due| scheduled.is_none_or(|known| *due < known)) else { return };
        *scheduled = Some(due);
        self.0.push(Reverse((due, inverter)));
    }

    /// The next whose instant is not after `now`, with that instant.
    pub fn pop(&mut self, now: UtcMs) -> Option<(UtcMs, InverterKey)> {
        let next = self.0.peek().filter(|Reverse((due, _))| *due <= now)?.0;
        self.0.pop();
        Some(next)
    }

    /// The earliest instant.
    pub fn next(&self) -> Option<UtcMs> {
        self.0.peek().map(|Reverse((due, _))| *due)
    }
}

impl Default for NextDue {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MAX))
    }
}

impl NextDue {
    /// Notes it.
    pub fn set(&self, due: Option<UtcMs>) {
        self.0.store(due.map_or(i64::MAX, |due| due.0), Ordering::Relaxed);
    }

    /// The instant; the end of time where there is none.
    #[must_use]
    pub fn get(&self) -> UtcMs {
        UtcMs(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_that_moves_away_is_not_scheduled_again() {
        let (mut schedule, mut scheduled, key) = (Schedule::default(), None, InverterKey(1));
        for due in [10, 20, 30] {
            schedule.at(key, Some(UtcMs(due)), &mut scheduled);
        }
        assert_eq!(scheduled, Some(UtcMs(10)));
        schedule.at(key, Some(UtcMs(5)), &mut scheduled);
        assert_eq!((schedule.next(), schedule.pop(UtcMs(4))), (Some(UtcMs(5)), None));
        assert_eq!(schedule.pop(UtcMs(5)), Some((UtcMs(5), key)));
        assert_eq!(schedule.pop(UtcMs(99)), Some((UtcMs(10), key)), "the one that no longer stands for it");
        assert_eq!(schedule.next(), None);
    }
}

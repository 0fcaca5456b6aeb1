//! A token bucket: so many at once, so many a second over time.
//!
//! In: the present instant. Out: a token, or the instant at which there will be one. Never sleeps.

use std::time::Duration;

use tokio::time::Instant;

/// A bucket that knows when it was last full: one instant, no arithmetic on fractions.
///
/// The bucket is full at `full_at`; each token taken moves that instant one interval later (GCRA).
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    full_at: Instant,
}

/// How a bucket fills.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    interval: Duration,
    burst: u32,
}

impl Rate {
    /// `per_s` tokens a second (at least 1), `burst` at once.
    #[must_use]
    pub const fn new(per_s: u32, burst: u32) -> Self {
        let per_s = if per_s == 0 { 1 } else { per_s };
        Self { interval: Duration::from_nanos(1_000_000_000 / per_s as u64), burst }
    }
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub const fn full(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// The instant at which there will be one.
    pub fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Instant> {
        let full_at = self.full_at.max(now) + rate.interval;
        let ready = full_at.checked_sub(rate.interval * rate.burst).unwrap_or(now);
        if ready > now {
            return Err(ready);
        }
        self.full_at = full_at;
        Ok(())
    }

    /// True if no token is missing.
    #[must_use]
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }

    /// Takes a token that is not there yet, and says when it will be.
    pub fn book(&mut self, rate: Rate, now: Instant) -> Instant {
        self.full_at = self.full_at.max(now) + rate.interval;
        self.full_at.checked_sub(rate.interval * rate.burst).unwrap_or(now).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_burst_at_once_then_the_rate() {
        let start = Instant::now();
        let rate = Rate::new(20, 200);
        let mut bucket = Bucket::full(start);
        for n in 0..200 {
            assert_eq!(bucket.take(rate, start), Ok(()), "{n}");
        }
        let ready = bucket.take(rate, start).unwrap_err();
        assert_eq!(ready - start, Duration::from_millis(50));
        assert_eq!(bucket.take(rate, ready), Ok(()));
        assert!(bucket.take(rate, ready).is_err());
        // A second later there are twenty, not twenty-one.
        let later = ready + Duration::from_secs(1);
        for _ in 0..20 {
            assert_eq!(bucket.take(rate, later), Ok(()));
        }
        assert!(bucket.take(rate, later).is_err());
        // A long rest fills it to the burst and no further.
        let rested = later + Duration::from_secs(1_000);
        for _ in 0..200 {
            assert_eq!(bucket.take(rate, rested), Ok(()));
        }
        assert!(bucket.take(rate, rested).is_err());
    }

    #[test]
    fn booked_turns_come_one_after_the_other() {
        let start = Instant::now();
        let rate = Rate::new(1, 2);
        let mut bucket = Bucket::full(start);
        let turns: Vec<_> = (0..4).map(|_| (bucket.book(rate, start) - start).as_secs()).collect();
        assert_eq!(turns, [0, 0, 1, 2]);
    }
}

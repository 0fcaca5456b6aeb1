//! How long to wait before the next try.
//!
//! In: failures and random bits. Out: a wait with full jitter (uniform between nothing and the ceiling, as in
//! "Exponential Backoff And Jitter", AWS Architecture Blog 2015): a fleet that lost its cloud at one instant does not
//! come back at one instant.

/// First ceiling: a cloud that restarts is back within seconds.
const FIRST_MS: u64 = 1000;
/// Last ceiling: five minutes bound both the load on a cloud that is down and the wait after it is up.
const MAX_MS: u64 = 5 * 60_000;
/// No wait is shorter, so that a failure that costs nothing is not repeated at full speed.
const MIN_MS: u64 = 200;
/// Where two gateways use one certificate, they shall not throw each other out every second: start at 32 s.
const TAKEN_OVER_FAILURES: u32 = 5;

/// Failures in a row.
#[derive(Debug, Default)]
pub struct BackOff {
    failures: u32,
}

impl BackOff {
    /// It worked: the next wait starts over.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }

    /// Another session took ours over.
    pub fn taken_over(&mut self) {
        self.failures = self.failures.max(TAKEN_OVER_FAILURES);
    }

    /// The wait after one more failure.
    pub fn wait_ms(&mut self, random: u64) -> u64 {
        let ceiling = FIRST_MS.saturating_mul(1_u64 << self.failures.min(20)).min(MAX_MS);
        self.failures = self.failures.saturating_add(1);
        MIN_MS + random % (ceiling - MIN_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_five_minutes_and_start_over() {
        let mut back_off = BackOff::default();
        let ceilings: Vec<u64> = (0..12).map(|_| back_off.wait_ms(u64::MAX)).collect();
        assert!(ceilings.iter().all(|wait| (MIN_MS..MAX_MS).contains(wait)));
        let mut longest = 0;
        for random in 0..10_000 {
            longest = longest.max(back_off.wait_ms(random * 7919));
        }
        assert!(longest > MAX_MS * 9 / 10);
        back_off.reset();
        assert!(back_off.wait_ms(u64::MAX) < FIRST_MS);
        back_off.taken_over();
        assert!(
            (0..50)
                .map(|n| BackOff { failures: TAKEN_OVER_FAILURES }.wait_ms(n * 999_983))
                .any(|wait| wait > 8000)
        );
    }

    /// SplitMix64 (Steele, Lea and Flood 2014): what the gateways draw, the same in each run.
    fn draw(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    #[test]
    fn two_thousand_gateways_that_lost_their_cloud_for_twelve_hours_do_not_come_back_as_a_herd() {
        const OUTAGE_MS: u64 = 12 * 3_600_000;
        let mut arrivals = vec![0_u32; 300];
        for gateway in 0..2000 {
            let (mut back_off, mut random, mut at_ms) = (BackOff::default(), gateway, 0);
            while at_ms < OUTAGE_MS {
                at_ms += back_off.wait_ms(draw(&mut random));
            }
            let second = usize::try_from((at_ms - OUTAGE_MS) / 1000).unwrap();
            arrivals[second] += 1;
        }
        let (all, busiest) = (arrivals.iter().sum::<u32>(), arrivals.iter().max().copied().unwrap());
        println!("2,000 gateways are back within five minutes; {busiest} in the busiest second");
        assert_eq!(all, 2000, "every one tries within five minutes");
        // Waits of 150 s on average: 13 a second. Without jitter all 2,000 came in one.
        assert!(busiest < 40, "{busiest} in one second");
    }
}

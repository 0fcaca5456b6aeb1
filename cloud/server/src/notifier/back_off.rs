//! How long a mail waits for its next try.
//!
//! In: tries so far and random bits. Out: a wait that doubles from two seconds to two minutes, half of it random, so that
//! mails that failed together do not come back together. Short, because links in mails are good for half an hour.

/// After the first try.
const FIRST_MS: u64 = 2_000;
/// At most: a mail server that is back gets what waits within two minutes.
const MAX_MS: u64 = 120_000;

/// From a failed try to the next.
pub fn wait_ms(attempts: u32, random: u64) -> i64 {
    let doublings = attempts.saturating_sub(1).min(16);
    let ceiling = FIRST_MS.saturating_mul(1 << doublings).min(MAX_MS);
    let half = ceiling / 2;
    i64::try_from(half + random % (half + 1)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_two_minutes_and_half_of_it_is_chance() {
        let check = |attempts: u32, least: i64, most: i64| {
            assert_eq!(wait_ms(attempts, 0), least, "after {attempts}");
            assert_eq!(wait_ms(attempts, least.unsigned_abs()), most, "after {attempts}");
        };
        check(0, 1_000, 2_000);
        check(1, 1_000, 2_000);
        check(2, 2_000, 4_000);
        check(6, 32_000, 64_000);
        check(7, 60_000, 120_000);
        check(u32::MAX, 60_000, 120_000);
        for random in [1, 7, 123_456_789, u64::MAX] {
            assert!((1_000..=2_000).contains(&wait_ms(1, random)), "{random}");
        }
    }
}

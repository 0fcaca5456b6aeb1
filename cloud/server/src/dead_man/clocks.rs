//! The wall clock against the one that nobody sets.
//!
//! In: both, at each look. Out: by how much the wall clock was set, for a while. Pure.

use wire::UtcMs;
use wire::time::HOUR_MS;

/// A step stays a finding for so long: it is over at once, what it did is not.
const REMEMBERED_MS: i64 = HOUR_MS / 2;
/// NTP slews by 0.5 ms a second, and two readings of two clocks are not one: less is no step.
const LEAST_MS: i64 = 1_000;

/// What was seen.
#[derive(Debug, Default)]
pub struct Clocks {
    last: Option<(UtcMs, i64)>,
    step: Option<(i64, i64)>,
}

impl Clocks {
    /// Both clocks now. The largest step of the last while, milliseconds; negative where it went back.
    pub fn look(&mut self, wall: UtcMs, passed_ms: i64) -> i64 {
        let last = self.last.replace((wall, passed_ms));
        let step = last.map_or(0, |(before, passed)| {
            wall.since(before).saturating_sub(passed_ms.saturating_sub(passed))
        });
        let remembered = self.step.filter(|(_, at)| passed_ms.saturating_sub(*at) < REMEMBERED_MS);
        let known = remembered.map_or(0, |(step, _)| step.saturating_abs());
        self.step =
            if step.saturating_abs() >= LEAST_MS.max(known) { Some((step, passed_ms)) } else { remembered };
        self.step.map_or(0, |(step, _)| step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 5.0: 16.2.2.
    #[test]
    fn a_step_of_the_wall_clock_is_seen_and_remembered_for_a_while() {
        let mut clocks = Clocks::default();
        let mut check = |wall, passed, expect| {
            assert_eq!(clocks.look(UtcMs(wall), passed), expect, "{wall} {passed}");
        };
        check(1_000_000, 0, 0);
        check(1_001_000, 1_000, 0);
        // A little off is no step.
        check(1_002_900, 2_000, 0);
        check(1_003_900, 3_000, 0);
        // Back by a minute, then time goes on.
        check(944_900, 4_000, -60_000);
        check(945_900, 5_000, -60_000);
        // A smaller one does not hide it, a larger one does.
        check(956_900, 6_000, -60_000);
        check(1_157_900, 7_000, 200_000);
        check(1_157_900 + REMEMBERED_MS, 7_000 + REMEMBERED_MS, 0);
    }
}

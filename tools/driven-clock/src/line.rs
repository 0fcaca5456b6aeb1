//! One line of the file, and what all of them together say of an instant.
//!
//! In: text, the machine's uptime. Out: driven wall time and driven uptime. Pure.

use std::fmt;

use wire::UtcMs;

/// From `uptime_ms` of the machine on, the clock stands at `utc` and goes `rate` times as fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    pub uptime_ms: i64,
    pub utc: UtcMs,
    pub rate: f64,
}

/// What the clock says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    pub utc: UtcMs,
    pub uptime_ms: i64,
    pub rate: f64,
}

impl Line {
    /// `UPTIME_MS UTC_MS RATE`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let uptime_ms = words.next()?.parse().ok()?;
        let utc = UtcMs(words.next()?.parse().ok()?);
        let rate = words.next()?.parse().ok().filter(|rate| (0.0..=MOST).contains(rate))?;
        words.next().is_none().then_some(Self { uptime_ms, utc, rate })
    }

    fn passed_ms(&self, until_uptime_ms: i64) -> i64 {
        let real_ms = until_uptime_ms.saturating_sub(self.uptime_ms).max(0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "2^53 ms are 285,000 years"
        )]
        let driven_ms = (real_ms as f64 * self.rate) as i64;
        driven_ms
    }
}

/// The fastest: eleven days a second.
const MOST: f64 = 1_000_000.0;

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.uptime_ms, self.utc.0, self.rate)
    }
}

/// What `lines` say at the machine's uptime `now_ms`; before the first of them, its instant. `None` without lines.
///
/// The driven uptime is the machine's at the first line. It goes on with the clock, also where that jumps ahead: time
/// has passed then. Where it jumps back, only the wall clock was set.
pub fn read(lines: &[Line], now_ms: i64) -> Option<Reading> {
    let (first, rest) = lines.split_first()?;
    let (mut line, mut uptime_ms) = (*first, first.uptime_ms);
    for next in rest.iter().take_while(|next| next.uptime_ms <= now_ms) {
        let passed_ms = line.passed_ms(next.uptime_ms);
        let jump_ms = next.utc.since(line.utc.plus_ms(passed_ms));
        uptime_ms = uptime_ms.saturating_add(passed_ms).saturating_add(jump_ms.max(0));
        line = *next;
    }
    let passed_ms = line.passed_ms(now_ms);
    Some(Reading {
        utc: line.utc.plus_ms(passed_ms),
        uptime_ms: uptime_ms.saturating_add(passed_ms),
        rate: line.rate,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, now_ms: i64, utc_ms: i64, uptime_ms: i64) {
        let lines: Vec<Line> = text.lines().map(|line| Line::parse(line).unwrap()).collect();
        let reading = read(&lines, now_ms).unwrap();
        assert_eq!((reading.utc.0, reading.uptime_ms), (utc_ms, uptime_ms), "{text:?} at {now_ms}");
    }

    #[test]
    fn the_last_line_that_has_begun_counts() {
        check("1000 50000 1", 900, 50_000, 1000);
        check("1000 50000 1", 1500, 50_500, 1500);
        let faster = "1000 50000 1\n2000 51000 20";
        check(faster, 2000, 51_000, 2000);
        check(faster, 2500, 61_000, 12_000);
        check("1000 50000 0", 9000, 50_000, 1000);
    }

    #[test]
    fn a_jump_ahead_is_time_that_passed_and_a_jump_back_a_clock_that_was_set() {
        check("1000 50000 1\n2000 86451000 1", 3000, 86_452_000, 86_403_000);
        check("1000 50000 1\n2000 1000 1", 3000, 2_000, 3000);
    }

    #[test]
    fn what_is_no_line_is_none() {
        for text in ["", "1", "1 2", "1 2 x", "1 2 -1", "1 2 NaN", "1 2 3 4", "x 2 3"] {
            assert_eq!(Line::parse(text), None, "{text:?}");
        }
        let line = Line { uptime_ms: 7, utc: UtcMs(-3), rate: 0.5 };
        assert_eq!(Line::parse(&line.to_string()), Some(line));
    }
}

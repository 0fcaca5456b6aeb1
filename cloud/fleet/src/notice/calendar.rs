//! Letters that come by the calendar: when each is due next, by the clock on somebody's wall.
//!
//! In: when the last one was written, quiet hours, the wall's clock as a function from instants to its minutes. Out: the
//! first instant after that at which the wall shows the letter's day and hour, also in weeks in which the clock is changed;
//! never twice where an hour comes twice, never left out where one is left out. Asks no clock, knows no zone.

use wire::UtcMs;

use super::quiet::{DAY_MINUTES, QuietHours};

const MINUTE_MS: i64 = 60_000;
const DAY: i64 = DAY_MINUTES as i64;
/// No clock was ever moved by more than this: two places on the date line left out a day. Minutes.
const MOST_SHIFT: i64 = 26 * 60;
/// The first Monday after the wall showed January 1, 1970, a Thursday; minutes.
const MONDAY: i64 = 4 * DAY;
/// Seven in the morning, minutes. Early enough to be read before the day's first visit to a building, late enough to wake
/// nobody: it is where the night of the quiet hours that are offered ends.
const SEVEN: i64 = 7 * 60;
/// Days of a month on which the record of tests is looked at.
const MONTHLY_ON: [u32; 2] = [1, 16];

/// A letter that comes by the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Periodical {
    /// All is watched. Mondays: what the weekend brought is told before the week's work is planned, and somebody is there
    /// to miss it.
    Weekly,
    /// What is worth knowing and was not told at once.
    Daily,
    /// The record of tests. On the first of a month: the report of the month before. On the 16th it is looked whether something would be
    /// gone before the next one: records without a logbook live thirty days, and a month may have thirty-one.
    Monthly,
}

impl Periodical {
    /// Each with its name in the store, which is its letter's kind, too.
    pub const TABLE: [(Self, &'static str); 3] =
        [(Self::Weekly, "weekly"), (Self::Daily, "daily"), (Self::Monthly, "monthly")];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(letter, _)| *letter == self).map_or("", |(_, name)| name)
    }

    /// By name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, known)| *known == name).map(|(letter, _)| *letter)
    }

    /// How long from one to the next on the wall, and where the first one stood; minutes. Nothing for what goes by the month.
    const fn rhythm(self) -> Option<(i64, i64)> {
        match self {
            Self::Weekly => Some((7 * DAY, MONDAY + SEVEN)),
            Self::Daily => Some((DAY, SEVEN)),
            Self::Monthly => None,
        }
    }

    /// How long it is on the wall, which shows `shown`, until the next one; more than nothing, minutes.
    fn left(self, shown: i64) -> i64 {
        if let Some((period, first)) = self.rhythm() {
            return period - (shown - first).rem_euclid(period);
        }
        let day = (shown - SEVEN).div_euclid(DAY);
        let is_one = |day: &i64| {
            let (.., of_month) = UtcMs(day.saturating_mul(wire::time::DAY_MS)).date();
            MONTHLY_ON.contains(&of_month)
        };
        let next = (day + 1..=day + 31).find(is_one).unwrap_or(day + 31);
        next * DAY + SEVEN - shown
    }

    /// When the next one is due after one that was written at `written_at`. `wall`: minutes that the wall's clock shows at an
    /// instant, since it showed 1970. Quiet hours that hold then move it to their end.
    pub fn due(self, written_at: UtcMs, quiet: Option<QuietHours>, wall: &dyn Fn(UtcMs) -> i64) -> UtcMs {
        let shown = wall(written_at);
        let left = self.left(shown);
        let minute = UtcMs(written_at.0 - written_at.0.rem_euclid(MINUTE_MS));
        let at = |minutes: i64| minute.plus_ms(minutes * MINUTE_MS);
        // The wall does not show it yet, and has for sure: halved until both are a minute apart.
        let (mut before, mut reached) = (0, left + MOST_SHIFT);
        while reached - before > 1 {
            let middle = before + (reached - before) / 2;
            if wall(at(middle)) >= shown + left {
                reached = middle;
            } else {
                before = middle;
            }
        }
        let due = at(reached);
        let minute_of_day = |at: UtcMs| u16::try_from(wall(at).rem_euclid(DAY)).unwrap_or(0);
        quiet.and_then(|quiet| quiet.over_at(due, &minute_of_day)).unwrap_or(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    /// Monday, November 2, 2026, midnight in UTC.
    const MONDAY_MS: UtcMs = UtcMs(1_793_577_600_000);

    fn wall(offset_ms: i64) -> impl Fn(UtcMs) -> i64 {
        move |at| at.plus_ms(offset_ms).0.div_euclid(MINUTE_MS)
    }

    fn hours(hours: i64) -> UtcMs {
        MONDAY_MS.plus_ms(hours * HOUR_MS)
    }

    #[test]
    fn a_week_ends_on_monday_at_seven_and_a_day_at_seven() {
        let check = |letter: Periodical, written: UtcMs, expect: UtcMs| {
            assert_eq!(letter.due(written, None, &wall(0)), expect, "{letter:?} after {written}");
        };
        check(Periodical::Weekly, hours(0), hours(7));
        check(Periodical::Weekly, hours(7).plus_ms(-1), hours(7));
        check(Periodical::Weekly, hours(7), hours(7 + 168));
        check(Periodical::Weekly, hours(8), hours(7 + 168));
        check(Periodical::Weekly, hours(-20), hours(7));
        check(Periodical::Daily, hours(7), hours(31));
        check(Periodical::Daily, hours(6), hours(7));
        // By the wall, wherever it hangs.
        for offset in [-12, -5, 0, 5, 14] {
            let due = Periodical::Weekly.due(hours(-30), None, &wall(offset * HOUR_MS));
            assert_eq!(due, hours(7 - offset), "{offset}");
        }
    }

    #[test]
    fn quiet_hours_move_it_to_their_end() {
        let late = QuietHours::new(22 * 60, 9 * 60 + 30);
        assert_eq!(Periodical::Weekly.due(hours(0), late, &wall(0)), hours(9).plus_ms(HOUR_MS / 2));
        let usual = QuietHours::new(22 * 60, 7 * 60);
        assert_eq!(Periodical::Weekly.due(hours(0), usual, &wall(0)), hours(7));
        // The next one is a week later all the same.
        let next = Periodical::Weekly.due(hours(9).plus_ms(HOUR_MS / 2), late, &wall(0));
        assert_eq!(next, hours(9 + 168).plus_ms(HOUR_MS / 2));
    }

    #[test]
    fn an_hour_that_is_left_out_or_comes_twice_neither_loses_nor_doubles_it() {
        // The clock is changed at any hour around the letter's, by up to a day, forward and back.
        for change in (-30..12).map(hours) {
            for shift in [-24, -3, -1, 1, 2, 24] {
                let before = wall(0);
                let after = wall(shift * HOUR_MS);
                let zone = |at: UtcMs| if at < change { before(at) } else { after(at) };
                for letter in [Periodical::Weekly, Periodical::Daily] {
                    let (period, first) = letter.rhythm().unwrap();
                    let mut written = hours(-200);
                    for _ in 0..20 {
                        let due = letter.due(written, None, &zone);
                        let apart = due.since(written);
                        let shifted = (period * MINUTE_MS).saturating_add(27 * HOUR_MS);
                        assert!(apart > 0 && apart <= shifted, "{letter:?} {shift} {written} {due}");
                        let (shown, just) = (zone(due), zone(due.plus_ms(-MINUTE_MS)));
                        let slot = zone(written) + period - (zone(written) - first).rem_euclid(period);
                        assert!(just < slot && shown >= slot, "{letter:?} {shift} {change}: {due}");
                        // Written when it was due, or some hours late: the next one is another.
                        assert!(letter.due(due, None, &zone) > due);
                        written = due.plus_ms(HOUR_MS);
                    }
                }
            }
        }
    }

    #[test]
    fn the_record_is_looked_at_on_the_first_and_on_the_sixteenth_and_never_more_than_sixteen_days_apart() {
        let at = |text: &str| UtcMs::parse_rfc3339(text).unwrap();
        let check = |written: &str, expect: &str| {
            let due = Periodical::Monthly.due(at(written), None, &wall(0));
            assert_eq!(due.to_rfc3339(), at(expect).to_rfc3339(), "after {written}");
        };
        check("2026-11-02T09:00:00Z", "2026-11-16T07:00:00Z");
        check("2026-11-16T07:00:00Z", "2026-12-01T07:00:00Z");
        check("2026-12-31T23:59:00Z", "2027-01-01T07:00:00Z");
        check("2027-01-01T06:59:00Z", "2027-01-01T07:00:00Z");
        check("2028-02-16T07:00:00Z", "2028-03-01T07:00:00Z");
        let mut written = at("2026-01-01T07:00:00Z");
        for _ in 0..200 {
            let due = Periodical::Monthly.due(written, None, &wall(-5 * HOUR_MS));
            let days = due.since(written).div_euclid(24 * HOUR_MS);
            assert!((0..=16).contains(&days), "{written} {due}");
            written = due;
        }
    }

    #[test]
    fn names_lead_back() {
        for (letter, name) in Periodical::TABLE {
            assert_eq!((letter.name(), Periodical::from_name(name)), (name, Some(letter)));
        }
        assert_eq!(Periodical::from_name("yearly"), None);
    }
}

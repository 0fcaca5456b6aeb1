//! A month as a wall's calendar has it.
//!
//! In: an instant, the wall's clock. Out: the month that the wall shows then; months before and after. A test at 11:59 PM on the 31st
//! belongs to the month that was on the wall when it began.

use wire::UtcMs;

const MINUTE_MS: i64 = 60_000;

/// A month of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i64,
    /// From 0.
    month: i64,
}

impl Month {
    /// Of a year, from 1 to 12; nothing where there is no such month in the years 1970 to 9999.
    #[must_use]
    pub fn new(year: i64, month: i64) -> Option<Self> {
        ((1970..=9999).contains(&year) && (1..=12).contains(&month))
            .then_some(Self { year, month: month - 1 })
    }

    /// The one that the wall shows at an instant. `wall`: minutes that its clock shows, since it showed 1970.
    #[must_use]
    pub fn of(at: UtcMs, wall: &dyn Fn(UtcMs) -> i64) -> Self {
        let (year, month, _) = UtcMs(wall(at).saturating_mul(MINUTE_MS)).date();
        Self { year, month: i64::from(month) - 1 }
    }

    /// So many months later; earlier where it is negative.
    #[must_use]
    pub const fn plus(self, months: i64) -> Self {
        let all = self.year * 12 + self.month + months;
        Self { year: all.div_euclid(12), month: all.rem_euclid(12) }
    }

    /// The year.
    #[must_use]
    pub const fn year(self) -> i64 {
        self.year
    }

    /// From 1 to 12.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.month + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_go_over_the_years_end() {
        let january = Month::new(2026, 1).unwrap();
        assert_eq!(january.plus(-1), Month::new(2025, 12).unwrap());
        assert_eq!(january.plus(-13), Month::new(2024, 12).unwrap());
        assert_eq!(january.plus(12), Month::new(2027, 1).unwrap());
        assert_eq!((january.plus(-1).year(), january.plus(-1).number()), (2025, 12));
        assert!(
            january.plus(-1) < january && Month::new(2026, 13).is_none() && Month::new(2026, 0).is_none()
        );
    }

    #[test]
    fn an_instant_is_in_the_month_that_the_wall_shows() {
        let midnight = UtcMs::parse_rfc3339("2026-01-01T00:00:00Z").unwrap();
        let wall = |hours: i64| move |at: UtcMs| at.plus_ms(hours * 3_600_000).0.div_euclid(MINUTE_MS);
        let month = |at, hours| Month::of(at, &wall(hours));
        assert_eq!(month(midnight, 0), Month::new(2026, 1).unwrap());
        assert_eq!(month(midnight.plus_ms(-1), 0), Month::new(2025, 12).unwrap());
        assert_eq!(month(midnight, -5), Month::new(2025, 12).unwrap());
        assert_eq!(month(midnight.plus_ms(-1), 14), Month::new(2026, 1).unwrap());
    }
}

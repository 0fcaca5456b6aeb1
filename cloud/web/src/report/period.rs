//! The days that a report is of.
//!
//! In: what the address says, today on somebody's wall. Out: whole days, both ends in them; each site's wall says when they begin and end,
//! also in the nights in which its clock is changed.

use fleet::compliance::Month;
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use wire::UtcMs;

use super::model::Days;
use crate::Error;

/// No report is of more days.
const MOST_DAYS: i32 = 5 * 366;

/// Days of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    from: Date,
    to: Date,
}

impl Period {
    /// `month=2026-10`, `year=2026`, `from=2026-01-01&to=2026-03-31`, `last=12` (months, with this one); the month before this one where
    /// nothing is said. What is to come is left out.
    ///
    /// # Errors
    /// [`Error::Request`] with what to write.
    pub fn parse(pairs: &[(String, String)], now: UtcMs, zone: &str) -> Result<Self, Error> {
        let today = Self::today(now, zone);
        let text = |name: &str| {
            pairs.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, v)| v.as_str())
        };
        let first = today.first_of_month();
        let period = if let Some(month) = text("month") {
            let from = day(&format!("{month}-01"))?;
            Self { from, to: from.last_of_month() }
        } else if let Some(year) = text("year") {
            let from = day(&format!("{year}-01-01"))?;
            Self { from, to: from.last_of_year() }
        } else if let Some(months) = text("last") {
            let months: i64 = months.parse().map_err(|_| asked("last"))?;
            let from = first.checked_sub((months.clamp(1, 60) - 1).months()).map_err(|_| asked("last"))?;
            Self { from, to: today }
        } else if text("from").is_some() || text("to").is_some() {
            let to = text("to").map_or(Ok(today), day)?;
            Self { from: text("from").map_or(Ok(to.first_of_month()), day)?, to }
        } else {
            let from = first.checked_sub(1.month()).map_err(|_| asked("month"))?;
            Self { from, to: from.last_of_month() }
        };
        let period = Self { to: period.to.min(today), ..period };
        if period.from > period.to {
            return Err(Error::Request("The first day is after the last one, or still to come.".to_owned()));
        }
        let days = period.from.until(period.to).map_or(i32::MAX, |span| span.get_days());
        if days > MOST_DAYS {
            return Err(Error::Request("A report is of five years at most.".to_owned()));
        }
        Ok(period)
    }

    /// The day on a site's wall.
    pub(crate) fn today(now: UtcMs, zone: &str) -> Date {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        Timestamp::from_millisecond(now.0).map_or(date(1970, 1, 1), |at| at.to_zoned(zone).date())
    }

    /// The instants of its beginning and of its end on a site's wall.
    #[must_use]
    pub fn instants(&self, zone: &str) -> (UtcMs, UtcMs) {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        let begins = |day: Date| {
            let start = day.to_zoned(zone.clone()).map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp());
            UtcMs(start.as_millisecond())
        };
        (begins(self.from), begins(self.to.tomorrow().unwrap_or(self.to)))
    }

    /// The last month of it, and how many there are.
    #[must_use]
    pub fn months(&self) -> (Month, u8) {
        let of = |day: Date| i64::from(day.year()) * 12 + i64::from(day.month()) - 1;
        let count = u8::try_from(of(self.to) - of(self.from) + 1).unwrap_or(u8::MAX);
        let last = Month::new(self.to.year().into(), self.to.month().into());
        (last.unwrap_or_else(|| Month::of(UtcMs(0), &|_| 0)), count)
    }

    /// For the report.
    #[must_use]
    pub fn days(&self) -> Days {
        let words = |day: Date| day.strftime("%b %-d, %Y").to_string();
        Days {
            from: self.from.to_string(),
            to: self.to.to_string(),
            words: format!("{} to {}", words(self.from), words(self.to)),
        }
    }

    /// For an address.
    #[must_use]
    pub fn query(&self) -> String {
        format!("from={}&to={}", self.from, self.to)
    }
}

fn day(text: &str) -> Result<Date, Error> {
    let parsed: Option<Date> = text.parse().ok().filter(|day: &Date| (1970..=9998).contains(&day.year()));
    parsed.ok_or_else(|| asked(text))
}

fn asked(what: &str) -> Error {
    Error::Request(format!(
        "{what:?} is no day that is known here. Write days as 2026-10-01, months as 2026-10."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// November 17, 2026, 3:07 AM in New York.
    const NOW: &str = "2026-11-17T08:07:00Z";

    fn of(query: &[(&str, &str)]) -> Period {
        let pairs: Vec<_> =
            query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Period::parse(&pairs, UtcMs::parse_rfc3339(NOW).unwrap(), "America/New_York").unwrap()
    }

    #[test]
    fn a_period_is_whole_days_and_never_of_what_is_to_come() {
        let check = |query: &[(&str, &str)], from: &str, to: &str, months: u8| {
            let period = of(query);
            let days = period.days();
            assert_eq!(
                (days.from.as_str(), days.to.as_str(), period.months().1),
                (from, to, months),
                "{query:?}"
            );
        };
        check(&[], "2026-10-01", "2026-10-31", 1);
        check(&[("month", "2026-02")], "2026-02-01", "2026-02-28", 1);
        check(&[("month", "2026-11")], "2026-11-01", "2026-11-17", 1);
        check(&[("year", "2026")], "2026-01-01", "2026-11-17", 11);
        check(&[("last", "12")], "2025-12-01", "2026-11-17", 12);
        check(&[("from", "2026-03-05"), ("to", "2026-04-02")], "2026-03-05", "2026-04-02", 2);
        for refused in
            [("month", "2027-01"), ("month", "x"), ("year", "99999"), ("from", "2026-12-01"), ("last", "x")]
        {
            let pairs = [(refused.0.to_owned(), refused.1.to_owned())];
            assert!(Period::parse(&pairs, UtcMs::parse_rfc3339(NOW).unwrap(), "UTC").is_err(), "{refused:?}");
        }
    }

    #[test]
    fn days_begin_on_the_sites_wall_also_in_the_nights_of_its_clock() {
        let check = |zone: &str, day: &str, from: &str, to: &str| {
            let period = of(&[("from", day), ("to", day)]);
            let (begins, ends) = period.instants(zone);
            assert_eq!(
                (begins.to_rfc3339().as_str(), ends.to_rfc3339().as_str()),
                (from, to),
                "{zone} {day}"
            );
        };
        // 23 and 25 hours in New York.
        check("America/New_York", "2026-03-08", "2026-03-08T05:00:00.000Z", "2026-03-09T04:00:00.000Z");
        check("America/New_York", "2026-11-01", "2026-11-01T04:00:00.000Z", "2026-11-02T05:00:00.000Z");
        check("Asia/Kathmandu", "2026-01-01", "2025-12-31T18:15:00.000Z", "2026-01-01T18:15:00.000Z");
        // In Lebanon the hour after midnight is left out: the day begins at one.
        check("Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00.000Z", "2026-03-29T21:00:00.000Z");
    }
}

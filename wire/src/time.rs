//! UTC milliseconds and their RFC 3339 text.
//!
//! In: integers and text that came from somewhere else. Out: the same, typed. Never asks what time it is.

use alloc::format;
use alloc::string::String;
use core::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored (POSIX time). May be negative.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode,
)]
#[cbor(transparent)]
pub struct UtcMs(#[n(0)] pub i64);

/// Milliseconds of one UTC day.
pub const DAY_MS: i64 = 86_400_000;
/// Milliseconds of one hour.
pub const HOUR_MS: i64 = 3_600_000;

impl UtcMs {
    /// `self` moved by `ms` (may be negative), saturating.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// `self - earlier` in milliseconds, saturating.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Days since 1970-01-01, rounded down.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY_MS)
    }

    /// Year, month (1–12), day of month (1–31) in the proleptic Gregorian calendar, UTC.
    #[must_use]
    pub const fn date(self) -> (i64, u32, u32) {
        civil_from_days(self.day())
    }

    /// RFC 3339 with milliseconds and `Z`, for example `2026-11-16T03:12:09.250Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        format!("{self}")
    }

    /// Parses RFC 3339 (section 5.6), any offset, up to nine decimals of a second (rounded down to
    /// milliseconds). Years 0001 to 9999. A leap second `:60` reads as `:59.999`.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (date_time, rest) = (bytes.get(..19)?, bytes.get(19..)?);
        let number = |from: usize, to: usize| digits(date_time.get(from..to)?);
        let mark = |at: usize, any: &[u8]| date_time.get(at).is_some_and(|b| any.contains(b));
        if !(mark(4, b"-") && mark(7, b"-") && mark(10, b"Tt ") && mark(13, b":") && mark(16, b":")) {
            return None;
        }
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        if year < 1 || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let days = days_from_civil(year, month, day)?;
        let (fraction_ms, rest) = fraction(rest)?;
        let offset_ms = offset(rest)?;
        let second_ms = if second == 60 { 59_999 } else { second * 1000 + fraction_ms };
        let time = Self(days * DAY_MS + hour * HOUR_MS + minute * 60_000 + second_ms - offset_ms);
        // An offset may carry the first or last hours over the edge, where RFC 3339 could not write them again.
        (1..=9999).contains(&time.date().0).then_some(time)
    }
}

impl fmt::Display for UtcMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let of_day = self.0.rem_euclid(DAY_MS);
        let (hour, minute) = (of_day / HOUR_MS, of_day / 60_000 % 60);
        let (second, ms) = (of_day / 1000 % 60, of_day % 1000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0_i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
}

/// `.123456Z` → (123, `Z`).
fn fraction(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', rest)) = bytes.split_first() else { return Some((0, bytes)) };
    let length = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=9).contains(&length) {
        return None;
    }
    let milliseconds = (0..3).fold(0, |n, at| {
        let digit = if at < length { rest.get(at).map_or(0, |b| i64::from(b - b'0')) } else { 0 };
        n * 10 + digit
    });
    Some((milliseconds, rest.get(length..)?))
}

/// `Z` or `+hh:mm` → milliseconds east of UTC.
fn offset(bytes: &[u8]) -> Option<i64> {
    match bytes {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            let ms = (hours * 60 + minutes) * 60_000;
            (hours < 24 && minutes < 60).then_some(if *sign == b'-' { -ms } else { ms })
        }
        _ => None,
    }
}

/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

const fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let z = days.saturating_add(719_468);
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<i64>) {
        assert_eq!(UtcMs::parse_rfc3339(text), expect.map(UtcMs), "{text}");
    }

    #[test]
    fn rfc3339_is_read_and_written() {
        check("1970-01-01T00:00:00Z", Some(0));
        check("2026-01-01T00:00:00Z", Some(1_767_225_600_000));
        check("2026-01-01T01:30:00.25+01:30", Some(1_767_225_600_250));
        check("2024-02-29T12:00:00.123456789Z", Some(1_709_208_000_123));
        check("2023-02-29T12:00:00Z", None);
        check("2023-13-01T12:00:00Z", None);
        check("2023-01-01T24:00:00Z", None);
        check("2023-01-01T12:00:00", None);
        check("2023-01-01T12:00:00.Z", None);
        check("2023-01-01T12:00:00+24:00", None);
        check("9999-12-31T23:59:59-00:01", None);
        check("0001-01-01T00:00:00+00:01", None);
        check("", None);
        assert_eq!(UtcMs(1_767_225_600_250).to_rfc3339(), "2026-01-01T00:00:00.250Z");
        assert_eq!(UtcMs(-1).to_rfc3339(), "1969-12-31T23:59:59.999Z");
    }

    proptest::proptest! {
        #[test]
        fn text_and_back(ms in -62_135_596_800_000_i64..253_402_300_800_000) {
            proptest::prop_assert_eq!(UtcMs::parse_rfc3339(&UtcMs(ms).to_rfc3339()), Some(UtcMs(ms)));
        }

        #[test]
        fn any_text_is_survived(text in ".{0,40}") {
            let _ = UtcMs::parse_rfc3339(&text);
        }
    }
}

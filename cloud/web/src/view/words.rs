//! Numbers and times as a tired person reads them: "84 min", "2:55 AM", "5 h ago".
//!
//! In: scaled integers, UTC instants, the site's time zone, now. Out: US English with a 12-hour clock, a number never
//! broken from its unit (U+00A0). Never asks what time it is.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use wire::{Quantity, Scaled, UtcMs};

/// No-break space: between a number and its unit.
pub const NB: char = '\u{a0}';
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// A value without its unit: `136.4`, `0`, `1,240`. At most `decimals` decimals, rounded half away from zero.
#[must_use]
pub fn number(quantity: Quantity, scaled: Scaled, decimals: u8) -> String {
    let drop = quantity.decimals().saturating_sub(decimals);
    let mut divisor = 1_i64;
    for _ in 0..drop {
        divisor = divisor.saturating_mul(10);
    }
    let half = divisor / 2;
    let rounded =
        if scaled < 0 { scaled.saturating_sub(half) } else { scaled.saturating_add(half) } / divisor;
    let kept = usize::from(quantity.decimals().min(decimals));
    let digits = format!("{:0>width$}", rounded.unsigned_abs(), width = kept.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(kept));
    let sign = if rounded < 0 { "−" } else { "" };
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{dot}{fraction}", grouped(whole))
}

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len().saturating_add(4));
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `12,345`.
#[must_use]
pub fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// `1 session`, `12,345 sessions`.
#[must_use]
pub fn counted(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// One or two letters of a name or an address: `DO` of Dana Okafor.
#[must_use]
pub fn initials(name: &str) -> String {
    let first = name.split([' ', '.', '-', '_']).filter_map(|word| word.chars().next());
    first.take(2).flat_map(char::to_uppercase).collect()
}

/// Power in watts, in the unit people use: `840 W`, `6.1 kW`, `16.7 kW`. Number and unit.
#[must_use]
pub fn power(watts: Scaled, kilo: &'static str, plain: &'static str) -> (String, &'static str) {
    if watts.abs() < 1000 {
        return (watts.to_string(), plain);
    }
    let tenths = (watts.abs().saturating_add(50)) / 100;
    let sign = if watts < 0 { "−" } else { "" };
    (format!("{sign}{}.{}", grouped(&(tenths / 10).to_string()), tenths % 10), kilo)
}

/// `84 min`, however many: people compare it with the minutes required.
#[must_use]
pub fn minutes(minutes: u32) -> String {
    format!("{minutes}{NB}min")
}

/// How long something lasted: `30 s`, `18 min`, `1 h 12 min`, `3 d`.
#[must_use]
pub fn length(ms: i64) -> String {
    match ms.max(0) {
        ms if ms < MINUTE_MS => format!("{}{NB}s", ms / 1000),
        ms if ms < HOUR_MS => format!("{}{NB}min", ms / MINUTE_MS),
        ms if ms < DAY_MS && ms / MINUTE_MS % 60 == 0 => format!("{}{NB}h", ms / HOUR_MS),
        ms if ms < DAY_MS => format!("{}{NB}h {}{NB}min", ms / HOUR_MS, ms / MINUTE_MS % 60),
        ms => format!("{}{NB}d", ms / DAY_MS),
    }
}

/// Up to three hours are said in minutes: they are compared with the minutes that are required.
const IN_MINUTES_MS: i64 = 3 * HOUR_MS;

/// How long a battery fed the load, in a test or an outage, in seconds: `30 s`, `90 min`, `4 h 10 min`.
#[must_use]
pub fn held(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "seconds of days at most")]
    let ms = (seconds * 1000.0).round() as i64;
    // 29.6 s of a test of 30 s are half a minute to everybody.
    match ms + 500 {
        ms if ms < MINUTE_MS + 500 => format!("{}{NB}s", ms.max(0) / 1000),
        ms if ms < IN_MINUTES_MS => format!("{}{NB}min", ms / MINUTE_MS),
        ms => length(ms),
    }
}

/// `2 s ago`, `5 h ago`. The page's script counts on in the same words (`src/ages.ts`).
#[must_use]
pub fn age(ms: i64) -> String {
    let ms = ms.max(0);
    let (count, unit) = match ms {
        _ if ms < MINUTE_MS => (ms / 1000, "s"),
        _ if ms < HOUR_MS => (ms / MINUTE_MS, "min"),
        _ if ms < 2 * DAY_MS => (ms / HOUR_MS, "h"),
        _ => (ms / DAY_MS, "d"),
    };
    format!("{count}{NB}{unit} ago")
}

/// Times of one place: the site's zone, and now.
#[derive(Clone, Debug)]
pub struct Local {
    zone: TimeZone,
    now: UtcMs,
}

impl Local {
    /// For an IANA zone name; UTC where the name is not known.
    #[must_use]
    pub fn new(zone: &str, now: UtcMs) -> Self {
        Self { zone: TimeZone::get(zone).unwrap_or(TimeZone::UTC), now }
    }

    /// Now.
    #[must_use]
    pub const fn now(&self) -> UtcMs {
        self.now
    }

    fn zoned(&self, time: UtcMs) -> jiff::Zoned {
        Timestamp::from_millisecond(time.0).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(self.zone.clone())
    }

    /// `2:55 AM` today, `Nov 16, 2:55 AM` on another day, with the year when it is another.
    #[must_use]
    pub fn time(&self, time: UtcMs) -> String {
        let (then, now) = (self.zoned(time), self.zoned(self.now));
        let format = if then.date() == now.date() {
            "%-I:%M\u{a0}%p"
        } else if then.year() == now.year() {
            "%b\u{a0}%-d, %-I:%M\u{a0}%p"
        } else {
            "%b\u{a0}%-d\u{a0}%Y, %-I:%M\u{a0}%p"
        };
        then.strftime(format).to_string()
    }

    /// `2:55 AM` for what is hours away, also past midnight; with the day from 18 hours on.
    #[must_use]
    pub fn soon(&self, time: UtcMs) -> String {
        if time.since(self.now).abs() < 18 * HOUR_MS {
            self.zoned(time).strftime("%-I:%M\u{a0}%p").to_string()
        } else {
            self.time(time)
        }
    }

    /// `Nov 16, 3:07 AM`, also today.
    #[must_use]
    pub fn day_and_time(&self, time: UtcMs) -> String {
        self.zoned(time).strftime("%b\u{a0}%-d, %-I:%M\u{a0}%p").to_string()
    }

    /// `2:55 AM EST, Tue, Nov 17`: for who reads it elsewhere, or in the night in which the clock is changed.
    #[must_use]
    pub fn whole(&self, time: UtcMs) -> String {
        self.zoned(time).strftime("%-I:%M\u{a0}%p\u{a0}%Z, %a, %b\u{a0}%-d").to_string()
    }

    /// Minute of the day, from 0 to 1,439, as the clock on the wall shows it.
    #[must_use]
    pub fn minute_of_day(&self, time: UtcMs) -> u16 {
        let then = self.zoned(time);
        u16::try_from(i32::from(then.hour()) * 60 + i32::from(then.minute())).unwrap_or(0)
    }

    /// Minutes that the clock on the wall shows, since it showed the first one of 1970: what the calendar goes by.
    #[must_use]
    pub fn wall_minutes(&self, time: UtcMs) -> i64 {
        let at = Timestamp::from_millisecond(time.0).unwrap_or(Timestamp::UNIX_EPOCH);
        let offset_s = i64::from(self.zone.to_offset(at).seconds());
        (time.0.div_euclid(1_000).saturating_add(offset_s)).div_euclid(60)
    }

    /// `2:55:08 AM` today, with the day on another.
    #[must_use]
    pub fn exact(&self, time: UtcMs) -> String {
        let then = self.zoned(time);
        let same = then.date() == self.zoned(self.now).date();
        then.strftime(if same { "%-I:%M:%S\u{a0}%p" } else { "%b\u{a0}%-d, %-I:%M:%S\u{a0}%p" }).to_string()
    }

    /// `Nov 16, 2:55 AM EST`: for figures of what is over, where an hour that comes twice must not be taken for the other.
    #[must_use]
    pub fn day_time_and_zone(&self, time: UtcMs) -> String {
        self.zoned(time).strftime("%b\u{a0}%-d, %-I:%M\u{a0}%p\u{a0}%Z").to_string()
    }

    /// `Nov 16`.
    #[must_use]
    pub fn day(&self, time: UtcMs) -> String {
        self.zoned(time).strftime("%b\u{a0}%-d").to_string()
    }

    /// `Nov 16, 2026`: for what may be years ago.
    #[must_use]
    pub fn day_and_year(&self, time: UtcMs) -> String {
        self.zoned(time).strftime("%b\u{a0}%-d, %Y").to_string()
    }

    /// `Nov 2028`: for what is years ahead.
    #[must_use]
    pub fn month(&self, time: UtcMs) -> String {
        self.zoned(time).strftime("%b\u{a0}%Y").to_string()
    }

    /// `Nov 3, 2026, 5:00 AM EST`: for a record, where an hour that comes twice must not be taken for the other.
    #[must_use]
    pub fn stamp(&self, time: UtcMs) -> String {
        self.zoned(time).strftime("%b %-d, %Y, %-I:%M %p %Z").to_string()
    }

    /// `EST`, `CET`, `UTC`: what the clock on the wall goes by now.
    #[must_use]
    pub fn zone_name(&self) -> String {
        self.zoned(self.now).strftime("%Z").to_string()
    }

    /// The IANA name, for the page's script.
    #[must_use]
    pub fn zone_id(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_grouped_and_signed() {
        let check =
            |quantity, scaled, decimals, expect: &str| assert_eq!(number(quantity, scaled, decimals), expect);
        check(Quantity::BATTERY_VOLTAGE, 13_642, 1, "136.4");
        check(Quantity::BATTERY_VOLTAGE, 13_645, 1, "136.5");
        check(Quantity::BATTERY_VOLTAGE, 13_645, 2, "136.45");
        check(Quantity::BATTERY_CURRENT, -5_662, 1, "−56.6");
        check(Quantity::BATTERY_CURRENT, -4, 1, "0.0");
        check(Quantity::INPUT_VOLTAGE, 2775, 0, "278");
        check(Quantity::REALPOWER, 1_234_567, 0, "1,234,567");
        check(Quantity::LOAD, 61, 1, "61");
    }

    #[test]
    fn times_are_short_and_local() {
        let local = Local::new("America/New_York", UtcMs::parse_rfc3339("2026-11-17T08:07:00Z").unwrap());
        let at = |text: &str| UtcMs::parse_rfc3339(text).unwrap();
        assert_eq!(local.time(at("2026-11-17T07:55:08Z")), "2:55\u{a0}AM");
        assert_eq!(local.time(at("2026-11-16T19:26:00Z")), "Nov\u{a0}16, 2:26\u{a0}PM");
        assert_eq!(local.time(at("2025-03-12T12:00:00Z")), "Mar\u{a0}12\u{a0}2025, 8:00\u{a0}AM");
        assert_eq!(local.exact(at("2026-11-17T07:55:08Z")), "2:55:08\u{a0}AM");
        assert_eq!(local.whole(at("2026-11-17T07:31:00Z")), "2:31\u{a0}AM\u{a0}EST, Tue, Nov\u{a0}17");
        // The hour that comes twice.
        assert_eq!(local.whole(at("2026-11-01T05:30:00Z")), "1:30\u{a0}AM\u{a0}EDT, Sun, Nov\u{a0}1");
        assert_eq!(local.whole(at("2026-11-01T06:30:00Z")), "1:30\u{a0}AM\u{a0}EST, Sun, Nov\u{a0}1");
        assert_eq!(
            [5, 6].map(|hour| local.minute_of_day(at(&format!("2026-11-01T0{hour}:30:00Z")))),
            [90, 90]
        );
        assert_eq!(local.zone_name(), "EST");
        assert_eq!(Local::new("Nowhere/Else", UtcMs(0)).zone_id(), "UTC");
    }

    #[test]
    fn lengths_and_ages() {
        assert_eq!(minutes(84), "84\u{a0}min");
        assert_eq!(minutes(125), "125\u{a0}min");
        assert_eq!(length(30_000), "30\u{a0}s");
        assert_eq!(length(72 * 60_000), "1\u{a0}h 12\u{a0}min");
        assert_eq!([29.6, 60.2].map(held), ["30\u{a0}s", "1\u{a0}min"]);
        assert_eq!(held(5_400.0), "90\u{a0}min");
        assert_eq!(held(15_000.0), "4\u{a0}h 10\u{a0}min");
        assert_eq!(age(-5), "0\u{a0}s ago");
        assert_eq!(age(5 * HOUR_MS), "5\u{a0}h ago");
        assert_eq!(power(6_149, "kW", "W"), ("6.1".to_owned(), "kW"));
        assert_eq!(power(840, "kW", "W"), ("840".to_owned(), "W"));
        assert_eq!(
            (initials("Dana Okafor"), initials("mei"), initials("")),
            ("DO".into(), "M".into(), String::new())
        );
    }
}

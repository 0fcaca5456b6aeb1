//! Time zones that can be chosen: the names of the IANA database that `jiff` carries.

use std::sync::OnceLock;

/// Every name like `America/Chicago`, and `UTC`, sorted.
#[must_use]
pub fn all() -> &'static [String] {
    static ALL: OnceLock<Vec<String>> = OnceLock::new();
    ALL.get_or_init(|| {
        let places = jiff::tz::db().available().map(|name| name.to_string());
        // What has no place in its name is an abbreviation or a rule of old.
        let mut names: Vec<_> =
            places.filter(|name| name.contains('/') && !name.starts_with("Etc/")).collect();
        names.push("UTC".to_owned());
        names.sort();
        names.dedup();
        names
    })
}

/// Whether there is such a zone, of the list or not.
#[must_use]
pub fn is_one(name: &str) -> bool {
    name.len() <= 64 && jiff::tz::TimeZone::get(name).is_ok()
}

#[cfg(test)]
mod tests {
    use fleet::notice::Periodical;
    use jiff::Timestamp;
    use jiff::civil::Weekday;
    use wire::UtcMs;
    use wire::time::{DAY_MS, HOUR_MS};

    use super::*;
    use crate::view::words::Local;

    /// Letters that come by the calendar, by `jiff`'s own reckoning: in every zone, over years of changed clocks.
    #[test]
    fn letters_are_due_at_seven_on_every_wall_that_can_be_chosen() {
        let start = UtcMs::parse_rfc3339("2026-10-12T00:00:00Z").unwrap();
        let mut changes = 0;
        for name in all() {
            let (local, zone) = (Local::new(name, start), jiff::tz::TimeZone::get(name).unwrap());
            let wall = |at: UtcMs| local.wall_minutes(at);
            let zoned = |at: UtcMs| Timestamp::from_millisecond(at.0).unwrap().to_zoned(zone.clone());
            let mut written = start;
            for _ in 0..70 {
                let due = Periodical::Weekly.due(written, None, &wall);
                let shown = zoned(due);
                assert_eq!(shown.weekday(), Weekday::Monday, "{name}: {shown}");
                assert_eq!((shown.hour(), shown.minute(), shown.second()), (7, 0, 0), "{name}: {shown}");
                let apart_ms = due.since(written);
                assert!(written == start || (apart_ms - 7 * DAY_MS).abs() <= 3 * HOUR_MS, "{name}: {shown}");
                changes += usize::from(written != start && apart_ms != 7 * DAY_MS);
                written = due;
            }
            for days in 0..400 {
                let due = Periodical::Daily.due(start.plus_ms(days * DAY_MS), None, &wall);
                let shown = zoned(due);
                assert_eq!((shown.hour(), shown.minute()), (7, 0), "{name}: {shown}");
                assert!(due.since(start.plus_ms(days * DAY_MS)) <= DAY_MS + 3 * HOUR_MS, "{name}: {shown}");
            }
        }
        assert!(changes > 200, "both nights are among them: {changes}");
    }
}

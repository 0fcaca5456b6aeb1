//! Times as a form's field has them: on the clock of the place where the inverter stands.
//!
//! In: `2026-11-17T16:00` and a zone's name. Out: the instant, and back. In the hour that comes twice the first is meant, in
//! the one that is left out as much later: nothing that is typed is refused for the clock's sake.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use wire::UtcMs;

/// The instant that a field names; `None`: it names none.
pub(crate) fn instant(text: &str, zone: &str) -> Option<UtcMs> {
    let at: DateTime = text.trim().parse().ok()?;
    let at = at.to_zoned(find(zone)).ok()?;
    Some(UtcMs(at.timestamp().as_millisecond()))
}

/// An instant as a field has it.
pub(crate) fn field(at: UtcMs, zone: &str) -> String {
    let at = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned(find(zone)).strftime("%Y-%m-%dT%H:%M").to_string()
}

fn find(zone: &str) -> TimeZone {
    TimeZone::get(zone).unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW_YORK: &str = "America/New_York";

    fn check(text: &str, zone: &str, expect: Option<&str>) {
        let expect = expect.map(|at| UtcMs::parse_rfc3339(at).unwrap());
        assert_eq!(instant(text, zone), expect, "{text} {zone}");
    }

    #[test]
    fn what_is_typed_is_the_clock_on_the_wall_also_in_both_odd_nights() {
        check("2026-11-17T16:00", NEW_YORK, Some("2026-11-17T21:00:00Z"));
        check(" 2026-07-17T16:00:30 ", NEW_YORK, Some("2026-07-17T20:00:30Z"));
        check("2026-11-17T16:00", "Nowhere/At_All", Some("2026-11-17T16:00:00Z"));
        // 1:30 comes twice; 2:30 does not come.
        check("2026-11-01T01:30", NEW_YORK, Some("2026-11-01T05:30:00Z"));
        check("2026-03-08T02:30", NEW_YORK, Some("2026-03-08T07:30:00Z"));
        check("", NEW_YORK, None);
        check("tomorrow", NEW_YORK, None);
        check("2026-13-01T00:00", NEW_YORK, None);
    }

    #[test]
    fn a_field_leads_back() {
        let at = UtcMs::parse_rfc3339("2026-11-17T21:00:00Z").unwrap();
        assert_eq!(field(at, NEW_YORK), "2026-11-17T16:00");
        assert_eq!(instant(&field(at, NEW_YORK), NEW_YORK), Some(at));
    }
}

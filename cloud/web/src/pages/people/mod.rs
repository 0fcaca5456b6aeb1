//! Who can see one inverter.
//!
//! In: somebody who may look at it; for every change somebody who may manage it and has just proved who they are. Out: a
//! list, a form, and back to the list. What others are is told as far as the reader manages: names to who may only
//! look, addresses to who may change.

pub mod change;
pub mod leave;
pub mod list;
pub mod offer;
pub mod withdraw;

use fleet::Role;
use fleet::sharing::Refusal;
use store::state::StateError;
use wire::UtcMs;

use crate::Error;
use crate::view::words::Local;

/// What a role is called on screen.
pub(crate) const fn role_words(role: Role) -> &'static str {
    match role {
        Role::ReadOnly => "View only",
        Role::ReadWrite => "Can manage",
    }
}

/// What the store said of a change of access.
pub(crate) fn failed(what: &'static str) -> impl Fn(StateError) -> Error {
    move |error| match error {
        StateError::Refused(Refusal::LastManager) => Error::Kept(Refusal::LastManager),
        StateError::Refused(Refusal::LastOwner) => Error::Kept(Refusal::LastOwner),
        other => Error::of_store(what, other),
    }
}

/// The end of the day that a form names, where the inverter stands; nothing typed is no end.
///
/// # Errors
/// What to type.
pub(crate) fn end_of_day(day: &str, zone: &str, now: UtcMs) -> Result<Option<UtcMs>, &'static str> {
    const TYPE: &str = "Choose a day that is not over yet, or leave it empty.";
    if day.trim().is_empty() {
        return Ok(None);
    }
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let day: jiff::civil::Date = day.trim().parse().map_err(|_| TYPE)?;
    let over = day.tomorrow().and_then(|next| next.to_zoned(zone)).map_err(|_| TYPE)?;
    let ends = UtcMs(over.timestamp().as_millisecond());
    if fleet::sharing::may_end(Some(ends), now) { Ok(Some(ends)) } else { Err(TYPE) }
}

/// `until Nov 30`, the last day on which it counts.
pub(crate) fn until_words(ends: Option<UtcMs>, local: &Local) -> String {
    ends.map_or(String::new(), |ends| format!("until {}", local.day(ends.plus_ms(-1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(day: &str, zone: &str, expect: Result<Option<&str>, ()>) {
        let now = UtcMs::parse_rfc3339("2026-11-17T08:07:00Z").unwrap();
        let found = end_of_day(day, zone, now).map(|ends| ends.map(UtcMs::to_rfc3339)).map_err(|_| ());
        let expect = expect.map(|ends| ends.map(|ends| UtcMs::parse_rfc3339(ends).unwrap().to_rfc3339()));
        assert_eq!(found, expect, "{day} {zone}");
    }

    #[test]
    fn a_day_ends_where_the_inverter_stands() {
        check("", "UTC", Ok(None));
        check("2026-11-17", "America/New_York", Ok(Some("2026-11-18T05:00:00Z")));
        check("2026-11-16", "America/New_York", Err(()));
        check("2026-11-17", "Nowhere/At_All", Ok(Some("2026-11-18T00:00:00Z")));
        check("soon", "UTC", Err(()));
        check("9999-12-31", "UTC", Err(()));
    }
}

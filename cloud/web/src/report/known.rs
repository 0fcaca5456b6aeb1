//! What is known of an inverter's watching beside its records.
//!
//! In: its row, its live state, whether its records are kept by a logbook. Out: what the calendar of tests goes by. The only place that
//! says which rule set and which minutes an inverter's tests are judged by.

use fleet::InverterState;
use fleet::compliance::{Last, Watched};
use fleet::retention::KEPT_MS;
use fleet::screen::DEFAULT_REQUIRED_MINUTES;
use fleet::self_test::RuleSet;
use store::state::{Logbook, VisibleInverter};
use wire::{Quantity, UtcMs};

/// A year of a logbook, milliseconds: none is shorter.
const YEAR_MS: i64 = 365 * wire::time::DAY_MS;

/// What is known of one inverter.
#[derive(Clone, Debug)]
pub struct Known {
    /// What is asked for.
    pub rules: &'static RuleSet,
    /// Minutes of the long test.
    pub required_minutes: u32,
    /// Since when it is watched.
    pub since: UtcMs,
    /// Records of what began before this are not kept.
    pub kept_from: UtcMs,
    /// A logbook keeps its records for longer than thirty days.
    pub logbook: bool,
    /// When it was last heard.
    pub heard_until: Option<UtcMs>,
    /// Tests that counted and are known of though their records may be gone.
    pub last: Last,
    /// The unit in which its load is told.
    pub load_unit: Option<&'static str>,
}

/// Quantities that a load is read from, the first that is there, with its unit.
const LOADS: [(Quantity, &str); 4] = [
    (Quantity::REALPOWER, "W"),
    (Quantity::POWER, "VA"),
    (Quantity::LOAD, "%"),
    (Quantity::BATTERY_POWER, "W"),
];

/// From when on a logbook keeps records of an inverter, if one does: for its years.
fn logbook_from(row: &VisibleInverter, books: &[Logbook], now: UtcMs) -> Option<UtcMs> {
    let from = |book: &Logbook| {
        let since = row.managed.iter().find(|(organization, _)| *organization == book.organization)?.1;
        // It took in what was there when it was begun, but not what was there when the inverter came to its organization.
        let begun = if since <= book.begun_at { book.begun_at.plus_ms(-KEPT_MS) } else { since };
        Some(begun.max(now.plus_ms(-i64::from(book.years).saturating_mul(YEAR_MS))))
    };
    books.iter().filter_map(from).min()
}

impl Known {
    /// Of an inverter, now.
    #[must_use]
    pub fn of(row: &VisibleInverter, state: &InverterState, books: &[Logbook], now: UtcMs) -> Self {
        let (in_book, thirty_days) = (logbook_from(row, books, now), now.plus_ms(-KEPT_MS));
        let tells = |(quantity, _): &&(Quantity, &str)| state.value(*quantity).is_some();
        Self {
            rules: state.rules.rule_set(),
            required_minutes: row.inverter.required_minutes.unwrap_or(DEFAULT_REQUIRED_MINUTES),
            since: state.tests.watched_since().unwrap_or(row.inverter.registered_at),
            kept_from: in_book.map_or(thirty_days, |from| from.min(thirty_days)),
            logbook: in_book.is_some(),
            heard_until: state.last_contact,
            last: Last { monthly: state.tests.monthly(), annual: state.tests.annual() },
            load_unit: LOADS.iter().find(tells).map(|(_, unit)| *unit),
        }
    }

    /// As the rules want it.
    #[must_use]
    pub fn watched<'a>(&'a self, now: UtcMs, wall: &'a dyn Fn(UtcMs) -> i64) -> Watched<'a> {
        #[expect(clippy::cast_precision_loss, reason = "minutes of a few hours")]
        let required_s = self.required_minutes.saturating_mul(60) as f32;
        Watched {
            rules: self.rules,
            required_s,
            since: self.since,
            kept_from: self.kept_from,
            heard_until: self.heard_until,
            last: self.last,
            now,
            wall,
        }
    }
}

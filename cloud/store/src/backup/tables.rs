//! Which rows of the state store stand in which section of a backup.
//!
//! In: a table. Out: under which day's key its rows are sealed, or that they hold no telemetry, or that they are left out. A row goes
//! with the day from which its thirty days are counted by `store::retention`. One that goes on, such as an alarm that is still
//! active, is sealed under the day of the backup; what it says of earlier days stands in it only under those days' keys: such a row
//! comes once for each of them, each time without what is older.

use fleet::InverterState;
use fleet::notice::Incident;
use wire::UtcMs;

use crate::retention::{Kind, PLACES};

/// Where rows go.
#[derive(Clone, Copy)]
pub(super) enum Section {
    /// No telemetry: under the key of backups.
    People,
    /// Nowhere: a copy of it is of use to nobody but a thief.
    LeftOut,
    /// Under days' keys.
    Days(&'static [Cut]),
}

/// Some rows of a table, each in the section of one day or more.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    /// Which rows.
    pub(super) only: &'static str,
    /// The instant from which it is old, milliseconds; `?1` is the instant of the backup.
    pub(super) from: &'static str,
    /// What stands in a column in place of its value.
    pub(super) with: Option<(&'static str, &'static str)>,
    /// The column that says more than one day did, and what takes out of it what is before an instant.
    pub(super) forgets: Option<(&'static str, Forget)>,
}

/// What is left of a value without what was before an instant; nothing where all of it is later.
pub(super) type Forget = fn(&[u8], UtcMs) -> Result<Option<Vec<u8>>, String>;

const fn all(from: &'static str) -> Cut {
    Cut { only: "1", from, with: None, forgets: None }
}

/// Notes on what is in a logbook, and those that are not.
const LOGGED: &str = "EXISTS (SELECT 1 FROM logbook_entries AS entry WHERE entry.inverter_id = test_notes.inverter_id \
     AND entry.record_key = test_notes.key)";
const NOT_LOGGED: &str = "NOT EXISTS (SELECT 1 FROM logbook_entries AS entry WHERE entry.inverter_id = test_notes.inverter_id \
     AND entry.record_key = test_notes.key)";

/// Tables with telemetry.
const OF_DAYS: &[(&str, &[Cut])] = &[
    ("events", &[all("occurred_at")]),
    (
        "alarms",
        &[
            Cut { only: "cleared_at IS NOT NULL", ..all("raised_at") },
            // Still active: its present state, and since when; a note goes with the day on which it was written.
            Cut { only: "cleared_at IS NULL AND note <> ''", ..all("acknowledged_at") },
            Cut { only: "cleared_at IS NULL", with: Some(("note", "''")), ..all("?1") },
        ],
    ),
    (
        "incidents",
        &[
            Cut { only: "NOT is_open", ..all("began_at") },
            Cut { only: "is_open", forgets: Some(("state", incident)), ..all("began_at") },
        ],
    ),
    (
        "reminders",
        &[all("coalesce((SELECT began_at FROM incidents WHERE id = incident_id AND NOT is_open), ?1)")],
    ),
    ("records", &[all("started_at")]),
    ("outbox", &[all("queued_at")]),
    ("letters", &[all("written_at")]),
    ("absences", &[all("to_at")]),
    (
        "test_notes",
        &[
            Cut { only: NOT_LOGGED, ..all("started_at") },
            // A logbook keeps the record, and the note with it.
            Cut { only: LOGGED, ..all("?1") },
        ],
    ),
    ("quarantine", &[all("received_at")]),
    ("snapshots", &[Cut { forgets: Some(("state", state)), ..all("0") }]),
    ("pairings", &[all("started_at")]),
];

/// Who signs in after a restore signs in anew, and asks for a new link: old ones may have been used since.
const LEFT_OUT: &[&str] = &["sessions", "pending_sign_ins", "mailed_links", "phone_codes"];

/// The section of a table; nothing where this version has no such table.
pub(super) fn section(table: &str) -> Option<Section> {
    if let Some((_, cuts)) = OF_DAYS.iter().find(|(name, _)| *name == table) {
        return Some(Section::Days(cuts));
    }
    if LEFT_OUT.contains(&table) {
        return Some(Section::LeftOut);
    }
    let known = PLACES.iter().any(|place| place.kind == Kind::Table && place.name == table);
    known.then_some(Section::People)
}

fn state(bytes: &[u8], before: UtcMs) -> Result<Option<Vec<u8>>, String> {
    let mut state = InverterState::from_snapshot(bytes).map_err(|error| error.to_string())?;
    Ok(state.forget_before(before).then(|| state.to_snapshot()))
}

fn incident(bytes: &[u8], before: UtcMs) -> Result<Option<Vec<u8>>, String> {
    let mut incident = Incident::from_bytes(bytes).map_err(|error| error.to_string())?;
    let whole = incident.clone();
    incident.forget(before);
    Ok((incident != whole).then(|| incident.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::Goes;

    /// Proof that this can fail: take a line out of `OF_DAYS`.
    #[test]
    fn every_table_that_holds_something_of_an_inverter_is_sealed_by_days() {
        for place in PLACES.iter().filter(|place| place.kind == Kind::Table) {
            let by_days = matches!(section(place.name), Some(Section::Days(_)));
            let telemetry =
                !matches!(place.goes, Goes::Holds(_) | Goes::Chosen(_)) && !place.holds.is_empty();
            assert_eq!(by_days, telemetry, "{}", place.name);
        }
        for name in OF_DAYS.iter().map(|(name, _)| name).chain(LEFT_OUT) {
            assert!(PLACES.iter().any(|place| place.kind == Kind::Table && place.name == *name), "{name}");
        }
        assert!(section("dump").is_none());
    }
}

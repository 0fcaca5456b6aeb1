//! The registry of retention: every place where something of an inverter can be, and how it goes.
//!
//! In: nothing. Out: one table. The sweep of the state store walks it; a test fails where a table of the schema or a file
//! in the data folder is not in it, so that no place is forgotten. Thirty days are counted from when something was read or
//! happened; days of readings go whole, when the day ended thirty days ago.

use std::future::Future;
use std::pin::Pin;

use fleet::retention::KEPT_MS;
use wire::UtcMs;
use wire::time::DAY_MS;

use crate::state::{StateError, StateStore};

/// A place.
#[derive(Clone, Copy)]
pub struct Place {
    /// A table of the state store, a file below the data folder (`*` for any name), or in words what is neither.
    pub name: &'static str,
    /// What kind of place.
    pub kind: Kind,
    /// What of an inverter can be in it.
    pub holds: &'static str,
    /// How that goes.
    pub goes: Goes,
}

/// Kinds of places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A table of the state store.
    Table,
    /// A file below the data folder, with what SQLite puts beside it.
    File,
    /// Elsewhere: memory, logs, other machines.
    Elsewhere,
}

/// Deletes what is too old at an instant. How many rows.
pub type Forget =
    for<'a> fn(&'a StateStore, UtcMs) -> Pin<Box<dyn Future<Output = Result<u64, StateError>> + Send + 'a>>;

/// How what is in a place goes.
#[derive(Clone, Copy)]
pub enum Goes {
    /// Nothing that an inverter reported is ever in it.
    Holds(Nothing),
    /// The sweep deletes its rows; `secure_delete` overwrites them, and the WAL is emptied afterwards.
    Rows(Forget),
    /// In another way, which is said.
    Otherwise(&'static str),
    /// Kept for longer, as whom it belongs to chose; which is said.
    Chosen(&'static str),
}

/// Why a place holds no telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// What people entered: accounts, sites, rights, preferences; it lives by its own rules.
    OfPeople,
    /// Numbers by which the program finds its way.
    Bookkeeping,
    /// Keys and certificates.
    Secrets,
}

const fn nothing(name: &'static str, why: Nothing) -> Place {
    Place { name, kind: Kind::Table, holds: "", goes: Goes::Holds(why) }
}

const fn people(name: &'static str) -> Place {
    nothing(name, Nothing::OfPeople)
}

const fn rows(name: &'static str, holds: &'static str, forget: Forget) -> Place {
    Place { name, kind: Kind::Table, holds, goes: Goes::Rows(forget) }
}

const fn with(kind: Kind, name: &'static str, holds: &'static str, how: &'static str) -> Place {
    Place { name, kind, holds, goes: Goes::Otherwise(how) }
}

const fn secrets(name: &'static str) -> Place {
    Place { name, kind: Kind::File, holds: "", goes: Goes::Holds(Nothing::Secrets) }
}

const fn thirty_days(now: UtcMs) -> UtcMs {
    now.plus_ms(-KEPT_MS)
}

/// Limits look back a day; the audit log keeps what happened.
const fn two_days(now: UtcMs) -> UtcMs {
    now.plus_ms(-2 * DAY_MS)
}

/// Every place.
pub const PLACES: &[Place] = &[
    rows("events", "what happened, unknown codes as they were told", |state, now| {
        Box::pin(state.delete_events_before(thirty_days(now)))
    }),
    // One that is still active keeps its present state and since when.
    rows("alarms", "which condition held when; notes", |state, now| {
        Box::pin(state.delete_alarms_before(thirty_days(now)))
    }),
    rows("incidents", "alarms that were told of together", |state, now| {
        Box::pin(state.delete_incidents_before(thirty_days(now)))
    }),
    with(Kind::Table, "reminders", "of which incident", "with its incident"),
    rows("records", "tests and outages: when, how long, how they went", |state, now| {
        Box::pin(state.delete_records_before(thirty_days(now)))
    }),
    rows("outbox", "subject and text of a message until it is sent or given up", |state, now| {
        Box::pin(state.delete_mails_before(thirty_days(now)))
    }),
    rows("letters", "which inverters a letter lists", |state, now| {
        Box::pin(state.delete_letters_before(thirty_days(now)))
    }),
    rows("test_notes", "what people say was done after a test", |state, now| {
        Box::pin(state.delete_test_notes_before(thirty_days(now)))
    }),
    rows("absences", "when the service was away", |state, now| {
        Box::pin(state.delete_absences_before(thirty_days(now)))
    }),
    rows("quarantine", "reports that could not be read, as they came", |state, now| {
        Box::pin(state.forget_quarantined(now))
    }),
    rows("snapshots", "the newest value of each quantity, levels, the last test", |state, _| {
        // Values are taken out of it by the pipeline once they are 30 days old (`InverterState::forget_before`).
        Box::pin(state.forget_given_up())
    }),
    rows("pairings", "presses of the cabinet's button", |state, now| {
        Box::pin(state.delete_pairings_before(two_days(now)))
    }),
    rows("phone_codes", "", |state, now| Box::pin(state.delete_phone_codes_before(two_days(now)))),
    rows("texts_sent", "", |state, now| Box::pin(state.delete_text_counts_before(two_days(now)))),
    rows("pending_sign_ins", "", |state, now| Box::pin(state.delete_expired_sign_ins(now))),
    rows("offers", "", |state, now| Box::pin(state.delete_expired_offers(now))),
    rows("sessions", "", |state, now| Box::pin(state.delete_expired_sessions(now))),
    people("accounts"),
    people("allow_list"),
    people("api_token_inverters"),
    people("api_tokens"),
    people("audit"),
    people("audit_details"),
    people("certificates"),
    people("grants"),
    people("inverters"),
    people("invitations"),
    people("ladder_people"),
    people("ladder_steps"),
    people("ladders"),
    people("mailed_links"),
    people("members"),
    people("organizations"),
    people("passkey_users"),
    people("passkeys"),
    people("phones"),
    people("preferences"),
    people("push_subscriptions"),
    people("recovery_codes"),
    people("severities"),
    people("sites"),
    people("totps"),
    people("webhooks"),
    Place {
        name: "logbook_entries",
        kind: Kind::Table,
        holds: "tests and outages of inverters whose organization keeps a logbook; no reading",
        goes: Goes::Chosen(
            "after the years that the organization chose (`server::logbook`), at once where it gives the logbook up",
        ),
    },
    // Which record is to be entered, some seconds; the words of a note.
    nothing("logbook_waiting", Nothing::Bookkeeping),
    nothing("logbook_keys", Nothing::Bookkeeping),
    people("logbooks"),
    nothing("audit_heads", Nothing::Bookkeeping),
    nothing("calendar", Nothing::Bookkeeping),
    nothing("clock", Nothing::Bookkeeping),
    // When a device was last heard and by which software: no more than one row a device.
    nothing("device_contacts", Nothing::Bookkeeping),
    nothing("generations", Nothing::Bookkeeping),
    nothing("journal_positions", Nothing::Bookkeeping),
    nothing("seaql_migrations", Nothing::Bookkeeping),
    nothing("sqlite_sequence", Nothing::Bookkeeping),
    with(Kind::File, "state.sqlite", "the tables above", "rows are overwritten, the WAL is emptied"),
    with(Kind::File, "history/open.sqlite", "readings of the last hours", "overwritten when they are sealed"),
    with(
        Kind::File,
        "history/????-??-??.sqlite",
        "readings of a day, sealed",
        "the day's key is destroyed and the file unlinked when the day ended 30 days ago (`History::sweep`)",
    ),
    with(
        Kind::File,
        "keys/days/????-??-??.key",
        "what opens a day",
        "overwritten and unlinked before its day",
    ),
    with(
        Kind::File,
        "journal/journal-*.sqlite",
        "reports as they came",
        "unlinked whole, minutes after all of it is in history and state; the time that is told each ten seconds closes \
         each file",
    ),
    with(Kind::File, "journal/lock", "", "it is empty"),
    with(Kind::File, "state.lock", "", "it is empty"),
    with(Kind::File, "restoring", "", "it is empty, and there only while a backup is restored"),
    secrets("keys/*.key"),
    secrets("ca/*"),
    secrets("tls/*"),
    with(
        Kind::Elsewhere,
        "memory",
        "open chunks, states, parts of charts; reports that were made while nobody waited",
        "as the places they are written to; states by `InverterState::forget_before`; such reports \
         after seven days, and when their oldest record is 30 days old without a logbook",
    ),
    with(
        Kind::Elsewhere,
        "temporary files",
        "",
        "the state store and the open chunks sort in memory; packing a day file writes what is sealed",
    ),
    with(Kind::Elsewhere, "logs", "", "they hold numbers of inverters, never readings"),
    with(
        Kind::Elsewhere,
        "mail.maildir",
        "mails, in development",
        "deleted after three weeks, as a letter tells of up to a week (`maildir::sweep`)",
    ),
    with(
        Kind::Elsewhere,
        "exports",
        "readings and test reports that somebody asked for",
        "streamed, or in memory until the oldest record is 30 days old; never a file here",
    ),
    with(
        Kind::Elsewhere,
        "backups",
        "all of it",
        "each day in a section under its key (`store::backup`), of which the copy elsewhere is overwritten daily; a restore leaves \
         out what lapsed",
    ),
];

/// The place of a file, by its path below the data folder.
#[must_use]
pub fn of_file(path: &str) -> Option<&'static Place> {
    let beside = ["-wal", "-shm", "-journal"].iter().find_map(|suffix| path.strip_suffix(suffix));
    let path = beside.unwrap_or(path);
    PLACES.iter().find(|place| place.kind == Kind::File && is_like(path.as_bytes(), place.name.as_bytes()))
}

/// `?` is any character but a slash, `*` any number of them.
fn is_like(path: &[u8], pattern: &[u8]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => is_like(path, rest),
        (Some((b'*', rest)), Some((first, more))) => {
            is_like(path, rest) || (*first != b'/' && is_like(more, pattern))
        }
        (Some((wanted, rest)), Some((first, more))) => {
            (wanted == first || (*wanted == b'?' && *first != b'/')) && is_like(more, rest)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_their_names() {
        let check = |path: &str, expect: Option<&str>| {
            assert_eq!(of_file(path).map(|place| place.name), expect, "{path}")
        };
        check("state.sqlite", Some("state.sqlite"));
        check("state.sqlite-wal", Some("state.sqlite"));
        check("history/2026-01-01.sqlite-shm", Some("history/????-??-??.sqlite"));
        check("history/open.sqlite", Some("history/open.sqlite"));
        check("keys/days/2026-01-01.key", Some("keys/days/????-??-??.key"));
        check("keys/push.key", Some("keys/*.key"));
        check("keys/days/copy.key", None);
        check("history/2026-01-01.sqlite.old", None);
        check("dump.sql", None);
    }
}

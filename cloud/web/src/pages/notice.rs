//! What the page says after something was done.
//!
//! In: the name that a redirect brought. Out: a sentence of ours; an unknown name says nothing.

use serde::Deserialize;

/// Names and their sentences.
const SAID: &[(&str, &str)] = &[
    (
        "offered",
        "Saved. If this address has an account, it has been told. The access begins when they accept.",
    ),
    ("changed", "Saved. The change counts from now on, on pages that are open too."),
    ("removed", "Removed. They see nothing of it any more, on pages that are open either."),
    ("withdrawn", "Withdrawn. Nobody can accept it any more."),
    ("accepted", "Accepted. You see it from now on."),
    ("declined", "Declined. Nothing was added."),
    ("left", "Done. You see nothing of it any more."),
    ("acknowledged", "Acknowledged. Your team sees that you have seen it."),
    ("shelved", "Shelved. It comes back by itself."),
    ("unshelved", "Taken back. It is among the active alarms again."),
    ("planned", "Planned. Everybody who sees this inverter sees it, too."),
    ("ended", "Ended. People are told of alarms again."),
    ("limited", "Saved. It counts from the next reading on."),
    ("unlimited", "Removed. Its alarm, if there was one, is over."),
    ("noted", "Noted. It stands in the record and in every report of it."),
    ("saved", "Saved."),
    ("climbs", "Saved. It counts at once, also for alarms that nobody has acknowledged yet."),
    ("inherits", "Removed. The organization’s ladder counts here, if it has one."),
    ("graded", "Saved. It counts for the next alarm that is raised."),
    (
        "begun",
        "Started. Tests and outages are entered from now on; what is left of the last 30 days follows within a minute.",
    ),
    ("unkept", "Deleted. Tests and outages go after 30 days again."),
    ("made", "Made."),
    ("deleted", "Deleted."),
    (
        "invited",
        "Saved. If this address has an account, it has been told. Others can register once they are approved.",
    ),
    ("handed", "Handed over. The organization manages it from now on."),
    ("joined", "Welcome. You see what the organization holds from now on."),
];

/// Query of a page that may follow an act.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    /// What was done.
    pub done: String,
}

impl After {
    /// What the page says of it.
    #[must_use]
    pub fn said(&self) -> Option<&'static str> {
        find(SAID, &self.done)
    }
}

/// The sentence of a name, where a page has a table of its own.
pub(crate) fn find(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == name).map(|(_, said)| *said)
}

//! What is known of the service at one look.

use crate::notice::Channel;

/// A part whose getting on is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Watched {
    /// The journal: the oldest entry that waits for its commit.
    Commit,
    /// The pipeline: the oldest committed entry that is not applied.
    Apply,
    /// Snapshots of states, and the journal's position with them.
    Snapshot,
    /// Time as a record in the journal: without it no silence is noticed.
    Ticker,
    /// Certificates, read anew: without it no revocation is noticed.
    Registry,
    /// What becomes due about alarms.
    Announcer,
    /// The outbox, looked through.
    Notifier,
    /// Sealing, merging and deleting history.
    History,
    /// Deleting what is older than 30 days from the state store.
    Forgetting,
}

/// One look. Ages are milliseconds on a clock that nobody sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// For how long each part has not got on.
    pub ages: Vec<(Watched, i64)>,
    /// The journal of an earlier run is being replayed, since so long.
    pub replaying_ms: Option<i64>,
    /// The data folder's disk.
    pub disk: Option<Disk>,
    /// The wall clock was set by so much, milliseconds; the largest of the last while.
    pub clock_set_ms: i64,
    /// Each channel.
    pub sending: Vec<Sending>,
    /// There is a way to send mails.
    pub sends_mail: bool,
    /// The outside watchdog was not reached for so long.
    pub watchdog_failing_ms: Option<i64>,
    /// The doors' certificates.
    pub doors: Vec<Door>,
    /// Nothing old is destroyed, as the wall clock is ahead of what has passed by so much.
    pub clock_ahead_ms: Option<i64>,
    /// Days of which there are readings that cannot be opened, as their key is not there.
    pub days_without_key: u64,
}

/// A disk, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Free.
    pub free: u64,
    /// In all.
    pub size: u64,
}

/// A door's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    /// Whose: `People`, `Devices`.
    pub name: &'static str,
    /// Until it ends; `None` where that could not be read.
    pub left_ms: Option<i64>,
}

/// How messages of one channel go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sending {
    /// Which.
    pub channel: Channel,
    /// Messages that wait.
    pub waiting: u64,
    /// For how long the oldest has been due that was never tried.
    pub untried_ms: Option<i64>,
    /// Tries in a row that failed by our way and not by whom they were for.
    pub failures: u32,
    /// Since the first of them.
    pub failing_ms: Option<i64>,
    /// Messages are in hand, and none of them got on for so long.
    pub in_hand_ms: Option<i64>,
}

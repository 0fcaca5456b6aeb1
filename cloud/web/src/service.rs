//! What the server knows of itself and of its devices' connections, for operators.
//!
//! In: nothing. Out: who is connected, how the service is. The server implements it; nothing here tells what a device
//! reported.

use std::collections::HashSet;

use fleet::InverterKey;
use fleet::dead_man::Finding;
use wire::UtcMs;

/// The server, asked how it is.
pub trait Service: Send + Sync {
    /// Devices that are connected now.
    fn connected(&self) -> HashSet<InverterKey>;

    /// How the service is. Looks at disks: call it off the async threads.
    fn health(&self) -> Health;
}

/// How the service is. Numbers since the start unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Of the program.
    pub version: &'static str,
    /// When it started.
    pub started_at: Option<UtcMs>,
    /// TCP connections open now, both doors.
    pub connections: u64,
    /// Sessions of devices open now.
    pub sessions: u64,
    /// Reports that came.
    pub reports: u64,
    /// Of these, not readable.
    pub quarantined: u64,
    /// Bytes on their way from the socket through the journal to the pipeline, now.
    pub waiting_bytes: u64,
    /// When these are so many, devices are not read.
    pub waiting_limit_bytes: u64,
    /// Times that happened.
    pub waits: u64,
    /// Reports that the pipeline applied, replayed ones too.
    pub applied: u64,
    /// The pipeline has caught up with the journal since the start.
    pub following: bool,
    /// Size of the journal.
    pub journal_bytes: u64,
    /// Size of the history.
    pub history_bytes: u64,
    /// Size of the state store.
    pub state_bytes: u64,
    /// Free on the data folder's disk.
    pub disk_free_bytes: Option<u64>,
    /// That disk's size.
    pub disk_bytes: Option<u64>,
    /// Of the doors.
    pub certificates: Vec<DoorCertificate>,
    /// What the watcher found, well or not.
    pub findings: Vec<Finding>,
}

/// The certificate of a door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorCertificate {
    /// Whose door.
    pub door: &'static str,
    /// When it ends; `None` where that could not be read.
    pub ends_at: Option<UtcMs>,
}

/// A people's door without a server behind it, as in previews: nobody is connected.
pub(crate) struct Alone;

impl Service for Alone {
    fn connected(&self) -> HashSet<InverterKey> {
        HashSet::new()
    }

    fn health(&self) -> Health {
        Health { version: env!("CARGO_PKG_VERSION"), ..Health::default() }
    }
}

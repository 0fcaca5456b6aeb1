//! What a fleet run is asked to do, and what came of it.
//!
//! In: nothing. Out: [`Plan`] and [`Outcome`], plain data. Never connects to anything.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use hdrhistogram::Histogram;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use wire::{Serial, UtcMs};

/// One run: which devices publish what, where to, and for how long.
#[derive(Debug)]
pub struct Plan {
    /// The cloud's device door.
    pub target: Target,
    /// The inverters; each gets one connection.
    pub devices: Vec<Device>,
    /// Protocol version of every connection.
    pub version: Version,
    /// What each device does once connected.
    pub work: Work,
    /// Reports a device may have unacknowledged, 1 to 65,535. The server's own limit (v5 receive maximum) is kept
    /// too, whichever is smaller.
    pub in_flight: u16,
    /// Stop after this long, counted from [`super::run`]; `None`: when the work is done, or when told.
    pub duration: Option<Duration>,
    /// New connections per second over the whole fleet; `None`: all at once.
    pub connects_per_s: Option<f64>,
    /// Connect again after a loss, with jitter, and send what was not acknowledged again under its old sequence.
    pub reconnect: bool,
    /// Threads, each with a share of the devices; 0 counts as 1.
    pub threads: usize,
    /// Append one line `serial boot sequence` per acknowledged report to this file, before anything else happens
    /// with the acknowledgement.
    pub ledger: Option<PathBuf>,
    /// Seed of values, boots and jitter.
    pub seed: u64,
    /// Wall time at the start of the run, for the times in the reports.
    pub now: UtcMs,
}

/// Where to publish.
#[derive(Debug, Clone)]
pub struct Target {
    /// Address of the device door.
    pub address: SocketAddr,
    /// Name checked in the server's certificate and sent as server name: a host name or an IP address.
    pub host: String,
    /// MQTT inside a WebSocket on `/mqtt` instead of ALPN `mqtt`.
    pub websocket: bool,
    /// Roots that the server's certificate must lead to.
    pub roots: Vec<CertificateDer<'static>>,
}

/// One inverter's identity.
#[derive(Debug)]
pub struct Device {
    /// Serial number, the topic's middle and the client id.
    pub serial: Serial,
    /// Client certificate, leaf first.
    pub certificates: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

impl Clone for Device {
    fn clone(&self) -> Self {
        Self { serial: self.serial, certificates: self.certificates.clone(), key: self.key.clone_key() }
    }
}

/// MQTT version of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// 3.1.1
    V311,
    /// 5.0
    #[default]
    V5,
}

/// What each device does once connected.
#[derive(Debug, Clone)]
pub enum Work {
    /// Stays connected and pings.
    Idle,
    /// One 30-quantity reading (about 150 bytes) per report.
    Live {
        /// Time between reports of one device; zero: as soon as the window allows.
        interval: Duration,
        /// Reports per device; `None`: until the end.
        count: Option<u64>,
    },
    /// Past readings with their original times, packed near the packet limit, as a gateway's backlog.
    History {
        /// How far back the first reading lies, from [`Plan::now`].
        hours: f64,
        /// Seconds between readings.
        every_s: u32,
    },
}

/// What came of a run. Every publish is in exactly one of `acked`, `refused`, `lost`.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// PUBLISH packets written.
    pub sent: u64,
    /// Of those, acknowledged with success.
    pub acked: u64,
    /// Of those, acknowledged with a failure code (v5).
    pub refused: u64,
    /// Of those, unacknowledged when their connection ended (lost in flight).
    pub lost: u64,
    /// Readings inside the acknowledged reports.
    pub readings: u64,
    /// Connections accepted (CONNACK with success).
    pub connects: u64,
    /// Connections that failed before that.
    pub connects_failed: u64,
    /// Connections that ended although nobody asked for it.
    pub dropped: u64,
    /// The first few errors, for people.
    pub errors: Vec<String>,
    /// From start to end.
    pub elapsed: Duration,
    /// From PUBLISH written to PUBACK read, microseconds.
    pub latency_us: Histogram<u64>,
    /// From TCP connect to CONNACK read, microseconds.
    pub connect_us: Histogram<u64>,
}

//! What a fleet run is asked to do, and what came of it.
//!
//! In: nothing. Out: [`Plan`] and [`Outcome`], plain data. Never connects to anything.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use hdrhistogram::Histogram;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use wire::{Condition, Serial, UtcMs};

pub use wire::mqtt::Version;

use crate::line::protocol::Protocol;
use crate::model::Parameters;

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
    /// In [`Work::Live`]: what begins to hold of all of them.
    pub faults: Option<Faults>,
}

/// One device after the other begins to report that a condition holds, at once and with each report after that.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    /// Which.
    pub condition: Condition,
    /// The first begins so long after it was switched on.
    pub after: Duration,
    /// All have begun in this time.
    pub over: Duration,
}

impl Plan {
    /// A plan with the usual values: version 5, one report in flight, everything at once, one thread, no ledger, no
    /// reconnection.
    #[must_use]
    pub fn new(target: Target, devices: Vec<Device>, work: Work, now: UtcMs) -> Self {
        Self {
            target,
            devices,
            version: Version::V5,
            work,
            in_flight: 1,
            duration: None,
            connects_per_s: None,
            reconnect: false,
            threads: 1,
            ledger: None,
            seed: 1,
            now,
            faults: None,
        }
    }
}

/// Where to publish.
#[derive(Debug, Clone)]
pub struct Target {
    /// Address of the device door.
    pub address: SocketAddr,
    /// Name checked in the server's certificate and sent as server name: a host name or an IP address.
    pub host: String,
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
    /// What it plays in [`Work::History`]; `None`: an inverter that follows from the seed and the serial number.
    pub play: Option<Box<Play>>,
}

/// The past of one inverter.
#[derive(Debug, Clone)]
pub struct Play {
    /// As built; `start` is set by the run.
    pub parameters: Parameters,
    /// What its gateway would have received: foreign streams say less than the native one.
    pub protocol: Protocol,
    /// Console commands and when: hours before the end.
    pub script: Vec<(f64, String)>,
}

impl Clone for Device {
    fn clone(&self) -> Self {
        Self {
            serial: self.serial,
            certificates: self.certificates.clone(),
            key: self.key.clone_key(),
            play: self.play.clone(),
        }
    }
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
        /// How far back the first reading lies, from [`Plan::now`]. Readings are 10 s apart, 1 s on battery.
        hours: f64,
    },
}

/// What came of a run. Every publish is in exactly one of `acked`, `refused`, `lost`.
#[derive(Clone)]
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

/// A histogram's own form is a page of zeros.
impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = |histogram: &Histogram<u64>| {
            [0.5, 0.9, 0.99, 1.0].map(|quantile| histogram.value_at_quantile(quantile))
        };
        f.debug_struct("Outcome")
            .field("sent", &self.sent)
            .field("acked", &self.acked)
            .field("refused", &self.refused)
            .field("lost", &self.lost)
            .field("readings", &self.readings)
            .field("connects", &self.connects)
            .field("connects_failed", &self.connects_failed)
            .field("dropped", &self.dropped)
            .field("errors", &self.errors)
            .field("elapsed", &self.elapsed)
            .field("latency_us (p50, p90, p99, max)", &times(&self.latency_us))
            .field("connect_us (p50, p90, p99, max)", &times(&self.connect_us))
            .finish()
    }
}

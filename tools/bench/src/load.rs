//! One stretch of load on one server, and what the server spent on it.
//!
//! In: an address, devices, how they publish. Out: acknowledged reports, latencies, the server's CPU time. The load
//! runs in this process, so a server's figures hold nothing of it; both share the machine's cores.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, bail};
use rustls_pki_types::CertificateDer;
use simulator::fleet::{self, Device, Outcome, Plan, Target, Version, Work};
use wire::UtcMs;

use crate::process::cpu_ns;

/// Who publishes what to whom.
#[derive(Clone, Debug)]
pub struct Load<'a> {
    /// The device door.
    pub address: SocketAddr,
    /// Root of its certificate.
    pub root: &'a CertificateDer<'static>,
    /// What it speaks.
    pub version: Version,
    /// The devices.
    pub devices: &'a [Device],
    /// What each does.
    pub work: Work,
    /// For how long.
    pub duration: Duration,
    /// Connect again after a loss.
    pub reconnect: bool,
    /// Where acknowledged reports are noted.
    pub ledger: Option<std::path::PathBuf>,
}

/// What came of it.
pub struct Stretch {
    /// The load's side.
    pub outcome: Outcome,
    /// CPU seconds of the server's threads.
    pub server_cpu_s: f64,
}

impl Stretch {
    /// Acknowledged reports per second.
    #[must_use]
    pub fn acked_per_s(&self) -> f64 {
        as_f64(self.outcome.acked) / self.outcome.elapsed.as_secs_f64()
    }

    /// Acknowledged reports per second of the server's CPU.
    #[must_use]
    pub fn acked_per_core_s(&self) -> f64 {
        as_f64(self.outcome.acked) / self.server_cpu_s
    }

    /// A percentile of publish → acknowledgement, milliseconds.
    #[must_use]
    pub fn latency_ms(&self, quantile: f64) -> f64 {
        as_f64(self.outcome.latency_us.value_at_quantile(quantile)) / 1e3
    }
}

/// Whole numbers as measured here are far below 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "counts of a run of seconds")]
#[must_use]
pub fn as_f64(count: u64) -> f64 {
    count as f64
}

impl Load<'_> {
    /// Publishes for the whole duration; `server` is the process whose CPU time is told.
    ///
    /// # Errors
    /// When nothing at all was acknowledged although reports were to be sent.
    pub fn run(&self, server: u32) -> Result<Stretch> {
        let plan = self.plan();
        let before = cpu_ns(server);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let outcome = runtime.block_on(fleet::run(plan))?;
        let server_cpu_s = as_f64(cpu_ns(server).saturating_sub(before)) / 1e9;
        if outcome.acked == 0 && !matches!(self.work, Work::Idle) {
            bail!("nothing was acknowledged by {}: {:?}", self.address, outcome.errors);
        }
        Ok(Stretch { outcome, server_cpu_s })
    }

    /// The plan for `fleet::run`, for callers that do something else meanwhile.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let target = Target {
            address: self.address,
            host: self.address.ip().to_string(),
            roots: vec![self.root.clone()],
        };
        Plan {
            version: self.version,
            duration: Some(self.duration),
            reconnect: self.reconnect,
            ledger: self.ledger.clone(),
            ..Plan::new(target, self.devices.to_vec(), self.work.clone(), now())
        }
    }
}

/// Wall time, for the times inside the reports.
#[expect(clippy::disallowed_methods, reason = "the benchmark is a binary and reads the clock here only")]
#[must_use]
pub fn now() -> UtcMs {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UtcMs(i64::try_from(since.as_millis()).unwrap_or(0))
}

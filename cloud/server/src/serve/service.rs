//! How the service is, for the operator's pages.
//!
//! In: counters of every part, the data folder, the doors' certificates as they were when the server started. Out: who is
//! connected, and [`web::Health`]. Numbers of the whole service, never of one inverter.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fleet::InverterKey;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use web::{DoorCertificate, Health};
use wire::UtcMs;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Parts;
use crate::config::Config;
use crate::contacts::Contacts;
use crate::dead_man::Watcher;
use crate::device;
use crate::ingest::{BUDGET_BYTES, Ingest};
use crate::pipeline;

/// The parts that are asked.
pub struct Service {
    contacts: Arc<Contacts>,
    ingest: Ingest,
    devices: Arc<device::Counters>,
    pipeline: Arc<pipeline::Counters>,
    started_at: UtcMs,
    journal: PathBuf,
    history: PathBuf,
    state: PathBuf,
    data: PathBuf,
    certificates: Vec<DoorCertificate>,
    watcher: Arc<Watcher>,
}

impl Service {
    /// Of these parts.
    pub(super) fn new(parts: &Parts, config: &Config, watcher: Arc<Watcher>) -> Self {
        Self {
            contacts: Arc::clone(&parts.contacts),
            ingest: parts.ingest.clone(),
            devices: Arc::clone(&parts.device_counters),
            pipeline: Arc::clone(&parts.pipeline_counters),
            started_at: (parts.clock)(),
            journal: config.journal_dir(),
            history: config.history_dir(),
            state: config.state_file(),
            data: config.data_dir.clone(),
            certificates: doors(config)
                .into_iter()
                .map(|(door, ends_at)| DoorCertificate { door, ends_at })
                .collect(),
            watcher,
        }
    }
}

/// Each door, and when its certificate ends.
pub(super) fn doors(config: &Config) -> Vec<(&'static str, Option<UtcMs>)> {
    let certificates = [("People", &config.people.certificate), ("Devices", &config.device.certificate)];
    certificates.into_iter().map(|(door, path)| (door, ends_at(path))).collect()
}

impl web::Service for Service {
    fn connected(&self) -> HashSet<InverterKey> {
        self.contacts.connected()
    }

    fn health(&self) -> Health {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let ingest = self.ingest.counters();
        let disk = rustix::fs::statvfs(&self.data).ok();
        Health {
            version: env!("CARGO_PKG_VERSION"),
            started_at: Some(self.started_at),
            connections: load(&self.devices.connections),
            sessions: load(&self.devices.sessions),
            reports: load(&ingest.reports),
            quarantined: load(&ingest.quarantined),
            waiting_bytes: self.ingest.in_flight_bytes() as u64,
            waiting_limit_bytes: BUDGET_BYTES as u64,
            waits: load(&ingest.waits),
            applied: load(&self.pipeline.reports),
            following: load(&self.pipeline.following) == 1,
            journal_bytes: folder(&self.journal),
            history_bytes: folder(&self.history),
            state_bytes: file(&self.state),
            disk_free_bytes: disk.as_ref().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
            disk_bytes: disk.as_ref().map(|disk| disk.f_blocks.saturating_mul(disk.f_frsize)),
            certificates: self.certificates.clone(),
            findings: self.watcher.report().map(|report| report.findings.clone()).unwrap_or_default(),
        }
    }
}

/// When the first certificate of a chain ends.
fn ends_at(path: &Path) -> Option<UtcMs> {
    let first = CertificateDer::pem_file_iter(path).ok()?.next()?.ok()?;
    let (_, certificate) = X509Certificate::from_der(&first).ok()?;
    Some(UtcMs(certificate.validity().not_after.timestamp().saturating_mul(1000)))
}

/// Bytes of a folder's files. A file that goes while it is looked at counts nothing.
fn folder(path: &Path) -> u64 {
    let files = std::fs::read_dir(path).into_iter().flatten().flatten();
    files.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// Bytes of a database with what stands beside it.
fn file(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    [path, Path::new(&log)].iter().filter_map(|path| std::fs::metadata(path).ok()).map(|m| m.len()).sum()
}

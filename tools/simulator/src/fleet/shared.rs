//! What the devices of one thread share: target, TLS material, templates, tally, latencies.
//!
//! In: a [`Plan`]'s parts. Out: open TLS streams, and places to count. No two threads share a histogram.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;
use wire::mqtt::Version;
use wire::{Serial, UtcMs};

use super::Error;
use super::payload::Templates;
use super::plan::{Device, Faults, Plan, Play, Target, Work};
use super::session::wall;
use super::tally::{Tally, Times};
use crate::line::protocol::Protocol;
use crate::model::Parameters;

pub(super) type Stream = TlsStream<TcpStream>;

/// See the module.
#[derive(Debug)]
pub(super) struct Shared {
    target: Target,
    name: ServerName<'static>,
    verifier: Arc<WebPkiServerVerifier>,
    pub(super) version: Version,
    pub(super) work: Work,
    pub(super) in_flight: u16,
    pub(super) reconnect: bool,
    pub(super) seed: u64,
    pub(super) now: UtcMs,
    /// From one device's fault to the next one's.
    faults: Option<Faults>,
    /// How many there are, in all threads.
    devices: usize,
    start: Instant,
    pub(super) templates: Arc<Templates>,
    pub(super) tally: Arc<Tally>,
    times: Mutex<Times>,
    pub(super) stop: CancellationToken,
}

impl Shared {
    pub(super) fn new(
        plan: &Plan,
        templates: Arc<Templates>,
        tally: Arc<Tally>,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for root in &plan.target.roots {
            roots.add(root.clone()).map_err(Error::Root)?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|error| Error::Verifier(error.to_string()))?;
        let name = ServerName::try_from(plan.target.host.clone())
            .map_err(|_| Error::Host(plan.target.host.clone()))?;
        Ok(Self {
            target: plan.target.clone(),
            name,
            verifier,
            version: plan.version,
            work: plan.work.clone(),
            in_flight: plan.in_flight.max(1),
            reconnect: plan.reconnect,
            seed: plan.seed,
            now: plan.now,
            faults: plan.faults,
            devices: plan.devices.len(),
            start: Instant::now(),
            templates,
            tally,
            times: Mutex::new(Times::new().ok_or(Error::Histogram)?),
            stop,
        })
    }

    /// When the device of this index begins to report a fault, from when it was switched on; `None`: never.
    pub(super) fn fault_at(&self, index: usize) -> Option<Duration> {
        let Faults { after, over, .. } = self.faults?;
        let place = u32::try_from(index + 1).unwrap_or(u32::MAX);
        Some(after + over.saturating_mul(place) / u32::try_from(self.devices).unwrap_or(u32::MAX).max(1))
    }

    /// TCP and TLS up to the end of the handshake. The configuration is made anew each time: a fleet keeps thousands of
    /// connections, and what need not stay in memory does not.
    pub(super) async fn open(&self, device: &Device) -> Result<Stream, String> {
        let tcp = TcpStream::connect(self.target.address)
            .await
            .map_err(|error| format!("cannot connect to {}: {error}", self.target.address))?;
        tcp.set_nodelay(true).map_err(|error| error.to_string())?;
        let connector = TlsConnector::from(Arc::new(self.tls(device)?));
        connector.connect(self.name.clone(), tcp).await.map_err(|error| format!("no TLS: {error}"))
    }

    fn tls(&self, device: &Device) -> Result<ClientConfig, String> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_webpki_verifier(self.verifier.clone())
            .with_client_auth_cert(device.certificates.clone(), device.key.clone_key())
            .map_err(|error| format!("the certificate of {} cannot be used: {error}", device.serial))?;
        config.alpn_protocols = vec![b"mqtt".to_vec()];
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    pub(super) fn wall(&self, at: Instant) -> UtcMs {
        wall(self.start, self.now, at)
    }

    /// The inverter that a device without a play of its own plays.
    pub(super) fn play(&self, serial: Serial, index: usize) -> Play {
        let mut parameters = Parameters::three_phase(serial, self.seed.wrapping_add(index as u64), self.now);
        parameters.typical_load = 0.4 + 0.05 * (index % 8) as f64;
        parameters.age_years = (index % 6) as f64;
        Play { parameters, protocol: Protocol::Native, script: Vec::new() }
    }

    pub(super) fn time_ack(&self, us: u64) {
        if let Ok(mut times) = self.times.lock() {
            times.latency_us.saturating_record(us);
        }
    }

    pub(super) fn time_connect(&self, us: u64) {
        if let Ok(mut times) = self.times.lock() {
            times.connect_us.saturating_record(us);
        }
    }

    pub(super) fn add_times_to(&self, all: &mut Times) {
        if let Ok(times) = self.times.lock() {
            all.add(&times);
        }
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    static PROVIDER: std::sync::OnceLock<Arc<rustls::crypto::CryptoProvider>> = std::sync::OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())).clone()
}

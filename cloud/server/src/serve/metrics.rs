//! Counters as plain text for Prometheus, and `/health`, on a loopback address of their own.
//!
//! In: an HTTP request line. Out: numbers of the whole service, never of one inverter; what the watcher last found. Off unless
//! configured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use fleet::condition::Severity;
use store::state::StateStore;
use tokio_util::sync::CancellationToken;
use wire::UtcMs;

use super::{Parts, gauges};
use crate::dead_man::Watcher;
use crate::device;
use crate::ingest::Ingest;
use crate::live::LiveStates;
use crate::notifier;
use crate::pipeline;
use crate::registry::Registry;

/// What is told.
struct Sources {
    ingest: Ingest,
    pipeline: Arc<pipeline::Counters>,
    devices: Arc<device::Counters>,
    registry: Arc<Registry>,
    live: Arc<LiveStates>,
    mails: Arc<notifier::Counters>,
    watcher: Arc<Watcher>,
    alarms: Arc<Alarms>,
    started_at: UtcMs,
}

/// Active alarms by severity, as they were counted last.
#[derive(Default)]
struct Alarms([AtomicU64; 3]);

/// How often alarms are counted.
const COUNT_EVERY: Duration = Duration::from_secs(10);
const SEVERITIES: [Severity; 3] = [Severity::Critical, Severity::Warning, Severity::Info];

/// Starts answering.
///
/// # Errors
/// The address cannot be listened on.
pub(super) async fn spawn(
    address: SocketAddr,
    parts: &Parts,
    watcher: &Arc<Watcher>,
    stopping: &CancellationToken,
) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on `metrics_listen` = {address}"))?;
    tracing::info!(address = %listener.local_addr()?, "counters at /metrics");
    let sources = Arc::new(Sources {
        ingest: parts.ingest.clone(),
        pipeline: Arc::clone(&parts.pipeline_counters),
        devices: Arc::clone(&parts.device_counters),
        registry: Arc::clone(&parts.registry),
        live: Arc::clone(&parts.live),
        mails: Arc::clone(&parts.mail_counters),
        watcher: Arc::clone(watcher),
        alarms: Arc::default(),
        started_at: (parts.clock)(),
    });
    let counting = count(Arc::clone(&sources.alarms), parts.state.clone());
    tokio::spawn(stopping.clone().run_until_cancelled_owned(counting));
    let asked = Arc::clone(watcher);
    let router = Router::new()
        .route("/health", get(move || std::future::ready(health(&asked))))
        .route("/metrics", get(move || std::future::ready(text(&sources))));
    let stopped = stopping.clone().cancelled_owned();
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
            tracing::error!(%error, "counters are no longer answered");
        }
    });
    Ok(())
}

fn health(watcher: &Watcher) -> impl IntoResponse + use<> {
    let (status, text) = watcher.answer();
    (status, [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], text)
}

/// Counts alarms from time to time, so that no question waits for the database. The last count stands where one fails: the
/// watcher tells of a database that cannot be read.
async fn count(alarms: Arc<Alarms>, state: StateStore) {
    loop {
        if let Ok(counts) = state.active_alarms_by_severity().await {
            for (severity, counter) in SEVERITIES.iter().zip(&alarms.0) {
                let count = counts.iter().find(|(other, _)| other == severity).map_or(0, |(_, count)| *count);
                counter.store(count, Ordering::Relaxed);
            }
        }
        tokio::time::sleep(COUNT_EVERY).await;
    }
}

fn text(sources: &Sources) -> String {
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (ingest, pipeline) = (sources.ingest.counters(), &sources.pipeline);
    let own = [
        ("reports_received_total", load(&ingest.reports)),
        ("report_bytes_received_total", load(&ingest.bytes)),
        ("reports_quarantined_total", load(&ingest.quarantined)),
        ("ingest_waits_total", load(&ingest.waits)),
        ("ingest_in_flight_bytes", sources.ingest.in_flight_bytes() as u64),
        ("pipeline_reports_total", load(&pipeline.reports)),
        ("pipeline_readings_stored_total", load(&pipeline.readings)),
        ("pipeline_snapshots_total", load(&pipeline.snapshots)),
        ("pipeline_replayed_entries", load(&pipeline.replayed)),
        ("pipeline_following", load(&pipeline.following)),
        ("certificates_accepted", sources.registry.accepted() as u64),
        ("inverters_reporting", sources.live.count() as u64),
    ];
    let mut text = String::new();
    let own = own.map(|(name, value)| (name.to_owned(), value));
    for (name, value) in own.into_iter().chain(sources.mails.all()) {
        text.push_str(&format!("inverter_connect_{name} {value}\n"));
    }
    for (name, value) in sources.devices.totals() {
        text.push_str(&format!("inverter_connect_door_{name} {value}\n"));
    }
    for (rule, value) in sources.devices.refusals().filter(|(_, value)| *value > 0) {
        text.push_str(&format!("inverter_connect_door_refused_total{{rule=\"{rule}\"}} {value}\n"));
    }
    for (severity, count) in SEVERITIES.iter().zip(&sources.alarms.0) {
        let (severity, count) = (severity.name(), load(count));
        text.push_str(&format!("inverter_connect_alarms_active{{severity=\"{severity}\"}} {count}\n"));
    }
    gauges::of_report(sources.watcher.report().as_deref(), &mut text);
    gauges::of_process(sources.started_at, &mut text);
    text
}

//! The dead man's switch, wired: the watcher's thread, letters to operators, pings to the outside watchdog.
//!
//! In: the parts, the configuration. Out: the watcher, for whoever asks how the service is.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{Parts, service};
use crate::config::Config;
use crate::dead_man::{self, Letters, Sources, Watchdog, Watcher};
use crate::outbound::Outbound;

/// What is said where `[watchdog]` says nothing.
pub(super) const NONE: &str =
    "none outside is told that the service is well: write `url` under [watchdog], see docs/operating.md";

/// Starts watching.
///
/// # Errors
/// The thread cannot be started.
pub(super) fn spawn(
    config: &Config,
    parts: &Parts,
    outbound: &Outbound,
    origin: &str,
    stopping: &CancellationToken,
) -> anyhow::Result<Arc<Watcher>> {
    let watchdog = config.watchdog.clone();
    let watchdog = watchdog.map(|watchdog| Arc::new(Watchdog::new(watchdog, outbound.clone())));
    match &config.watchdog {
        Some(watchdog) => tracing::info!("an outside watchdog is told that the service is well: {watchdog}"),
        None => tracing::info!("watchdog: {NONE}"),
    }
    let sources = Sources {
        clock: Arc::clone(&parts.clock),
        beats: Arc::clone(&parts.beats),
        retention: Arc::clone(&parts.retention),
        ingest: parts.ingest.clone(),
        pipeline: Arc::clone(&parts.pipeline_counters),
        announcer: Arc::clone(&parts.announcer),
        messages: Arc::clone(&parts.mail_counters),
        sends_mail: config.mail.is_some(),
        watchdog: watchdog.clone(),
        data_dir: config.data_dir.clone(),
        doors: service::doors(config),
        started_ms: Sources::now_ms(),
    };
    let watcher = Watcher::spawn(sources, stopping.clone())?;
    let letters = Letters { state: parts.state.clone(), origin: origin.to_owned() };
    dead_man::spawn_letters(letters, Arc::clone(&watcher), stopping);
    if let Some(watchdog) = watchdog {
        dead_man::spawn_watchdog(watchdog, Arc::clone(&watcher), stopping);
    }
    Ok(watcher)
}

//! Pings to a watchdog outside, which calls when they stop.
//!
//! In: the watcher's word, an address that the operator named. Out: a GET each minute while all is well; while it is not, a
//! GET to another address if one is named, else silence. Independent of the outbox, the stores and the pipeline: nothing
//! that can fail here keeps it from being silent. What is wrong with the watchdog itself is a warning.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::Method;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Watcher;
use super::beat::Beat;
use crate::config;
use crate::outbound::{Outbound, Reach, Request};

/// The watchdog.
pub struct Watchdog {
    config: config::Watchdog,
    outbound: Outbound,
    failing: Mutex<Option<Beat>>,
    pings: AtomicU64,
}

impl Watchdog {
    /// At an address that the operator named.
    #[must_use]
    pub fn new(config: config::Watchdog, outbound: Outbound) -> Self {
        Self { config, outbound, failing: Mutex::default(), pings: AtomicU64::new(0) }
    }

    /// For how long it has not been reached; `None` where it was.
    #[must_use]
    pub fn failing_ms(&self) -> Option<i64> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Beat::age_ms)
    }

    /// Pings that it took since the start.
    #[must_use]
    pub fn pings(&self) -> u64 {
        self.pings.load(Ordering::Relaxed)
    }

    async fn run(&self, watcher: &Watcher) {
        let every = Duration::from_secs(self.config.every_s);
        loop {
            // Not before the first look: what is not known is not well.
            tokio::time::sleep(if watcher.report().is_some() { every } else { FIRST }).await;
            let healthy = watcher.is_healthy();
            let url = if healthy { Some(&self.config.url) } else { self.config.failing_url.as_ref() };
            if let Some(url) = url {
                let reached = self.ping(url).await;
                if healthy && reached.is_ok() {
                    self.pings.fetch_add(1, Ordering::Relaxed);
                }
                self.note(url, reached);
            }
        }
    }

    async fn ping(&self, url: &Url) -> Result<(), String> {
        let request = Request { method: Method::GET, url, headers: Vec::new(), body: Vec::new() };
        match self.outbound.ask(request, Reach::Anywhere).await {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
            Ok(answer) => Err(format!("it answered {}", answer.status)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Told once. The address may hold a secret: its host alone is named.
    fn note(&self, url: &Url, reached: Result<(), String>) {
        let host = url.host_str().unwrap_or_default();
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match (reached, failing.is_some()) {
            (Ok(()), true) => {
                *failing = None;
                tracing::info!(host, "the outside watchdog is reached again");
            }
            (Err(why), false) => {
                *failing = Some(Beat::default());
                tracing::warn!(host, why, "the outside watchdog was not reached; trying again");
            }
            (Ok(()), false) | (Err(_), true) => {}
        }
    }
}

/// How soon the watcher's first word is looked for.
const FIRST: Duration = Duration::from_millis(200);

/// Starts pinging.
pub fn spawn(watchdog: Arc<Watchdog>, watcher: Arc<Watcher>, stopping: &CancellationToken) {
    let stopping = stopping.clone();
    tokio::spawn(stopping.run_until_cancelled_owned(async move { watchdog.run(&watcher).await }));
}

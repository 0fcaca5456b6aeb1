//! The thread that looks.
//!
//! In: [`Sources`]. Out: a [`Report`] each second, for whoever asks; word of what turned, in the log once.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use fleet::dead_man::{Finding, Grade, Watch, judge};
use tokio_util::sync::CancellationToken;
use wire::UtcMs;

use super::beat::{Beats, passed_ms};
use super::collect::Collector;
use super::ping::Watchdog;
use super::report::{self, Report};
use crate::announcer::Announcer;
use crate::clock::Clock;
use crate::ingest::Ingest;
use crate::notifier;
use crate::pipeline;
use crate::serve::Retention;

/// From one look to the next, in real time: nobody drives the watcher.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is looked at.
pub struct Sources {
    /// The wall clock.
    pub clock: Clock,
    /// Marks.
    pub beats: Arc<Beats>,
    /// Whether what is old may go.
    pub retention: Arc<Retention>,
    /// What came.
    pub ingest: Ingest,
    /// What was applied and saved.
    pub pipeline: Arc<pipeline::Counters>,
    /// What is due about alarms.
    pub announcer: Arc<Announcer>,
    /// The outbox.
    pub messages: Arc<notifier::Counters>,
    /// There is a way to send mails.
    pub sends_mail: bool,
    /// The outside watchdog, if one is named.
    pub watchdog: Option<Arc<Watchdog>>,
    /// Whose disk is looked at.
    pub data_dir: PathBuf,
    /// Names of doors, and when their certificates end.
    pub doors: Vec<(&'static str, Option<UtcMs>)>,
    /// When the server started, on the clock that nobody sets.
    pub started_ms: i64,
}

/// What was seen last.
#[derive(Debug, Default)]
pub struct Watcher {
    report: Mutex<Option<Arc<Report>>>,
}

impl Watcher {
    /// Starts looking; ends with the server.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn spawn(sources: Sources, stopping: CancellationToken) -> anyhow::Result<Arc<Self>> {
        let watcher = Arc::<Self>::default();
        let looking = Arc::clone(&watcher);
        let thread = std::thread::Builder::new().name("watcher".into());
        let look = move || looking.run(&sources, &stopping);
        thread.spawn(look).context("cannot start the watcher's thread")?;
        Ok(watcher)
    }

    /// What was seen last; none before the first look.
    #[must_use]
    pub fn report(&self) -> Option<Arc<Report>> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether all is well, and that is known.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.report().is_some_and(|report| report.is_healthy())
    }

    /// What `/health` answers.
    #[must_use]
    pub fn answer(&self) -> (axum::http::StatusCode, String) {
        report::answer(self.report().as_deref())
    }

    fn run(&self, sources: &Sources, stopping: &CancellationToken) {
        let (mut collector, mut watch) = (Collector::default(), Watch::default());
        let mut before: Vec<Finding> = Vec::new();
        while !stopping.is_cancelled() {
            let now = (sources.clock)();
            let facts = collector.look(sources, now);
            let findings = watch.look(judge(&facts), now);
            tell(&before, &findings);
            before.clone_from(&findings);
            let report = Report { looked_at: now, looked: Instant::now(), facts, findings };
            *self.report.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(report));
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Sources {
    /// When the server started, for [`Sources::started_ms`].
    #[must_use]
    pub fn now_ms() -> i64 {
        i64::try_from(passed_ms()).unwrap_or(i64::MAX)
    }
}

/// A line for each check that turned.
fn tell(before: &[Finding], now: &[Finding]) {
    for finding in now {
        let check = &finding.check;
        let was = before.iter().find(|other| other.check.name == check.name);
        let was = was.map_or(Grade::Well, |other| other.check.grade);
        match (was, check.grade) {
            (was, is) if was == is => {}
            (_, Grade::Bad) => {
                tracing::error!(check = check.name, "the service ails: {}. {}", check.says, check.what_to_do);
            }
            (_, Grade::Warn) => {
                tracing::warn!(check = check.name, "the service: {}. {}", check.says, check.what_to_do);
            }
            (_, Grade::Well) => tracing::info!(check = check.name, "the service: this is well again"),
        }
    }
}

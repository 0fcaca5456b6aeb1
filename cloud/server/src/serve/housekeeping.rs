//! What must be done from time to time and must not hold up the pipeline.
//!
//! In: the clock. Out: chunks sealed when their hour is over, days merged, what is older than 30 days deleted, a line
//! in the log each five minutes. A failure is told and tried again at the next turn: the data stays in the journal.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use fleet::retention::Verdict;
use store::history::History;
use store::state::StateStore;
use tokio_util::sync::CancellationToken;
use wire::{UtcMs, time::DAY_MS};

use super::Parts;
use super::retention::Retention;
use crate::clock::{self, Clock};
use crate::config::{Config, MailSink};
use crate::contacts::Contacts;
use crate::dead_man::Beats;
use crate::ingest::Ingest;
use crate::{notifier, pipeline};

const SEAL_EVERY: Duration = Duration::from_secs(5);
/// Merging and deleting: deletion is due at midnight, and no one may see past 30 days in the meantime anyway.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// Last contacts; a device that stays connected is due each five minutes only.
const CONTACTS_EVERY: Duration = Duration::from_secs(60);
const TELL_EVERY: Duration = Duration::from_secs(300);
/// A mail in a folder (development) tells of up to a week: together less than thirty days.
const KEEP_MAILS_MS: i64 = 21 * DAY_MS;

/// What those who delete have in common.
struct Sweeping {
    beats: Arc<Beats>,
    retention: Arc<Retention>,
    /// Mails, in development.
    maildir: Option<PathBuf>,
}

/// Starts the thread and the task.
///
/// # Errors
/// The thread cannot be started.
pub(super) fn spawn(config: &Config, parts: &Parts, stopping: &CancellationToken) -> anyhow::Result<()> {
    let (history, clock, stop) = (Arc::clone(&parts.history), Arc::clone(&parts.clock), stopping.clone());
    let maildir = config.mail.as_ref().and_then(|mail| match &mail.sink {
        MailSink::Maildir(folder) => Some(folder.clone()),
        MailSink::Smtp(_) => None,
    });
    let (beats, retention) = (Arc::clone(&parts.beats), Arc::clone(&parts.retention));
    let sweeping = Arc::new(Sweeping { beats, retention, maildir });
    let of_history = Arc::clone(&sweeping);
    let thread = std::thread::Builder::new().name("housekeeping".into());
    thread
        .spawn(move || keep_history(&history, &clock, &stop, &of_history))
        .context("cannot start the housekeeping thread")?;
    let (state, clock) = (parts.state.clone(), Arc::clone(&parts.clock));
    tokio::spawn(stopping.clone().run_until_cancelled_owned(keep_state(state, clock, sweeping)));
    let (state, contacts, clock) =
        (parts.state.clone(), Arc::clone(&parts.contacts), Arc::clone(&parts.clock));
    tokio::spawn(stopping.clone().run_until_cancelled_owned(async move {
        loop {
            clock::sleep(CONTACTS_EVERY).await;
            write_contacts(&state, &contacts, clock()).await;
        }
    }));
    let (ingest, counters) = (parts.ingest.clone(), Arc::clone(&parts.pipeline_counters));
    tokio::spawn(stopping.clone().run_until_cancelled_owned(tell(ingest, counters)));
    Ok(())
}

fn keep_history(history: &History, clock: &Clock, stop: &CancellationToken, parts: &Sweeping) {
    let mut swept: Option<Duration> = None;
    let mut swept_well = true;
    while !stop.is_cancelled() {
        clock::sleep_thread(SEAL_EVERY);
        let now = clock();
        // First of all, at a start too: what is too old is not sealed any more.
        if swept.is_none_or(|swept| clock::passed() >= swept + SWEEP_EVERY) && parts.retention.may_go(now) {
            swept_well = told("delete days", history.sweep(now));
            swept_well &= told("merge days", history.merge_due(now));
            parts.retention.without_key(tell_without_key(history));
            swept = Some(clock::passed());
        }
        if told("seal chunks", history.seal_due(now)) && swept_well {
            parts.beats.history.beat();
        }
    }
}

/// Charts show a gap there: somebody must know why. How many days.
fn tell_without_key(history: &History) -> usize {
    let days = history.without_key();
    for day in &days {
        let file = history.key_file(*day);
        tracing::error!(
            file = %file.display(),
            "a day's key is missing: what was read on that day cannot be opened. Append the copy of this file to it"
        );
    }
    days.len()
}

/// Whether it was done.
fn told(doing: &str, result: Result<usize, store::history::HistoryError>) -> bool {
    match &result {
        Ok(0) => {}
        Ok(count) => tracing::debug!(count, "history: {doing}"),
        Err(error) => tracing::error!(%error, "history could not {doing}; trying again"),
    }
    result.is_ok()
}

async fn keep_state(state: StateStore, clock: Clock, parts: Arc<Sweeping>) {
    loop {
        let now: UtcMs = clock();
        match parts.retention.look(&state, now).await {
            // Told by the dead man's switch, as long as it is so.
            Ok(Verdict::Stop { .. }) => parts.beats.forgetting.beat(),
            Ok(Verdict::Go) => match state.sweep(now).await {
                Ok(_) => parts.beats.forgetting.beat(),
                Err(error) => {
                    tracing::error!(%error, "what is older than 30 days could not be forgotten; trying again");
                }
            },
            Err(error) => tracing::error!(%error, "the clock could not be kept; trying again"),
        }
        if let Some(folder) = &parts.maildir
            && parts.retention.may_go(now)
            && let Err(error) = notifier::sweep_maildir(folder, now.plus_ms(-KEEP_MAILS_MS).0)
        {
            tracing::error!(%error, folder = %folder.display(), "old mails could not be deleted; trying again");
        }
        parts.retention.until_next(SWEEP_EVERY).await;
    }
}

/// Writes who was in contact; what could not be written is written at the next turn.
pub(super) async fn write_contacts(state: &StateStore, contacts: &Contacts, now: UtcMs) {
    let due = contacts.due(now);
    if due.is_empty() {
        return;
    }
    if let Err(error) = state.write_contacts(&due).await {
        tracing::error!(%error, "last contacts could not be written; trying again");
        contacts.unwritten(&due);
    }
}

async fn tell(ingest: Ingest, counters: Arc<pipeline::Counters>) {
    let mut before = 0;
    loop {
        tokio::time::sleep(TELL_EVERY).await;
        let reports = ingest.counters().reports.load(Ordering::Relaxed);
        let stored = counters.readings.load(Ordering::Relaxed);
        let quarantined = ingest.counters().quarantined.load(Ordering::Relaxed);
        tracing::info!(reports, since_last = reports - before, stored, quarantined, "so far");
        before = reports;
    }
}

//! What must be done from time to time and must not hold up the pipeline.
//!
//! In: the clock. Out: chunks sealed when their hour is over, days merged, what is older than 30 days deleted, a line
//! in the log each five minutes. A failure is told and tried again at the next turn: the data stays in the journal.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use store::history::History;
use store::state::StateStore;
use tokio_util::sync::CancellationToken;
use wire::{UtcMs, time::DAY_MS};

use super::Parts;
use crate::clock::{self, Clock};
use crate::contacts::Contacts;
use crate::dead_man::Beats;
use crate::ingest::Ingest;
use crate::pipeline;

const SEAL_EVERY: Duration = Duration::from_secs(5);
/// Merging and deleting: deletion is due at midnight, and no one may see past 30 days in the meantime anyway.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// Last contacts; a device that stays connected is due each five minutes only.
const CONTACTS_EVERY: Duration = Duration::from_secs(60);
const TELL_EVERY: Duration = Duration::from_secs(300);
/// Events, alarms, receipts of messages, the service's own absences and sessions live as long as readings.
const KEEP_MS: i64 = 30 * DAY_MS;
/// Limits look back a day; the audit log keeps what happened.
const KEEP_PAIRINGS_MS: i64 = 2 * DAY_MS;

/// Starts the thread and the task.
///
/// # Errors
/// The thread cannot be started.
pub(super) fn spawn(parts: &Parts, stopping: &CancellationToken) -> anyhow::Result<()> {
    let (history, clock, stop) = (Arc::clone(&parts.history), Arc::clone(&parts.clock), stopping.clone());
    let beats = Arc::clone(&parts.beats);
    let thread = std::thread::Builder::new().name("housekeeping".into());
    thread
        .spawn(move || keep_history(&history, &clock, &stop, &beats))
        .context("cannot start the housekeeping thread")?;
    let (state, clock) = (parts.state.clone(), Arc::clone(&parts.clock));
    let beats = Arc::clone(&parts.beats);
    tokio::spawn(stopping.clone().run_until_cancelled_owned(keep_state(state, clock, beats)));
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

fn keep_history(history: &History, clock: &Clock, stop: &CancellationToken, beats: &Beats) {
    let mut swept: Option<Duration> = None;
    let mut swept_well = true;
    while !stop.is_cancelled() {
        clock::sleep_thread(SEAL_EVERY);
        let now = clock();
        let sealed = told("seal chunks", history.seal_due(now));
        if swept.is_none_or(|swept| clock::passed() >= swept + SWEEP_EVERY) {
            let merged = told("merge days", history.merge_due(now));
            swept_well = told("delete days", history.sweep(now)) && merged;
            tell_without_key(history);
            swept = Some(clock::passed());
        }
        if sealed && swept_well {
            beats.history.beat();
        }
    }
}

/// Charts show a gap there: somebody must know why.
fn tell_without_key(history: &History) {
    for day in history.without_key() {
        let file = history.key_file(day);
        tracing::error!(
            file = %file.display(),
            "a day's key is missing: what was read on that day cannot be opened. Append the copy of this file to it"
        );
    }
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

async fn keep_state(state: StateStore, clock: Clock, beats: Arc<Beats>) {
    loop {
        let now: UtcMs = clock();
        let forgotten = async {
            state.delete_events_before(now.plus_ms(-KEEP_MS)).await?;
            state.delete_alarms_before(now.plus_ms(-KEEP_MS)).await?;
            state.delete_incidents_before(now.plus_ms(-KEEP_MS)).await?;
            state.forget_given_up().await?;
            state.delete_mails_before(now.plus_ms(-KEEP_MS)).await?;
            state.delete_letters_before(now.plus_ms(-KEEP_MS)).await?;
            state.delete_absences_before(now.plus_ms(-KEEP_MS)).await?;
            state.delete_pairings_before(now.plus_ms(-KEEP_PAIRINGS_MS)).await?;
            state.delete_phone_codes_before(now.plus_ms(-KEEP_PAIRINGS_MS)).await?;
            state.delete_text_counts_before(now.plus_ms(-KEEP_PAIRINGS_MS)).await?;
            state.forget_quarantined(now).await?;
            state.delete_expired_sign_ins(now).await?;
            state.delete_expired_offers(now).await?;
            state.delete_expired_sessions(now).await
        };
        match forgotten.await {
            Ok(_) => beats.forgetting.beat(),
            Err(error) => {
                tracing::error!(%error, "what is older than 30 days could not be forgotten; trying again");
            }
        }
        clock::sleep(SWEEP_EVERY).await;
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

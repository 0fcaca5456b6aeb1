//! Keeps the registry as the state store has it, ends superseded certificates, keeps the journal ticking.
//!
//! In: the store's change counter, polled. Out: a new registry within half a second of an `admin` command; acts in the journal
//! where somebody changed how long an inverter must hold, or how much its conditions matter. A store that cannot be read is told again and again, while the last
//! registry stays; it never opens the door wider.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use fleet::InverterKey;
use fleet::alarm::on_inverters;
use fleet::audit::Verb;
use store::journal::Body;
use store::state::{Act, By, Inverter, StateError, StateStore};
use tokio_util::sync::CancellationToken;
use web::sign_in::secret::Secret;
use wire::UtcMs;

use super::Parts;
use super::required::{Required, Said};
use super::stop::Fatal;
use crate::clock::{self, Clock};
use crate::dead_man::Beats;
use crate::ingest::Ingest;
use crate::pipeline::NextDue;
use crate::registry::{Device, Registered, Registry, Superseded};

/// A revocation must close sessions within a second: this, one query and the sessions' own wake-up.
const POLL_EVERY: Duration = Duration::from_millis(300);
/// The pipeline's time goes on at least this often when no device reports, milliseconds.
const TICK_EVERY_MS: i64 = 10_000;
/// An alarm that time alone raises is at most this much later than it is due, and the tick's own commit.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// What was due is told again after this long, milliseconds.
const TELL_AGAIN_MS: i64 = 1_000;
/// Revocations cannot be seen while the store cannot be read. Past this the server ends rather than trust old rows.
const MOST_FAILURES: u32 = 100;

/// Loads all certificates.
///
/// # Errors
/// The store cannot be read.
pub async fn load(state: &StateStore, registry: &Registry) -> Result<Vec<Inverter>, StateError> {
    let inverters = state.inverters().await?;
    let serials: std::collections::HashMap<_, _> =
        inverters.iter().map(|inverter| (inverter.key, inverter.serial)).collect();
    let certificates = state.certificates().await?;
    registry.replace(certificates.into_iter().filter_map(|certificate| {
        let serial = *serials.get(&certificate.inverter)?;
        Some(Registered {
            fingerprint: certificate.sha256,
            device: Device { key: certificate.inverter, serial },
            issued_at: certificate.issued_at,
            revoked: certificate.revoked_at.is_some(),
        })
    }));
    Ok(inverters)
}

/// What rows say of each inverter at `now`, and when the next grant ends that counts there.
async fn said(
    state: &StateStore,
    inverters: Vec<Inverter>,
    now: UtcMs,
) -> Result<(Vec<(InverterKey, Said)>, Option<UtcMs>), StateError> {
    let graded = state.graded().await?;
    let mut severities = on_inverters(&graded.grants, &graded.said, now);
    let keeping = state.logbook_grants().await?;
    let kept: HashSet<_> =
        keeping.iter().filter(|grant| grant.holds(now)).map(|grant| grant.inverter).collect();
    let one = |inverter: Inverter| {
        let severities = severities.remove(&inverter.key).unwrap_or_default();
        let keeps = kept.contains(&inverter.key);
        (inverter.key, Said { minutes: inverter.required_minutes, severities, keeps })
    };
    let rows = inverters.into_iter().map(one).collect();
    let ends = graded.grants.iter().chain(&keeping).filter_map(|grant| grant.ends);
    Ok((rows, ends.filter(|ends| *ends > now).min()))
}

/// Starts both tasks.
pub(super) fn spawn(parts: &Parts, fatal: &Fatal, stopping: &CancellationToken) {
    let (state, registry, required) =
        (parts.state.clone(), Arc::clone(&parts.registry), Required::new(parts));
    let seen = Seen { clock: Arc::clone(&parts.clock), counter: None, until: None };
    let beats = Arc::clone(&parts.beats);
    let refreshing = refresh(state, registry, required, seen, fatal.clone(), beats);
    tokio::spawn(stopping.clone().run_until_cancelled_owned(refreshing));
    let (state, registry, clock) =
        (parts.state.clone(), Arc::clone(&parts.registry), Arc::clone(&parts.clock));
    tokio::spawn(stopping.clone().run_until_cancelled_owned(supersede(state, registry, clock)));
    let (ingest, clock, due) = (parts.ingest.clone(), Arc::clone(&parts.clock), Arc::clone(&parts.due));
    let beats = Arc::clone(&parts.beats);
    tokio::spawn(stopping.clone().run_until_cancelled_owned(tick(ingest, clock, due, beats)));
}

/// Time goes on in the journal each ten seconds, and soon after each instant that something is due.
async fn tick(ingest: Ingest, clock: Clock, due: Arc<NextDue>, beats: Arc<Beats>) {
    let (mut told_at, mut told_of) = (clock(), UtcMs(i64::MAX));
    loop {
        clock::sleep(LOOK_EVERY).await;
        let (now, next) = (clock(), due.get());
        let passed_ms = now.since(told_at).saturating_abs();
        // Told once of an instant, the pipeline may still be busy with what came before.
        let news = now >= next && (next != told_of || passed_ms >= TELL_AGAIN_MS);
        if news || passed_ms >= TICK_EVERY_MS {
            ingest.record(now, Body::Tick);
            (told_at, told_of) = (now, next);
        }
        beats.ticker.beat();
    }
}

/// What was read, and for how long it holds.
struct Seen {
    clock: Clock,
    counter: Option<u64>,
    /// A grant ends then, by itself and without a row that changes.
    until: Option<UtcMs>,
}

async fn refresh(
    state: StateStore,
    registry: Arc<Registry>,
    mut required: Required,
    mut seen: Seen,
    fatal: Fatal,
    beats: Arc<Beats>,
) {
    let mut failures = 0;
    loop {
        match step(&state, &registry, &mut required, &mut seen).await {
            Ok(()) => {
                failures = 0;
                beats.registry.beat();
            }
            Err(error) => {
                failures += 1;
                tracing::error!(%error, failures, "cannot see whether certificates were revoked; trying again");
                if failures >= MOST_FAILURES {
                    fatal.tell("the state store cannot be read", &error);
                }
            }
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}

/// Revokes an inverter's older certificates once a newer one was used: the new bundle works, so the old one is done.
async fn supersede(state: StateStore, registry: Arc<Registry>, clock: Clock) {
    let mut told = registry.superseded();
    while told.changed().await.is_ok() {
        let Some(superseded) = *told.borrow_and_update() else { continue };
        match revoke_older(&state, &superseded, clock()).await {
            Ok(count) => tracing::info!(
                inverter = superseded.inverter.0,
                count,
                "a newer certificate was used, so the older ones are revoked"
            ),
            Err(error) => {
                tracing::error!(%error, "older certificates could not be revoked; trying at the next use")
            }
        }
    }
}

async fn revoke_older(state: &StateStore, superseded: &Superseded, now: UtcMs) -> anyhow::Result<u64> {
    let act = Act::new(Verb::DeviceSupersede, By::Service, now, Secret::new()?.hash());
    Ok(state.supersede_certificates(superseded.inverter, &superseded.by, now, &act).await?)
}

async fn step(
    state: &StateStore,
    registry: &Registry,
    required: &mut Required,
    seen: &mut Seen,
) -> Result<(), StateError> {
    let (counter, now) = (state.change_counter().await?, (seen.clock)());
    if seen.counter != Some(counter) || seen.until.is_some_and(|until| until <= now) {
        let (rows, until) = said(state, load(state, registry).await?, now).await?;
        required.changed(rows);
        (seen.counter, seen.until) = (Some(counter), until);
    }
    required.tell();
    Ok(())
}

//! `inverter-connect serve`: everything wired together, from the configuration to an orderly end.
//!
//! In: a configuration. Out: a running server until SIGTERM or SIGINT, or until something fails that acknowledgements
//! rest on: then it says why and ends with an error at once, as nothing may be acknowledged any more.

mod audit_lines;
mod channels;
mod dead_man;
mod files;
mod gauges;
mod housekeeping;
mod mail;
mod metrics;
mod outreach;
mod refresh;
mod required;
mod retention;
mod service;
mod stop;

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};

use anyhow::Context;
use store::history::History;
use store::journal::{Appender, Body};
use store::state::StateStore;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use web::sign_in::vault::FactorsKey;

use crate::acts::Acts;
use crate::announcer::Announcer;
use crate::calendar::{self, Calendar};
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::contacts::Contacts;
use crate::data_dir;
use crate::dead_man::Beats;
use crate::door::{self, DeviceDoor, DoorConfig, PeopleDoor};
use crate::ingest::{self, Batch, Ingest, Ticket};
use crate::live::LiveStates;
use crate::logbook::Keeper;
use crate::notifier;
use crate::pipeline;
use crate::power_loss::PowerLosses;
use crate::registry::Registry;
pub use retention::Retention;
use stop::Fatal;

/// Threads that answer people. Pages need little; two let one be long without holding up the others.
const PEOPLE_THREADS: usize = 2;

/// What was in hand when the server was killed may have been sent already. A server that dies again and again would write it
/// each time: it is sent again once this one has lived for so long, milliseconds.
const SENT_AGAIN_AFTER_MS: i64 = 5_000;

/// Runs until told to end.
///
/// # Errors
/// What could not be started, or what failed: what happened, where, what to do.
pub fn run(config: &Config) -> anyhow::Result<()> {
    let runtime = |name: &str, threads: Option<usize>| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        if let Some(threads) = threads {
            builder.worker_threads(threads);
        }
        builder.thread_name(name).enable_all().build().context("cannot start the run time")
    };
    let (devices, people) = (runtime("devices", None)?, runtime("people", Some(PEOPLE_THREADS))?);
    let result = devices.block_on(serve(config, people.handle()));
    // What still runs is not waited for: after a failure nothing of it counts.
    people.shutdown_background();
    devices.shutdown_background();
    result
}

/// Reads every file that the configuration names and says what would be served.
///
/// # Errors
/// The first file that does not do, and what to put there.
pub fn check(config: &Config) -> anyhow::Result<()> {
    files::load(config)?;
    mail::load(config)?;
    channels::load(config)?;
    data_dir::check_keys(config)?;
    println!("{} is good.", config.file.display());
    println!("people   https://{} on {}", config.people.names.join(", https://"), config.listen);
    println!("devices  {} ({})", config.device.name, config.device.url);
    println!("data     {}", config.data_dir.display());
    let mails = config.mail.as_ref().map_or_else(|| mail::NONE.to_owned(), ToString::to_string);
    println!("mails    {mails}");
    let texts = config.text.as_ref().map_or_else(|| channels::NO_TEXTS.to_owned(), ToString::to_string);
    println!("texts    {texts}");
    let watchdog = config.watchdog.as_ref().map_or_else(|| dead_man::NONE.to_owned(), ToString::to_string);
    println!("watchdog {watchdog}");
    Ok(())
}

/// What the parts share.
struct Parts {
    clock: Clock,
    state: StateStore,
    history: Arc<History>,
    live: Arc<LiveStates>,
    registry: Arc<Registry>,
    contacts: Arc<Contacts>,
    ingest: Ingest,
    device_counters: Arc<crate::device::Counters>,
    pipeline_counters: Arc<pipeline::Counters>,
    due: Arc<pipeline::NextDue>,
    mail_counters: Arc<notifier::Counters>,
    /// Rung when a message was queued that must not wait.
    queued: Arc<Notify>,
    announcer: Arc<Announcer>,
    calendar: Arc<Calendar>,
    beats: Arc<Beats>,
    retention: Arc<Retention>,
}

async fn serve(config: &Config, people_threads: &Handle) -> anyhow::Result<()> {
    let tls = files::load(config)?;
    let (way, out) = (mail::load(config)?, channels::load(config)?);
    let listener = door::listen(config.listen).with_context(|| {
        format!("{}: cannot listen on `listen` = {}", config.file.display(), config.listen)
    })?;
    let address = listener.local_addr()?;
    let (fatal, mut failed) = stop::channel();
    let stopping = CancellationToken::new();
    let origin = config.people.origin(address);
    let (parts, appender, mut ended) = start(config, &origin, &fatal, &stopping).await?;
    let audit = audit_lines::spawn(&parts.state, &stopping).await?;
    let watcher = dead_man::spawn(config, &parts, &out.0, &origin, &stopping)?;
    refresh::spawn(&parts, &fatal, &stopping);
    housekeeping::spawn(config, &parts, &stopping)?;
    if let Some(address) = config.metrics_listen {
        metrics::spawn(address, &parts, &watcher, &stopping).await?;
    }
    let pipeline = Arc::clone(&parts.pipeline_counters);
    let known = move || pipeline.following.load(Ordering::Acquire) == 1;
    tokio::spawn(Arc::clone(&parts.announcer).run(Arc::clone(&parts.clock), known, stopping.clone()));
    tokio::spawn(Arc::clone(&parts.calendar).run(Arc::clone(&parts.clock), stopping.clone()));
    let losses = PowerLosses::new(parts.state.clone(), origin.as_str().into(), Arc::clone(&parts.queued));
    tokio::spawn(losses.run(Arc::clone(&parts.clock), stopping.clone()));
    let key = data_dir::factors_key(config, &parts.state).await?;
    let signer = Arc::new(data_dir::logbook_key(config, &parts.state, (parts.clock)()).await?);
    let keeper = Keeper::new(parts.state.clone(), Arc::clone(&parts.live), Arc::clone(&signer));
    tokio::spawn(keeper.run(Arc::clone(&parts.clock), Arc::clone(&parts.retention), stopping.clone()));
    let vapid = Arc::new(data_dir::push_key(config, &origin).await?);
    let (ways, said) = channels::ways(config, way, out, (&key, vapid))?;
    let notifier = mail::spawn(ways, &origin, &parts, &stopping);
    let service = service::Service::new(&parts, config, watcher);
    let people = people(&parts, service, &origin, &key, &stopping)?.with_ways(said).with_signer(signer);
    outreach::spawn(people.clone(), &stopping);
    let door = tokio::spawn(door::run(
        listener,
        door_config(config, tls),
        DeviceDoor {
            registry: Arc::clone(&parts.registry),
            ingest: parts.ingest.clone(),
            contacts: Arc::clone(&parts.contacts),
            counters: Arc::clone(&parts.device_counters),
            clock: Arc::clone(&parts.clock),
        },
        PeopleDoor { router: web::router(people), runtime: people_threads.clone() },
        stopping.clone(),
    ));
    tracing::info!(%address, people = origin, devices = config.device.url, "ready");
    let reason = tokio::select! {
        reason = stop::signal() => reason?,
        fatal = failed.recv() => return Err(stop::error(fatal)),
        // Only a panic ends it without a word; it was printed where it happened.
        _ = &mut ended => return Err(stop::error(failed.try_recv().ok())),
    };
    tracing::info!(reason, "stopping: no new connections, then what was received is made durable");
    stopping.cancel();
    let in_order = async {
        door.await.context("the door's task failed")?;
        parts.ingest.record((parts.clock)(), Body::CloudDown);
        tokio::task::spawn_blocking(move || appender.close()).await.context("the journal did not close")?;
        ended.await.context("the pipeline's thread failed")?;
        notifier.await.context("the notifier's task failed")?;
        audit.await.context("the task that tells of acts failed")?;
        anyhow::Ok(())
    };
    tokio::select! {
        result = in_order => result?,
        fatal = failed.recv() => return Err(stop::error(fatal)),
    }
    housekeeping::write_contacts(&parts.state, &parts.contacts, (parts.clock)()).await;
    parts.state.close().await?;
    tracing::info!("stopped");
    Ok(())
}

/// Opens the stores, then lets the journal flow into the pipeline. The receiver tells that the pipeline has ended.
async fn start(
    config: &Config,
    origin: &str,
    fatal: &Fatal,
    stopping: &CancellationToken,
) -> anyhow::Result<(Parts, Appender<Ticket>, tokio::sync::oneshot::Receiver<()>)> {
    let state = data_dir::open_state(config).await?;
    let registry = Arc::new(Registry::default());
    refresh::load(&state, &registry).await?;
    let history = Arc::new(data_dir::open_history(config)?);
    let snapshots = state.load_snapshots().await?;
    let (sender, batches) = mpsc::channel();
    let beats = Arc::<Beats>::default();
    let appender = open_journal(config, sender, fatal, Arc::clone(&beats))?;
    let ingest = Ingest::new(appender.clone());
    let clock = clock::wall();
    // The journal is ours alone: whoever sent messages of this folder before is gone.
    let taken_back = state.take_back_messages(clock().plus_ms(SENT_AGAIN_AFTER_MS)).await?;
    if taken_back > 0 {
        tracing::warn!(
            count = taken_back,
            "messages that were being sent when the server ended are sent again in some seconds"
        );
    }
    ingest.record(clock(), Body::CloudUp);
    let (live, queued) = (Arc::<LiveStates>::default(), Arc::<Notify>::default());
    let announcer = Announcer::new(state.clone(), Arc::clone(&live), origin.into(), Arc::clone(&queued));
    let counters = Arc::<pipeline::Counters>::default();
    let back = calendar::Back::note(&state, snapshots.watched_until, clock()).await?;
    let sees = calendar::Sees { live: Arc::clone(&live), pipeline: Arc::clone(&counters), back };
    let calendar = Calendar::new(state.clone(), sees, origin.into(), Arc::clone(&queued));
    let parts = Parts {
        clock,
        state,
        history,
        live,
        registry,
        contacts: Arc::default(),
        ingest,
        device_counters: Arc::default(),
        pipeline_counters: counters,
        due: Arc::default(),
        mail_counters: Arc::default(),
        queued,
        announcer: Arc::new(announcer),
        calendar: Arc::new(calendar),
        beats,
        retention: Arc::default(),
    };
    let (ending, ended) = tokio::sync::oneshot::channel();
    let pipeline = pipeline::Parts {
        journal: config.journal_dir(),
        history: Arc::clone(&parts.history),
        state: parts.state.clone(),
        origin: origin.into(),
        announcer: Arc::clone(&parts.announcer),
        live: Arc::clone(&parts.live),
        counters: Arc::clone(&parts.pipeline_counters),
        due: Arc::clone(&parts.due),
        batches,
        runtime: Handle::current(),
        stopping: stopping.clone(),
    };
    let fatal = fatal.clone();
    pipeline::start(pipeline, snapshots, move |result| match result {
        // Nobody waits any more if the server failed elsewhere.
        Ok(()) => drop(ending.send(())),
        Err(error) => fatal.tell("the pipeline failed", &error),
    })?;
    Ok((parts, appender, ended))
}

fn open_journal(
    config: &Config,
    batches: mpsc::Sender<Batch>,
    fatal: &Fatal,
    beats: Arc<Beats>,
) -> anyhow::Result<Appender<Ticket>> {
    let mut journal = store::journal::Config::new(config.journal_dir());
    journal.added_commit_delay = config.added_commit_delay;
    if !config.added_commit_delay.is_zero() {
        tracing::warn!(delay = ?config.added_commit_delay, "each commit is delayed, as the configuration says");
    }
    let fatal = fatal.clone();
    let on_commit = move |mut batch: Batch| {
        ingest::acknowledge(&mut batch);
        beats.committed.fetch_add(batch.entries.len() as u64, Ordering::Relaxed);
        // The pipeline ends before the journal only if it failed, which ends the server.
        let _ = batches.send(batch);
    };
    let on_failure = move |error| fatal.tell("the journal failed, so nothing can be acknowledged", &error);
    Ok(store::journal::open(journal, on_commit, on_failure)?)
}

fn door_config(config: &Config, tls: files::Tls) -> DoorConfig {
    DoorConfig {
        people_names: config.people.names.clone(),
        device_name: config.device.name.clone(),
        device_tls: tls.device,
        people_tls: tls.people,
        limits: config.limits,
    }
}

fn people(
    parts: &Parts,
    service: service::Service,
    origin: &str,
    key: &FactorsKey,
    stopping: &CancellationToken,
) -> anyhow::Result<web::Context> {
    let live = Arc::clone(&parts.live) as Arc<dyn web::Live>;
    let (state, history, clock) = (parts.state.clone(), Arc::clone(&parts.history), Arc::clone(&parts.clock));
    let context = web::Context::new(state, history, live, clock, origin, key)?;
    let context = context.with_service(Arc::new(service));
    let acts = Acts::new(parts.ingest.clone(), Arc::clone(&parts.clock), stopping.clone());
    Ok(context.with_acts(Arc::new(acts)))
}

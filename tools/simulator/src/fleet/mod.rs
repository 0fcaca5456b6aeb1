//! Many inverters straight over mutual TLS, with honest acknowledgement accounting.
//!
//! In: a [`Plan`]. Out: an [`Outcome`] in which every publish is acknowledged, refused or lost, and nothing else.
//! Never counts a report as delivered that the cloud has not acknowledged.

mod backlog;
pub mod identity;
mod payload;
mod plan;
mod session;
mod shared;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use plan::{Device, Faults, Outcome, Plan, Play, Target, Version, Work};
pub use tally::Counts;

use payload::Templates;
use session::Session;
use shared::Shared;
use tally::{Tally, Times};

/// Runs `plan` to its end.
///
/// # Errors
/// When it cannot begin; what the cloud does is in the [`Outcome`].
pub async fn run(plan: Plan) -> Result<Outcome, Error> {
    start(plan)?.finish().await
}

/// Begins `plan` on threads of its own, so that the caller may measure meanwhile.
///
/// # Errors
/// When it cannot begin.
pub fn start(plan: Plan) -> Result<Running, Error> {
    if plan.devices.is_empty() {
        return Err(Error::NoDevices);
    }
    let tally = Arc::new(Tally::new(plan.ledger.as_deref()).map_err(Error::Ledger)?);
    let templates = Arc::new(Templates::new(plan.seed, plan.now, plan.faults.map(|faults| faults.condition)));
    let stop = CancellationToken::new();
    let count = plan.threads.clamp(1, plan.devices.len());
    let mut shares: Vec<Vec<(usize, Device)>> = (0..count).map(|_| Vec::new()).collect();
    for (index, device) in plan.devices.iter().enumerate() {
        if let Some(share) = shares.get_mut(index % count) {
            share.push((index, device.clone()));
        }
    }
    let mut threads = Vec::new();
    for devices in shares {
        let shared = Arc::new(Shared::new(&plan, templates.clone(), tally.clone(), stop.clone())?);
        let (done, wait) = oneshot::channel();
        let (spread, duration) = (plan.connects_per_s, plan.duration);
        let thread_shared = shared.clone();
        std::thread::Builder::new()
            .name("fleet".into())
            .spawn(move || {
                let result = live(&thread_shared, devices, spread, duration);
                let _ = done.send(result);
            })
            .map_err(Error::Thread)?;
        threads.push((shared, wait));
    }
    Ok(Running { tally, stop, threads, begun: Instant::now() })
}

/// One thread: its devices until all are done.
fn live(
    shared: &Arc<Shared>,
    devices: Vec<(usize, Device)>,
    connects_per_s: Option<f64>,
    duration: Option<Duration>,
) -> Result<(), Error> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Thread)?;
    runtime.block_on(async {
        let end = duration.map(|duration| Instant::now() + duration);
        let mut tasks = tokio::task::JoinSet::new();
        for (index, device) in devices {
            let delay = connects_per_s.filter(|rate| *rate > 0.0).map_or(0.0, |rate| index as f64 / rate);
            let session = Session::new(shared.clone(), device, index);
            tasks.spawn(session.run(Duration::from_secs_f64(delay)));
        }
        let all = async { while tasks.join_next().await.is_some() {} };
        let mut all = std::pin::pin!(all);
        tokio::select! {
            () = &mut all => return,
            () = session::until(end) => shared.stop.cancel(),
        }
        all.await;
    });
    Ok(())
}

/// What a thread shares with its devices, and the word that it has ended.
type Thread = (Arc<Shared>, oneshot::Receiver<Result<(), Error>>);

/// A run that goes on.
#[derive(Debug)]
pub struct Running {
    tally: Arc<Tally>,
    stop: CancellationToken,
    threads: Vec<Thread>,
    begun: Instant,
}

impl Running {
    /// The counters as they are now.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.tally.counts
    }

    /// Tells every device to stop publishing; acknowledgements in flight are waited for, five seconds at most.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// A way to stop it for someone else.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper(self.stop.clone())
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// When a thread could not do its work.
    pub async fn finish(self) -> Result<Outcome, Error> {
        let mut times = Times::new().ok_or(Error::Histogram)?;
        for (shared, wait) in self.threads {
            wait.await.map_err(|_| Error::Died)??;
            shared.add_times_to(&mut times);
        }
        Ok(self.tally.outcome(times, self.begun.elapsed()))
    }
}

/// Stops a run from elsewhere.
#[derive(Debug, Clone)]
pub struct Stopper(CancellationToken);

impl Stopper {
    /// As [`Running::stop`].
    pub fn stop(&self) {
        self.0.cancel();
    }
}

/// Why a run could not be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The plan has no devices.
    #[error("no devices to play: give --bundles with at least one device folder, or --ca-key and --count")]
    NoDevices,
    /// The ledger cannot be opened.
    #[error("the ledger cannot be opened: {0}; choose another --ledger")]
    Ledger(#[source] std::io::Error),
    /// The host is neither a name nor an address.
    #[error("{0:?} is neither a host name nor an address; write mqtts://HOST:PORT")]
    Host(String),
    /// A root cannot be used.
    #[error("a certificate of --ca is no root: {0}")]
    Root(#[source] rustls::Error),
    /// No root at all.
    #[error("the server's certificate could not be checked: {0}; give its roots with --ca")]
    Verifier(String),
    /// No thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
    /// A thread panicked.
    #[error("a thread of the fleet died; this is a defect of the simulator")]
    Died,
    /// Constants that do not fit together.
    #[error("the histogram's bounds are wrong; this is a defect of the simulator")]
    Histogram,
}

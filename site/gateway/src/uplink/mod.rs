//! The process that decodes, keeps and sends.
//!
//! In: the reader's pipe as standard input. Out: MQTT over TLS to the one configured cloud; sentences on standard
//! error. One thread takes from the pipe and writes the spool and never waits for the network; the other sends what
//! the spool holds and never touches the pipe. It has no descriptor of the port and listens on nothing.

mod back_off;
pub mod link;
mod pace;
pub mod proxy;
mod recording;
mod sending;
mod session;
pub mod tls;
mod transport;

use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use wire::{BootId, Quality, Serial};

use crate::config::Config;
use crate::dating::Clock;
use crate::recorder::Recorder;
use crate::sandbox::{self, Access, Process};
use crate::spool::{Settings, Spool, SpoolError};
use crate::state::State;
use crate::{clock, exit, status};
use proxy::Credentials;
use recording::Recording;
use tls::Tls;

/// How long the sender has to say goodbye.
const GOODBYE: Duration = Duration::from_millis(2000);

/// The cloud cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No address.
    #[error("the name {0} cannot be resolved")]
    Resolve(String),
    /// No connection.
    #[error("{}", plain_io(.0))]
    Connect(io::Error),
    /// The proxy would not.
    #[error("the proxy {proxy} does not help: {why}")]
    Proxy {
        /// Host and port.
        proxy: String,
        /// In words.
        why: String,
    },
    /// No TLS.
    #[error("{}", tls::plain(.0))]
    Tls(rustls::Error),
    /// Not our cloud: whose certificate it showed tells whoever looks for the device in between where to look.
    #[error(
        "somebody between this gateway and the cloud answers with a certificate that we do not trust, issued by {issuer}; does a proxy or firewall look into TLS? Have it let this address pass untouched. Nothing was sent to it"
    )]
    Stranger {
        /// In quotes.
        issuer: String,
    },
    /// No WebSocket.
    #[error("no WebSocket: {0}")]
    WebSocket(String),
    /// CONNACK says no.
    #[error("it refused the session: {0}")]
    Refused(String),
    /// Not MQTT.
    #[error("it does not speak MQTT 5: {0}")]
    Protocol(String),
    /// The connection broke in the handshakes.
    #[error("{0}")]
    Broken(String),
}

/// An I/O error in words, without the number of the operating system's error.
#[must_use]
pub fn plain_io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::Other | io::ErrorKind::InvalidData => error.to_string(),
        io::ErrorKind::UnexpectedEof => "the other side closed the connection".to_owned(),
        io::ErrorKind::TimedOut => "it does not answer".to_owned(),
        kind => kind.to_string(),
    }
}

/// What both threads share.
#[derive(Debug)]
pub struct Shared {
    inner: Mutex<Inner>,
    /// Readable when there is something to look at.
    wake: OwnedFd,
    stopping_ms: AtomicU64,
    serial: Serial,
    interval_ms: u64,
}

#[derive(Debug)]
struct Inner {
    spool: Spool,
    recorder: Recorder,
    clock: Clock,
    wanted: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    fn clear_wake(&self) {
        let _ = rustix::io::read(&self.wake, &mut [0_u8; 8]);
    }

    fn is_stopping(&self) -> bool {
        self.stopping_ms.load(Ordering::Acquire) > 0
    }

    fn stopping_since(&self) -> Option<u64> {
        Some(self.stopping_ms.load(Ordering::Acquire)).filter(|since| *since > 0)
    }
}

impl Inner {
    /// A system clock that has come to its senses since the start (set by hand or by NTP) beats a guess.
    fn prefer_system_clock(&mut self, now_ms: u64) -> Result<(), SpoolError> {
        if self.clock.quality != Quality::Estimated {
            return Ok(());
        }
        let (system, known) = (clock::system_time(), self.clock.wall(now_ms));
        let clock = Clock { quality: Quality::Aged, ..Clock::synchronised(system, now_ms) };
        if system <= known { Ok(()) } else { self.set_clock(clock, now_ms) }
    }

    fn set_clock(&mut self, clock: Clock, now_ms: u64) -> Result<(), SpoolError> {
        self.clock = clock;
        self.spool.set_clock(clock, now_ms)
    }
}

/// Runs until standard input ends.
#[must_use]
pub fn run(config: &Config, locked: bool) -> ExitCode {
    match prepare(config) {
        Ok((shared, way)) => match sandbox::confine(&Access::uplink(config), locked) {
            Ok(_) => record(config, &shared, way, locked),
            Err(error) => unlocked(&error),
        },
        Err((code, sentence)) => {
            status::say(sentence);
            code.into()
        }
    }
}

/// What is needed to reach the cloud, read from files once, so that the sender later needs none.
struct Way {
    tls: Tls,
    proxy_credentials: Option<Credentials>,
}

fn prepare(config: &Config) -> Result<(Arc<Shared>, Way), (u8, String)> {
    let tls = Tls::load(&config.cloud, clock::built_at()).map_err(|e| (exit::CONFIG, status::chain(&e)))?;
    let proxy_credentials = match &config.cloud.proxy_credentials {
        Some(path) => Some(Credentials::load(path).map_err(|text| (exit::CONFIG, text))?),
        None => None,
    };
    let spool_fail = |what: String| (exit::SPOOL, what);
    std::fs::create_dir_all(&config.data_dir).map_err(|e| {
        spool_fail(format!("{} cannot be made: {e}; correct `data_dir`", config.data_dir.display()))
    })?;
    lock_folder(config).map_err(spool_fail)?;
    let state = State::load(&config.data_dir).unwrap_or_default();
    let (kernel, now_ms) = (clock::kernel_boot(), clock::uptime_ms());
    let clock = Clock::initial(state.clock, kernel, now_ms, clock::system_time(), clock::built_at());
    let mut boot = [0; 16];
    aws_lc_rs::rand::fill(&mut boot)
        .map_err(|_| (exit::FAILURE, "The system gives no random numbers.".to_owned()))?;
    let settings = Settings {
        folder: config.data_dir.join("spool"),
        limit_bytes: config.spool_bytes,
        boot: BootId(boot),
        kernel,
        clock,
    };
    let spool = Spool::open(settings, state.done, now_ms).map_err(|e| spool_fail(status::chain(&e)))?;
    if spool.pending() > 0 {
        status::say(format_args!("{} from before.", status::kept(spool.pending())));
    }
    let recorder = Recorder::new(config, state.seen, now_ms);
    let wake = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)
        .map_err(|e| (exit::FAILURE, format!("eventfd: {e}")))?;
    let shared = Shared {
        inner: Mutex::new(Inner { spool, recorder, clock, wanted: false }),
        wake,
        stopping_ms: AtomicU64::new(0),
        serial: config.serial,
        interval_ms: u64::from(config.report.interval_s) * 1000,
    };
    Ok((Arc::new(shared), Way { tls, proxy_credentials }))
}

/// Two gateways on one folder would send each other's numbers. The lock ends with the process.
fn lock_folder(config: &Config) -> Result<(), String> {
    let path = config.data_dir.join("lock");
    let file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|e| format!("{} cannot be written: {e}; correct `data_dir`", path.display()))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        format!("another gateway uses {}; give each its own `data_dir`", config.data_dir.display())
    })?;
    // Held until the process ends.
    std::mem::forget(file);
    Ok(())
}

fn unlocked(error: &sandbox::LockError) -> ExitCode {
    status::say(sandbox::refusal(Process::Uplink, error));
    exit::UNLOCKED.into()
}

/// The recording thread: the main one. Both threads are there before the policy, which then needs to let nobody start one;
/// neither works before it holds.
fn record(config: &Config, shared: &Arc<Shared>, way: Way, locked: bool) -> ExitCode {
    let (started, sealed) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let sender = {
        let (config, shared) = (config.clone(), shared.clone());
        let (started, sealed) = (started.clone(), sealed.clone());
        std::thread::Builder::new().name("sender".to_owned()).spawn(move || {
            started.wait();
            sealed.wait();
            sending::send(&config, &shared, &way);
        })
    };
    let Ok(sender) = sender else {
        status::say("The sending thread cannot be started.");
        return exit::FAILURE.into();
    };
    started.wait();
    if let Err(error) = sandbox::seal(Process::Uplink, locked) {
        return unlocked(&error);
    }
    sealed.wait();
    let mut recording = Recording::new(config, shared);
    let result = recording.run(&sender);
    shared.stopping_ms.store(clock::uptime_ms().max(1), Ordering::Release);
    shared.wake();
    let until = clock::uptime_ms() + u64::try_from(GOODBYE.as_millis()).unwrap_or(0);
    while !sender.is_finished() && clock::uptime_ms() < until {
        clock::sleep(Duration::from_millis(20));
    }
    match result.and_then(|()| recording.close()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            status::say(sentence);
            exit::SPOOL.into()
        }
    }
}

//! The process that decodes, keeps and sends.
//!
//! In: the reader's pipe as standard input. Out: MQTT over TLS to the one configured cloud; sentences on standard
//! error. One thread takes from the pipe and writes the spool and never waits for the network; the other sends what
//! the spool holds and never touches the pipe. It has no descriptor of the port and listens on nothing.

mod back_off;
pub mod link;
mod session;
pub mod tls;
mod transport;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use wire::{BootId, Quality, Serial};

use crate::config::Config;
use crate::dating::{Clock, Persisted};
use crate::pack::MAX_RECORDS;
use crate::recorder::{Recorded, Recorder};
use crate::spool::record::{Kind, Loss};
use crate::spool::{Settings, Spool, SpoolError};
use crate::state::State;
use crate::{clock, exit, pipe, status};
use back_off::BackOff;
use link::Credentials;
use session::{End, InFlight, Session};
use tls::Tls;
use transport::Transport;

/// A record is on disk this long after it was written, at the latest: what a power cut can cost. Events and changes
/// are on disk at once. What the cloud has acknowledged by then is not synchronised at all, which spares the flash.
const SYNC_MS: u64 = 10_000;
/// How often the clock and the acknowledged ranges are written down (decision 5).
const SAVE_MS: u64 = 60_000;
/// TCP, proxy, TLS, WebSocket and CONNECT together.
const HANDSHAKE_MS: u64 = 30_000;
/// The present clock is told from the cloud's only when it is this far off.
const CLOCK_TELL_MS: i64 = 2000;
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
    #[error("the proxy does not help: {0}")]
    Proxy(String),
    /// No TLS.
    #[error("{}", tls::plain(.0))]
    Tls(rustls::Error),
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

/// Runs until standard input ends.
#[must_use]
pub fn run(config: &Config) -> ExitCode {
    match prepare(config) {
        Ok((shared, way)) => record(config, &shared, way),
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

/// The recording thread: the main one.
fn record(config: &Config, shared: &Arc<Shared>, way: Way) -> ExitCode {
    let sender = {
        let (config, shared) = (config.clone(), shared.clone());
        std::thread::Builder::new().name("sender".to_owned()).spawn(move || send(&config, &shared, &way))
    };
    let Ok(sender) = sender else {
        status::say("The sending thread cannot be started.");
        return exit::FAILURE.into();
    };
    let save_due_ms = clock::uptime_ms() + SAVE_MS;
    let mut recording = Recording { config, shared, sync_due_ms: None, save_due_ms, unwritten: 0 };
    let result = recording.run(&sender);
    shared.stopping_ms.store(clock::uptime_ms().max(1), Ordering::Release);
    shared.wake();
    let until = clock::uptime_ms() + u64::try_from(GOODBYE.as_millis()).unwrap_or(0);
    while !sender.is_finished() && clock::uptime_ms() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    match result.and_then(|()| recording.close()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            status::say(sentence);
            exit::SPOOL.into()
        }
    }
}

struct Recording<'a> {
    config: &'a Config,
    shared: &'a Shared,
    sync_due_ms: Option<u64>,
    save_due_ms: u64,
    unwritten: u64,
}

impl Recording<'_> {
    fn run(&mut self, sender: &std::thread::JoinHandle<()>) -> Result<(), String> {
        let stdin = io::stdin();
        let mut packet = [0; pipe::PACKET_BYTES];
        loop {
            let now_ms = clock::uptime_ms();
            let recorder_due = self.shared.lock().recorder.due_ms();
            let due = [recorder_due, self.sync_due_ms, Some(self.save_due_ms)].into_iter().flatten().min();
            let wait = Duration::from_millis(due.unwrap_or(now_ms).saturating_sub(now_ms));
            let timeout = Timespec::try_from(wait).ok();
            match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], timeout.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(format!("poll: {error}")),
            }
            match rustix::io::read(stdin.as_fd(), &mut packet) {
                Ok(0) => return Ok(()),
                Ok(length) => self.take(packet.get(..length).unwrap_or_default())?,
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(format!("the reader's pipe: {error}")),
            }
            self.tick()?;
            if sender.is_finished() {
                return Err("The sending thread died; the last lines say why.".to_owned());
            }
        }
    }

    fn take(&mut self, packet: &[u8]) -> Result<(), String> {
        for (arrived_ms, bytes) in pipe::chunks(packet) {
            let mut inner = self.shared.lock();
            let inner = &mut *inner;
            let seen = inner.recorder.seen.clone();
            let mut wanted = inner.wanted;
            let recorded = inner.recorder.take(bytes, arrived_ms, &mut wanted, &mut inner.spool);
            inner.wanted = wanted;
            if inner.recorder.seen != seen {
                // A press that was told must not be told again by the next start.
                self.save_due_ms = 0;
            }
            self.recorded(recorded)?;
        }
        Ok(())
    }

    /// Nudges the sender, plans the synchronisation.
    fn recorded(&mut self, recorded: Result<Recorded, SpoolError>) -> Result<(), String> {
        let recorded = recorded.map_err(|error| status::chain(&error))?;
        if recorded.records > 0 {
            let now_ms = clock::uptime_ms();
            self.shared.wake();
            let due = if recorded.at_once { now_ms } else { now_ms + SYNC_MS };
            self.sync_due_ms = Some(self.sync_due_ms.map_or(due, |planned| planned.min(due)));
        }
        Ok(())
    }

    fn tick(&mut self) -> Result<(), String> {
        let now_ms = clock::uptime_ms();
        let recorded = {
            let mut inner = self.shared.lock();
            let inner = &mut *inner;
            inner.recorder.tick(now_ms, &mut inner.spool)
        };
        self.recorded(recorded)?;
        if self.sync_due_ms.is_some_and(|due| now_ms >= due) {
            self.sync()?;
        }
        if now_ms >= self.save_due_ms {
            self.save(now_ms)?;
        }
        let unwritten = self.shared.lock().spool.unwritten();
        if self.unwritten == 0 && unwritten > 0 {
            status::say(format_args!(
                "The disk of {} is full: readings are lost until there is room, and told as a gap.",
                self.config.data_dir.display()
            ));
        }
        self.unwritten = unwritten;
        Ok(())
    }

    /// A failed fdatasync ends the process: what the kernel has dropped then, nobody can say.
    fn sync(&mut self) -> Result<(), String> {
        self.sync_due_ms = None;
        let files = self.shared.lock().spool.unsynced();
        for file in files {
            file.sync_data()
                .map_err(|error| format!("the spool cannot be put on disk: {error}; is the disk failing?"))?;
        }
        Ok(())
    }

    fn save(&mut self, now_ms: u64) -> Result<(), String> {
        self.save_due_ms = now_ms + SAVE_MS;
        let state = {
            let mut inner = self.shared.lock();
            inner.prefer_system_clock(now_ms).map_err(|error| status::chain(&error))?;
            let kernel = inner.spool.settings().kernel;
            State {
                clock: Some(Persisted { kernel, uptime_ms: now_ms, clock: inner.clock }),
                done: inner.spool.done().clone(),
                seen: inner.recorder.seen.clone(),
            }
        };
        if let Err(error) = state.save(&self.config.data_dir) {
            status::say(format_args!(
                "The state cannot be written in {}: {error}.",
                self.config.data_dir.display()
            ));
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        self.sync()?;
        self.save(clock::uptime_ms())
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

/// The sending thread.
fn send(config: &Config, shared: &Shared, way: &Way) {
    let mut back_off = BackOff::default();
    let mut limit_records = MAX_RECORDS;
    while !shared.is_stopping() {
        let sentence = match connect(config, shared, way) {
            Err(error) => format!("Cannot reach {}: {error}.", config.cloud.url),
            Ok((transport, accepted)) => {
                shared.lock().wanted = true;
                let mut session = Session::new(shared, transport, accepted, limit_records);
                let end = session.run();
                if session.acknowledged {
                    back_off.reset();
                    limit_records = (limit_records * 2).min(MAX_RECORDS);
                }
                match end {
                    End::Stopping | End::Renew => continue,
                    End::TakenOver => {
                        back_off.taken_over();
                        "Another gateway uses this certificate and took the session over; give each gateway its own.".to_owned()
                    }
                    End::Broken(why) => format!("Lost {}: {why}.", config.cloud.url),
                    End::Refused { report, why } => {
                        back_off.reset();
                        limit_records = narrow(shared, &report);
                        format!("The cloud refused a report of {} records: {why}.", report.records)
                    }
                }
            }
        };
        let mut random = [0; 8];
        let _ = aws_lc_rs::rand::fill(&mut random);
        let wait_ms = back_off.wait_ms(u64::from_le_bytes(random));
        let (kept, next) = (status::kept(shared.lock().spool.pending()), status::duration(wait_ms));
        status::say(format_args!("{sentence} {kept}. Next try in {next}."));
        pause(shared, wait_ms);
    }
}

/// The cloud refuses a payload: halve until it is one record, and give that one up, told as a gap, so that it does not
/// jam the spool.
fn narrow(shared: &Shared, report: &InFlight) -> usize {
    if report.records > 1 {
        return usize::try_from(report.records / 2).unwrap_or(1);
    }
    let (first, last) = report.ordinals;
    let loss = Loss { first, last, count: report.records, from: None, to: None };
    let mut inner = shared.lock();
    let told = inner.spool.append(Kind::Gap, clock::uptime_ms(), loss.to_body());
    if let Err(error) = told.and_then(|_| inner.spool.acknowledge(report.first, report.last, report.records))
    {
        status::say(status::chain(&error));
    }
    1
}

fn connect(
    config: &Config,
    shared: &Shared,
    way: &Way,
) -> Result<(Transport, session::Accepted), ConnectError> {
    let deadline_ms = clock::uptime_ms() + HANDSHAKE_MS;
    let clock = shared.lock().clock;
    let synchronised = clock.quality == Quality::Synchronised;
    way.tls.validity.set_time(synchronised.then(|| clock.wall(clock::uptime_ms())));
    let mut transport = Transport::connect(config, &way.tls, way.proxy_credentials.as_ref(), deadline_ms)?;
    let accepted = session::shake_hands(&mut transport, config.serial.as_str())?;
    match accepted.server_time {
        Some((time, uptime_ms)) => learn_time(shared, &way.tls, time, uptime_ms)?,
        None if !synchronised => {
            status::say("The cloud does not tell the time; readings are dated by this machine's clock.")
        }
        None => {}
    }
    let pending = shared.lock().spool.pending();
    let backlog =
        if pending == 0 { String::new() } else { format!(" {}, and sent now.", status::kept(pending)) };
    status::say(format_args!("Connected to {} ({}).{backlog}", config.cloud.url, transport.describe()));
    Ok((transport, accepted))
}

/// The time from the authenticated cloud, if its certificate is valid at that time.
fn learn_time(shared: &Shared, tls: &Tls, time: wire::UtcMs, uptime_ms: u64) -> Result<(), ConnectError> {
    if time < clock::built_at() {
        status::say(format_args!(
            "The cloud says it is {time}, which is before this program was built; that is not believed."
        ));
        return Ok(());
    }
    tls.validity.check_again(time).map_err(ConnectError::Tls)?;
    let mut inner = shared.lock();
    let off_ms = time.since(inner.clock.wall(uptime_ms));
    if inner.clock.quality != Quality::Synchronised || off_ms.abs() > CLOCK_TELL_MS {
        status::say(format_args!("The time is {time}, from the cloud."));
    }
    if let Err(error) = inner.set_clock(Clock::synchronised(time, uptime_ms), uptime_ms) {
        status::say(status::chain(&error));
    }
    Ok(())
}

/// Waits, unless the gateway stops.
fn pause(shared: &Shared, wait_ms: u64) {
    let until_ms = clock::uptime_ms() + wait_ms;
    loop {
        let left_ms = until_ms.saturating_sub(clock::uptime_ms());
        if left_ms == 0 || shared.is_stopping() {
            return;
        }
        shared.clear_wake();
        let timeout = Timespec::try_from(Duration::from_millis(left_ms)).ok();
        let _ = poll(&mut [PollFd::new(&shared.wake, PollFlags::IN)], timeout.as_ref());
    }
}

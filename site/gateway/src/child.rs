//! One child process of the supervisor or the starter: this binary again, under a hidden subcommand.
//!
//! In: descriptors for its standard input and output. Out: its lines, its end, and when to start it anew. Its
//! standard error is a pipe to its parent, whose end of file tells that it died.

use std::ffi::OsString;
use std::fmt;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{ChildStderr, Command, Stdio};

use crate::sandbox::Process;
use crate::status;

/// First wait before a child is started anew.
const FIRST_WAIT_MS: u64 = 200;
/// Longest wait: a broken disk must not spin, a repaired one must not wait long.
const MAX_WAIT_MS: u64 = 30_000;
/// A child that lived this long has read its files and begun its work.
const WORKING_MS: u64 = 5000;
/// A child that lived this long starts the waits over.
const HEALTHY_MS: u64 = 60_000;

/// A child, running or waiting to be started.
#[derive(Debug)]
pub struct Child {
    kind: Process,
    arguments: Vec<OsString>,
    locked: bool,
    running: Option<Running>,
    wait_ms: u64,
    due_ms: u64,
    /// Whether it has worked once since the gateway's start.
    pub has_worked: bool,
}

#[derive(Debug)]
struct Running {
    process: std::process::Child,
    log: ChildStderr,
    line: Vec<u8>,
    ended: bool,
    started_ms: u64,
}

/// How a child ended.
#[derive(Debug, PartialEq, Eq)]
pub struct End {
    kind: Process,
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    signal: Option<i32>,
    wait_ms: u64,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The {} ended ", self.kind.name())?;
        match (self.code, self.signal) {
            (_, Some(signal)) => write!(f, "by signal {signal}")?,
            (Some(code), None) => write!(f, "with code {code}")?,
            (None, None) => f.write_str("for an unknown reason")?,
        }
        write!(f, ". Starting it anew in {}.", status::duration(self.wait_ms))
    }
}

impl Child {
    /// Not started yet, due at once. `locked`: it locks itself.
    #[must_use]
    pub const fn new(kind: Process, arguments: Vec<OsString>, locked: bool) -> Self {
        Self { kind, arguments, locked, running: None, wait_ms: FIRST_WAIT_MS, due_ms: 0, has_worked: false }
    }

    /// Whether it should be started now.
    #[must_use]
    pub const fn is_due(&self, now_ms: u64) -> bool {
        self.running.is_none() && now_ms >= self.due_ms
    }

    /// When it should be started, unless it runs.
    #[must_use]
    pub fn due_ms(&self, now_ms: u64) -> Option<u64> {
        self.running.is_none().then_some(self.due_ms.max(now_ms))
    }

    /// Forgets the waits: the reason for them is gone.
    pub const fn hurry(&mut self) {
        self.due_ms = 0;
        self.wait_ms = FIRST_WAIT_MS;
    }

    /// Whether it runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Its standard error, to be watched.
    #[must_use]
    pub fn log(&self) -> Option<&ChildStderr> {
        self.running.as_ref().filter(|running| !running.ended).map(|running| &running.log)
    }

    /// Starts it. A failure is said and counts as an end.
    pub fn start(&mut self, input: Option<OwnedFd>, output: Option<OwnedFd>, now_ms: u64) {
        // Our own binary, even when the file was replaced meanwhile.
        let mut command = Command::new("/proc/self/exe");
        command.arg0(format!("inverter-gateway-{}", self.kind.name())).args(&self.arguments);
        command.arg("--parent").arg(std::process::id().to_string());
        if !self.locked {
            command.arg("--unsandboxed");
        }
        if self.kind == Process::Uplink {
            // One question at a time: glibc asks two by sendmmsg, which can name any address and is denied.
            command.env("RES_OPTIONS", "single-request");
        }
        #[cfg(feature = "simulated")]
        command.args(crate::simulated::inherited());
        let given = |descriptor: Option<OwnedFd>| descriptor.map_or_else(Stdio::null, Stdio::from);
        command.stdin(given(input)).stdout(given(output)).stderr(Stdio::piped());
        // A group of its own: Ctrl-C reaches the supervisor alone, which ends the others in order.
        command.process_group(0);
        match command.spawn() {
            Ok(mut process) => match process.stderr.take() {
                Some(log) if set_nonblocking(&log) => {
                    let line = Vec::new();
                    self.running = Some(Running { process, log, line, ended: false, started_ms: now_ms });
                }
                _ => {
                    let _ = process.kill();
                    let _ = process.wait();
                    self.postpone(now_ms);
                }
            },
            Err(error) => {
                status::say(format_args!("The {} cannot be started: {error}.", self.kind.name()));
                self.postpone(now_ms);
            }
        }
    }

    fn postpone(&mut self, now_ms: u64) {
        self.due_ms = now_ms + self.wait_ms;
        self.wait_ms = (self.wait_ms * 2).min(MAX_WAIT_MS);
    }

    /// Hands over the lines it has written.
    pub fn take_lines(&mut self, mut each: impl FnMut(&str)) {
        let Some(running) = &mut self.running else { return };
        let mut buffer = [0; 1024];
        loop {
            match running.log.read(&mut buffer) {
                Ok(0) => running.ended = true,
                Ok(length) => {
                    for byte in buffer.get(..length).unwrap_or_default() {
                        if *byte == b'\n' {
                            each(&String::from_utf8_lossy(&running.line));
                            running.line.clear();
                        } else if running.line.len() < status::MAX_LINE_BYTES {
                            running.line.push(*byte);
                        }
                    }
                    continue;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => running.ended = true,
            }
            break;
        }
        if running.ended && !running.line.is_empty() {
            each(&String::from_utf8_lossy(&running.line));
            running.line.clear();
        }
    }

    /// How it ended, once; it is due again after a wait that grows while it dies young.
    pub fn take_end(&mut self, now_ms: u64) -> Option<End> {
        let mut running = self.running.take_if(|running| running.ended)?;
        // Without its standard error it is of no use, even if it still lives.
        let _ = running.process.kill();
        let end = running.process.wait().ok();
        let lived_ms = now_ms.saturating_sub(running.started_ms);
        self.has_worked |= lived_ms > WORKING_MS;
        if lived_ms > HEALTHY_MS {
            self.wait_ms = FIRST_WAIT_MS;
        }
        let wait_ms = self.wait_ms;
        self.postpone(now_ms);
        let (code, signal) = (end.and_then(|e| e.code()), end.and_then(|e| e.signal()));
        Some(End { kind: self.kind, code, signal, wait_ms })
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.process.kill();
            let _ = running.process.wait();
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

fn set_nonblocking(log: &ChildStderr) -> bool {
    rustix::fs::fcntl_getfl(log)
        .and_then(|flags| rustix::fs::fcntl_setfl(log, flags | rustix::fs::OFlags::NONBLOCK))
        .is_ok()
}

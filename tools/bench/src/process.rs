//! Programs that a benchmark starts, and what they use.
//! In: a command. Out: a guard that ends it, its CPU time, its memory.
//! Never ends a process that it did not start; ends by process id.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// From the polite signal to the other one.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// A running program; dropped, it and its descendants are ended.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its output in `folder`/`name`.log.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &'static str, command: &mut Command, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child =
            command.spawn().with_context(|| format!("starting {}", command.get_program().display()))?;
        Ok(Self { name, child, log })
    }

    /// Process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `address` accepts a connection; returns how long that took.
    ///
    /// # Errors
    /// When it ends before that, or takes longer.
    pub fn await_port(&mut self, address: SocketAddr, within: Duration) -> Result<Duration> {
        let begin = Instant::now();
        while begin.elapsed() < within {
            if TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok() {
                return Ok(begin.elapsed());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status} before it listened:\n{}", self.name, self.last_lines());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        bail!("{} does not listen on {address} after {within:?}:\n{}", self.name, self.last_lines())
    }

    /// The end of its output.
    #[must_use]
    pub fn last_lines(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(15)).copied().collect::<Vec<_>>().join("\n")
    }

    /// `kill -9`, and waits for the end.
    ///
    /// # Errors
    /// When it is no child of ours any more.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        for pid in tree(self.pid()) {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                // It may have ended since; that is what is wanted.
                let _ = kill_process(pid, signal);
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        let begin = Instant::now();
        while begin.elapsed() < ENDS_WITHIN {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// A port of the loopback address that nothing listens on now.
///
/// # Errors
/// When there is none.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// `pid` and all its descendants.
#[must_use]
pub fn tree(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        for task in entries(&PathBuf::from(format!("/proc/{parent}/task"))) {
            let children = std::fs::read_to_string(task.join("children")).unwrap_or_default();
            found.extend(children.split_whitespace().filter_map(|word| word.parse::<u32>().ok()));
        }
        next += 1;
    }
    found
}

/// CPU time of `pid` and its descendants so far, all threads, nanoseconds.
#[must_use]
pub fn cpu_ns(pid: u32) -> u64 {
    let tasks = tree(pid).into_iter().flat_map(|pid| entries(&PathBuf::from(format!("/proc/{pid}/task"))));
    let times = tasks.filter_map(|task| {
        let line = std::fs::read_to_string(task.join("schedstat")).ok()?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    });
    times.sum()
}

/// Resident memory of `pid` and its descendants, bytes.
#[must_use]
pub fn rss_bytes(pid: u32) -> u64 {
    tree(pid).into_iter().map(|pid| rollup(pid, "Rss:")).sum()
}

/// Proportional share of memory (shared pages divided) of `pid` and its descendants, bytes.
#[must_use]
pub fn pss_bytes(pid: u32) -> u64 {
    tree(pid).into_iter().map(|pid| rollup(pid, "Pss:")).sum()
}

/// Memory of `pid` and its descendants that is of no file: what the system cannot drop and read again, bytes.
#[must_use]
pub fn anonymous_bytes(pid: u32) -> u64 {
    tree(pid).into_iter().map(|pid| rollup(pid, "Anonymous:")).sum()
}

fn rollup(pid: u32, key: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

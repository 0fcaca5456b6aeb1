//! Processes of the demo: started under guard, watched, ended by id.
//!
//! In: a program and its arguments. Out: a running process whose output goes to a log file. Each runs behind
//! `inverter-simulator guard`, so that it ends when the demo does, even when the demo is killed.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

/// From SIGTERM to SIGKILL.
const PATIENCE: Duration = Duration::from_secs(8);

/// All processes of the demo, in the order they were started.
pub struct Children {
    guard: PathBuf,
    logs: PathBuf,
    running: Vec<(String, Child)>,
}

impl Children {
    /// None yet. `guard` is the simulator's binary; logs go to the folder `logs`.
    pub fn new(guard: PathBuf, logs: PathBuf) -> Self {
        Self { guard, logs, running: Vec::new() }
    }

    /// Starts `program` as `name`. Call it from the main thread: the guard watches the thread that starts it.
    pub fn start<S: AsRef<std::ffi::OsStr>>(
        &mut self,
        name: &str,
        program: &Path,
        arguments: &[S],
    ) -> Result<()> {
        let path = self.log(name);
        let log = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let mut command = Command::new(&self.guard);
        command
            .args(["guard", "--parent", &std::process::id().to_string(), "--"])
            .arg(program)
            .args(arguments);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // A group of its own: Ctrl-C reaches the demo, which ends its children in order.
        command.process_group(0);
        let child = command.spawn().with_context(|| format!("cannot start {}", self.guard.display()))?;
        self.running.push((name.to_owned(), child));
        Ok(())
    }

    /// Where the output of `name` goes.
    pub fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }

    /// Name to process id.
    pub fn ids(&self) -> BTreeMap<String, u32> {
        self.running.iter().map(|(name, child)| (name.clone(), child.id())).collect()
    }

    /// One that has ended although nobody asked it to.
    pub fn ended(&mut self) -> Option<(String, ExitStatus)> {
        let at = self.running.iter_mut().position(|(_, child)| matches!(child.try_wait(), Ok(Some(_))))?;
        let (name, mut child) = self.running.remove(at);
        child.wait().ok().map(|status| (name, status))
    }

    /// The last lines of a log, for an error.
    pub fn last_lines(&self, name: &str) -> String {
        let text = std::fs::read(self.log(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(12)).map(|line| format!("    {line}\n")).collect()
    }

    /// Ends all: gateways and inverters first, the cloud (started first) last.
    pub fn end(&mut self) {
        let begun = Instant::now();
        let mut rest = self.running.split_off(1.min(self.running.len()));
        for group in [&mut rest, &mut self.running] {
            for (_, child) in group.iter() {
                signal(child, Signal::TERM);
            }
            while begun.elapsed() < PATIENCE && group.iter_mut().any(|(_, child)| is_running(child)) {
                std::thread::sleep(Duration::from_millis(20));
            }
            for (name, mut child) in group.drain(..) {
                if is_running(&mut child) {
                    eprintln!("{name} ({}) does not end by itself; ending it", child.id());
                    signal(&child, Signal::KILL);
                    let _ = child.wait();
                }
            }
        }
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        self.end();
    }
}

fn is_running(child: &mut Child) -> bool {
    matches!(child.try_wait(), Ok(None))
}

fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended by itself; a zombie of ours keeps the id from being used again.
        let _ = kill_process(pid, signal);
    }
}

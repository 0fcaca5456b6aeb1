//! A demo that runs beside what asks things of it: started, waited for, ended.
//! In: built programs. Out: the file with its addresses and credentials. Never leaves the demo running.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::place::Place;

/// From the start of the demo to its page being live; its programs are built by then.
const LIVE_WITHIN: Duration = Duration::from_secs(240);
/// From the interrupt to the end of all its processes.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// The demo while it runs.
pub struct Running {
    demo: Child,
    json: PathBuf,
    log: PathBuf,
    /// Goes with it.
    _folder: tempfile::TempDir,
}

impl Running {
    /// Starts one on a port of its own, so that a demo that somebody looks at is left alone, and waits until its page
    /// is live. It ends by itself after `lasts_s` seconds, whatever happens here.
    pub fn start(place: &Place, lasts_s: u64) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (json, log) = (folder.path().join("demo.json"), folder.path().join("demo.log"));
        let demo = spawn(place, &json, &log, lasts_s)?;
        let mut running = Self { demo, json, log, _folder: folder };
        match running.wait() {
            Ok(()) => Ok(running),
            Err(error) => {
                let _ = running.end();
                Err(error)
            }
        }
    }

    /// The file that `cargo xtask demo --json` wrote.
    pub fn json(&self) -> &Path {
        &self.json
    }

    /// The last lines that it printed, for an error.
    pub fn last_lines(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(30)).copied().collect::<Vec<_>>().join("\n")
    }

    /// Interrupts it and waits until all its processes have ended.
    pub fn end(&mut self) -> Result<()> {
        if self.demo.try_wait()?.is_some() {
            return Ok(());
        }
        if let Some(pid) = i32::try_from(self.demo.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself; that is what is wanted.
            let _ = kill_process(pid, Signal::INT);
        }
        let begin = Instant::now();
        while begin.elapsed() < ENDS_WITHIN {
            if self.demo.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.demo.kill()?;
        self.demo.wait()?;
        bail!("the demo did not end within {} s of the interrupt", ENDS_WITHIN.as_secs())
    }

    fn wait(&mut self) -> Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < LIVE_WITHIN {
            if self.json.is_file() {
                println!("    the demo's page is live after {:.1} s", begin.elapsed().as_secs_f64());
                return Ok(());
            }
            if let Some(status) = self.demo.try_wait()? {
                bail!("the demo ended with {status} before its page was live:\n{}", self.last_lines());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("the demo's page was not live within {} s", LIVE_WITHIN.as_secs())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

fn spawn(place: &Place, json: &Path, log: &Path, lasts_s: u64) -> Result<Child> {
    let log = std::fs::File::create(log)?;
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let mut demo = Command::new(place.xtask()?);
    demo.args(["demo", "--built", "--seconds", &lasts_s.to_string(), "--port", &port.to_string(), "--json"]);
    demo.arg(json).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    demo.spawn().context("could not start the demo")
}

//! The browser flows of `e2e/` against a running demo.
//! In: built programs. Out: the closing lines of node's test runner.
//! Never leaves the demo running.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::place::Place;
use crate::shell;

/// From the start of the demo to its page being live; its programs are built by then.
const LIVE_WITHIN: Duration = Duration::from_secs(240);
/// The demo ends by itself after this, whatever happens here.
const DEMO_LASTS_S: u64 = 2_400;
/// From the interrupt to the end of all its processes.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// Starts the demo, runs the flows, ends the demo.
pub fn run(place: &Place) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let json = folder.path().join("demo.json");
    let log = folder.path().join("demo.log");
    let mut demo = start(place, &json, &log)?;
    let flows = wait(&mut demo, &json, &log).and_then(|()| flows(place, &json));
    let ended = end(&mut demo);
    if flows.is_err() {
        println!("the demo's last lines:\n{}", last_lines(&log));
    }
    flows.and(ended)
}

fn start(place: &Place, json: &Path, log: &Path) -> Result<Child> {
    let log = std::fs::File::create(log)?;
    let mut demo = Command::new(place.xtask()?);
    // A port of its own, so that a demo that somebody looks at is left alone.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    demo.args([
        "demo",
        "--built",
        "--seconds",
        &DEMO_LASTS_S.to_string(),
        "--port",
        &port.to_string(),
        "--json",
    ])
    .arg(json);
    demo.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    demo.spawn().context("could not start the demo")
}

fn wait(demo: &mut Child, json: &Path, log: &Path) -> Result<()> {
    let begin = Instant::now();
    while begin.elapsed() < LIVE_WITHIN {
        if json.is_file() {
            println!("    the demo's page is live after {:.1} s", begin.elapsed().as_secs_f64());
            return Ok(());
        }
        if let Some(status) = demo.try_wait()? {
            bail!("the demo ended with {status} before its page was live:\n{}", last_lines(log));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bail!("the demo's page was not live within {} s", LIVE_WITHIN.as_secs())
}

fn flows(place: &Place, json: &Path) -> Result<()> {
    let mut node = Command::new("node");
    node.args(["--test", "--test-concurrency=1", "--test-reporter=spec", "flows/"]);
    shell::run(node.current_dir(place.root.join("e2e")).env("DEMO_JSON", json))
}

fn end(demo: &mut Child) -> Result<()> {
    if let Some(pid) = i32::try_from(demo.id()).ok().and_then(Pid::from_raw) {
        // It may have ended by itself; that is what is wanted.
        let _ = kill_process(pid, Signal::INT);
    }
    let begin = Instant::now();
    while begin.elapsed() < ENDS_WITHIN {
        if demo.try_wait()?.is_some() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    demo.kill()?;
    demo.wait()?;
    bail!("the demo did not end within {} s of the interrupt", ENDS_WITHIN.as_secs())
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(30)).copied().collect::<Vec<_>>().join("\n")
}

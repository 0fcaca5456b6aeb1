//! A cabinet for tests: an inverter on a pty, a configuration, and the gateway as a process whose sentences are read.

use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tempfile::TempDir;
use wire::{Condition, Flag, Observation, Quantity, Serial};

use crate::cloud::{Cloud, Pki, VALID};

pub const SERIAL: &str = "2311-00421";

/// The inverter's end of the line.
pub struct Line {
    pub master: OwnedFd,
    pub path: PathBuf,
}

impl Line {
    /// A pty as the kernel makes it: it echoes until somebody makes it raw.
    pub fn new() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = PathBuf::from(ptsname(&master, Vec::new()).unwrap().to_str().unwrap());
        let flags = rustix::fs::fcntl_getfl(&master).unwrap();
        rustix::fs::fcntl_setfl(&master, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
        Self { master, path }
    }

    /// What the line takes of it at once.
    pub fn write(&self, bytes: &[u8]) -> usize {
        rustix::io::write(&self.master, bytes).unwrap_or(0)
    }

    pub fn write_all(&self, mut bytes: &[u8]) {
        let end = Instant::now() + Duration::from_secs(10);
        while !bytes.is_empty() {
            bytes = &bytes[self.write(bytes)..];
            assert!(Instant::now() < end, "nobody reads the line");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Everything that has come from the gateway's side, for `ms` milliseconds.
    pub fn drain(&self, ms: u64) -> Vec<u8> {
        let (mut all, end) = (Vec::new(), Instant::now() + Duration::from_millis(ms));
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).unwrap();
            poll(&mut [PollFd::new(&self.master, PollFlags::IN)], Some(&timeout)).unwrap();
            let mut buffer = [0; 4096];
            match rustix::io::read(&self.master, &mut buffer) {
                Ok(length) => all.extend_from_slice(&buffer[..length]),
                Err(_) if left.is_zero() => return all,
                // No one has the other side open.
                Err(rustix::io::Errno::IO) => std::thread::sleep(Duration::from_millis(5)),
                Err(_) => {}
            }
            if left.is_zero() {
                return all;
            }
        }
    }
}

/// An inverter's state, frame by frame.
pub struct Inverter {
    pub observation: Observation,
}

impl Inverter {
    pub fn new() -> Self {
        let mut observation = Observation {
            serial: Some(Serial::parse(SERIAL).unwrap()),
            boot: Some(1),
            sequence: Some(0),
            uptime_ms: Some(1000),
            ..Observation::default()
        };
        observation.sample.flags.set(Flag::LinePresent, true);
        observation.sample.flags.set(Flag::BatteryPower, false);
        observation.sample.conditions = wire::Conditions::all_clear();
        observation.sample.quantities.set(Quantity::BATTERY_VOLTAGE, 13_642);
        Self { observation }
    }

    pub fn mains(&mut self, present: bool) {
        let sample = &mut self.observation.sample;
        sample.flags.set(Flag::LinePresent, present);
        sample.flags.set(Flag::BatteryPower, !present);
        sample.conditions.set(Condition::UTILITY_LOST, !present);
    }

    /// The next frame; its number is also its LOAD, so that it is known again in the cloud.
    pub fn frame(&mut self) -> Vec<u8> {
        let sequence = self.observation.sequence.unwrap() + 1;
        self.observation.sequence = Some(sequence);
        self.observation.sample.quantities.set(Quantity::LOAD, i64::try_from(sequence).unwrap());
        let mut bytes = Vec::new();
        wire::native::encode(&self.observation, &mut bytes);
        bytes
    }
}

/// Folder, certificates, configuration.
pub struct Site {
    pub folder: TempDir,
    pub pki: Pki,
    pub line: Line,
    pub more: String,
    pub scheme: &'static str,
    pub host: &'static str,
    pub server_name: Option<&'static str>,
    pub protocol: &'static str,
    pub control_lines: &'static str,
    pub interval_s: u32,
    pub spool_bytes: u64,
}

impl Site {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::new(&folder.path().join("pki"));
        pki.server("server", &["127.0.0.1", "device.example"], VALID);
        pki.device(SERIAL);
        Self {
            folder,
            pki,
            line: Line::new(),
            more: String::new(),
            scheme: "wss",
            host: "127.0.0.1",
            server_name: None,
            protocol: "native",
            control_lines: "none",
            interval_s: 1,
            spool_bytes: 64 * 1024 * 1024,
        }
    }

    pub fn cloud(&self) -> Cloud {
        Cloud::start(&self.pki, "server")
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn config(&self, port: u16) -> PathBuf {
        let path = self.folder.path().join("gateway.toml");
        let server_name =
            self.server_name.map_or(String::new(), |name| format!("server_name = \"{name}\"\n"));
        let text = format!(
            "serial = \"{SERIAL}\"\ndata_dir = \"data\"\nspool_bytes = {}\n\
             [report]\ninterval_s = {}\n\
             [port]\npath = \"{}\"\nprotocol = \"{}\"\ncontrol_lines = \"{}\"\n\
             [cloud]\nurl = \"{}://{}:{port}\"\ncertificate = \"pki/device.crt\"\nkey = \"pki/device.key\"\n\
             roots = [\"pki/cloud-ca.crt\"]\n{server_name}{}",
            self.spool_bytes,
            self.interval_s,
            self.line.path.display(),
            self.protocol,
            self.control_lines,
            self.scheme,
            self.host,
            self.more
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn gateway(&self, port: u16) -> Gateway {
        Gateway::start(&self.config(port))
    }
}

/// The binary under test: this build's, or the one that `INVERTER_GATEWAY` names.
pub fn binary() -> PathBuf {
    std::env::var_os("INVERTER_GATEWAY")
        .map_or_else(|| env!("CARGO_BIN_EXE_inverter-gateway").into(), PathBuf::from)
}

/// The running gateway.
pub struct Gateway {
    pub process: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Gateway {
    pub fn start(config: &Path) -> Self {
        Self::start_binary(&binary(), config)
    }

    pub fn start_binary(binary: &Path, config: &Path) -> Self {
        let mut command = Command::new(binary);
        Self::start_command(command.arg("--config").arg(config).stderr(Stdio::piped()).stdin(Stdio::null()))
    }

    /// A command whose standard error is a pipe.
    pub fn start_command(command: &mut Command) -> Self {
        let mut process = command.spawn().unwrap();
        let (stderr, lines) = (process.stderr.take().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let sink = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                sink.lock().unwrap().push(line);
            }
        });
        Self { process, lines }
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits until `count` lines hold `text`; the last of them.
    pub fn wait_for(&self, text: &str, count: usize, seconds: u64) -> String {
        let end = Instant::now() + Duration::from_secs(seconds);
        loop {
            let lines = self.lines();
            let mut found = lines.iter().filter(|line| line.contains(text));
            if let Some(line) = found.nth(count - 1) {
                return line.clone();
            }
            assert!(
                Instant::now() < end,
                "not said {count} times within {seconds} s: {text:?} in {lines:#?}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Children by the name the supervisor gives them.
    pub fn child(&self, name: &str) -> Option<Pid> {
        self.pids().into_iter().find(|pid| {
            let line = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_pid())).unwrap_or_default();
            String::from_utf8_lossy(&line).starts_with(&format!("inverter-gateway-{name}"))
        })
    }

    /// All processes, the supervisor first.
    pub fn pids(&self) -> Vec<Pid> {
        let mut all = vec![Pid::from_child(&self.process)];
        let mut next = 0;
        while let Some(pid) = all.get(next).map(|pid| pid.as_raw_pid()) {
            next += 1;
            let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let children = children.unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)));
        }
        all
    }

    pub fn kill_child(&self, name: &str) {
        kill_process(self.child(name).unwrap(), Signal::KILL).unwrap();
    }

    /// As [`Gateway::kill_child`], where it may have ended by itself a moment ago.
    pub fn kill_child_if_there(&self, name: &str) {
        if let Some(child) = self.child(name) {
            let _ = kill_process(child, Signal::KILL);
        }
    }

    /// SIGTERM, and its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        self.wait_for_end(10)
    }

    /// SIGKILL to every process at once.
    pub fn kill_all(&mut self) {
        for pid in self.pids() {
            let _ = kill_process(pid, Signal::KILL);
        }
        self.process.wait().unwrap();
    }

    pub fn wait_for_end(&mut self, seconds: u64) -> Option<i32> {
        let end = Instant::now() + Duration::from_secs(seconds);
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < end, "the gateway does not end: {:#?}", self.lines());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("the gateway said: {:#?}", self.lines());
        }
    }
}

//! The first process: starts the reader, anew when it dies, keeps the port open between readers; a starter, which it starts
//! before it locks itself, does the same for the uplink (docs/adr/0019).
//!
//! In: the configuration, SIGTERM or SIGINT. Out: sentences on stderr. It has no network, reads no byte of the port
//! (it only holds it, so that the line settings outlive a reader), and hands its children nothing but descriptors.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::child::Child;
use crate::config::{Button, Config};
use crate::sandbox::{self, Access, Process, Tier};
use crate::{clock, exit, pipe, port, reader, status};

/// How often a port that is away is looked for: an adapter plugged in again is read within a second.
const PORT_RETRY_MS: u64 = 1000;
/// How often a lock that is not whole is spoken of.
const REMINDER_MS: u64 = 3_600_000;
/// How long the uplink has, after the reader ended, to put its last records on disk and say goodbye.
const GOODBYE_MS: u64 = 3000;

/// Runs until SIGTERM or SIGINT.
#[must_use]
pub fn run(config_path: &Path, config: &Config, locked: bool) -> ExitCode {
    let result =
        Supervisor::new(config_path, config, locked).and_then(|mut supervisor| supervisor.run(locked));
    match result {
        Ok(code) => code,
        Err(error) => {
            status::say(format_args!("The gateway cannot run: {error}."));
            exit::FAILURE.into()
        }
    }
}

struct Supervisor<'a> {
    config: &'a Config,
    signals: OwnedFd,
    pipe_write: OwnedFd,
    port: Option<OwnedFd>,
    port_due_ms: u64,
    port_said: Option<String>,
    reader: Child,
    button: Option<Child>,
    starter: Child,
    tier: Tier,
    reminder_due_ms: u64,
}

impl<'a> Supervisor<'a> {
    fn new(config_path: &Path, config: &'a Config, locked: bool) -> std::io::Result<Self> {
        let (signals, signals_write) =
            rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC | rustix::pipe::PipeFlags::NONBLOCK)?;
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
            signal_hook::low_level::pipe::register(signal, signals_write.try_clone()?)?;
        }
        let (pipe_read, pipe_write) = pipe::make()?;
        let reader = Child::new(
            Process::Reader,
            vec![
                "reader".into(),
                "--baud".into(),
                config.port.baud.to_string().into(),
                "--control-lines".into(),
                config.port.control_lines.name().into(),
            ],
            locked,
        );
        let button = config.button.as_ref();
        let button = button.map(|button| Child::new(Process::Button, button_arguments(button), locked));
        let config_path = std::path::absolute(config_path)?;
        let arguments = vec!["starter".into(), "--config".into(), config_path.into()];
        let mut starter = Child::new(Process::Starter, arguments, locked);
        // Before the lock, which would leave it without a network. The pipe's end is its alone from here on.
        starter.start(Some(pipe_read), None, clock::uptime_ms());
        Ok(Self {
            config,
            signals,
            pipe_write,
            port: None,
            port_due_ms: 0,
            port_said: None,
            reader,
            button,
            starter,
            tier: Tier::Off,
            reminder_due_ms: 0,
        })
    }

    fn run(&mut self, locked: bool) -> std::io::Result<ExitCode> {
        status::say(format_args!(
            "Inverter gateway {} for {}: port {}, cloud {}.",
            env!("CARGO_PKG_VERSION"),
            self.config.serial,
            self.config.port.path.display(),
            self.config.cloud.url
        ));
        match sandbox::lock(Process::Supervisor, &Access::supervisor(), locked) {
            Ok(tier) => self.tier = tier,
            Err(error) => {
                status::say(sandbox::refusal(Process::Supervisor, &error));
                return Ok(exit::UNLOCKED.into());
            }
        }
        status::say(self.tier);
        self.reminder_due_ms = clock::uptime_ms() + REMINDER_MS;
        loop {
            let now_ms = clock::uptime_ms();
            if self.tier != Tier::Full && now_ms >= self.reminder_due_ms {
                status::say(self.tier);
                self.reminder_due_ms = now_ms + REMINDER_MS;
            }
            self.start_what_is_due(now_ms)?;
            self.wait(self.next_due_ms(now_ms).map(|due| due.saturating_sub(now_ms)))?;
            let mut signal = [0; 16];
            if rustix::io::read(&self.signals, &mut signal).is_ok_and(|length| length > 0) {
                status::say("Stopping: saving what is not sent yet.");
                self.stop();
                return Ok(ExitCode::SUCCESS);
            }
            if let Some(code) = self.look_after_children() {
                self.stop();
                return Ok(code);
            }
        }
    }

    fn start_what_is_due(&mut self, now_ms: u64) -> std::io::Result<()> {
        if let Some(button) = self.button.as_mut().filter(|button| button.is_due(now_ms)) {
            button.start(None, Some(self.pipe_write.try_clone()?), now_ms);
        }
        if self.port.is_none() && now_ms >= self.port_due_ms {
            self.open_port(now_ms);
        }
        if let Some(port) = &self.port
            && self.reader.is_due(now_ms)
        {
            self.reader.start(Some(port.try_clone()?), Some(self.pipe_write.try_clone()?), now_ms);
        }
        Ok(())
    }

    fn open_port(&mut self, now_ms: u64) {
        match port::open(&self.config.port.path, self.config.port.baud) {
            Ok(port) => {
                self.port = Some(port);
                self.port_said = None;
                self.reader.hurry();
            }
            Err(error) => {
                self.port_due_ms = now_ms + PORT_RETRY_MS;
                let text = status::chain(&error);
                if self.port_said.as_ref() != Some(&text) {
                    status::say(format_args!("{}. Looking again every second.", capitalised(&text)));
                    self.port_said = Some(text);
                }
            }
        }
    }

    fn next_due_ms(&self, now_ms: u64) -> Option<u64> {
        let port = self.port.is_none().then_some(self.port_due_ms);
        let reader = if self.port.is_some() { self.reader.due_ms(now_ms) } else { None };
        let button = self.button.as_ref().and_then(|button| button.due_ms(now_ms));
        let reminder = (self.tier != Tier::Full).then_some(self.reminder_due_ms);
        [port, reader, button, reminder].into_iter().flatten().min()
    }

    fn wait(&self, timeout_ms: Option<u64>) -> std::io::Result<()> {
        let timeout = timeout_ms.map(clock::wait);
        let mut watched = vec![PollFd::new(&self.signals, PollFlags::IN)];
        let button = self.button.as_ref().and_then(Child::log);
        for log in [self.reader.log(), button, self.starter.log()].into_iter().flatten() {
            watched.push(PollFd::from_borrowed_fd(log.as_fd(), PollFlags::IN));
        }
        match poll(&mut watched, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// An exit code: a child cannot be locked, or the starter ended. That happens when the files that the configuration
    /// names cannot be used, and never could since the start, so that trying again helps nobody; and a new one, started by
    /// a process without a network, would have none.
    fn look_after_children(&mut self) -> Option<ExitCode> {
        let path: PathBuf = self.config.port.path.clone();
        self.starter.take_lines(|line| status::say(line));
        self.reader.take_lines(|line| match line.strip_prefix(reader::RAW_MARK) {
            Some(rest) => status::say(format_args!("The port {} is raw:{rest}", path.display())),
            None => status::say(line),
        });
        if let Some(button) = &mut self.button {
            button.take_lines(|line| status::say(line));
            if let Some(end) = button.take_end(clock::uptime_ms()) {
                if end.code == Some(i32::from(exit::UNLOCKED)) {
                    return Some(exit::UNLOCKED.into());
                }
                status::say(end);
            }
        }
        if let Some(end) = self.reader.take_end(clock::uptime_ms()) {
            if end.code == Some(i32::from(exit::PORT_GONE)) {
                status::say(format_args!(
                    "The port {} is gone. Looking for it every second.",
                    path.display()
                ));
                self.port = None;
                self.port_due_ms = clock::uptime_ms() + PORT_RETRY_MS;
            } else if end.code == Some(i32::from(exit::UNLOCKED)) {
                return Some(exit::UNLOCKED.into());
            } else {
                status::say(end);
            }
        }
        let end = self.starter.take_end(clock::uptime_ms())?;
        let known =
            [exit::CONFIG, exit::UNLOCKED].into_iter().find(|code| end.code == Some(i32::from(*code)));
        if known.is_none() {
            status::say(
                "The process that starts the uplink ended, and only another start of the gateway brings it back.",
            );
        }
        Some(known.unwrap_or(exit::FAILURE).into())
    }

    /// Reader and button first; then the uplink sees the end of its pipe, saves what it has and says goodbye.
    fn stop(&mut self) {
        self.reader.kill();
        if let Some(button) = &mut self.button {
            button.kill();
        }
        let Ok((_, unused)) = pipe::make() else { return self.starter.kill() };
        drop(std::mem::replace(&mut self.pipe_write, unused));
        let until_ms = clock::uptime_ms() + GOODBYE_MS;
        while self.starter.is_running() && clock::uptime_ms() < until_ms {
            let _ = self.wait(Some(100));
            self.starter.take_lines(|line| status::say(line));
            let _ = self.starter.take_end(clock::uptime_ms());
        }
        self.starter.kill();
    }
}

fn button_arguments(button: &Button) -> Vec<OsString> {
    let Button { chip, line, active_low, debounce_ms } = button;
    let mut arguments: Vec<OsString> = vec!["button".into(), "--chip".into(), chip.into()];
    for (name, value) in [("--line", line), ("--debounce-ms", debounce_ms)] {
        arguments.extend([name.into(), value.to_string().into()]);
    }
    if *active_low {
        arguments.push("--active-low".into());
    }
    arguments
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}

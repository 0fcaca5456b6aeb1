//! The first process: starts reader and uplink, starts them anew when they die, keeps the port open between readers.
//!
//! In: the configuration, SIGTERM or SIGINT. Out: sentences on stderr. It has no network, reads no byte of the port
//! (it only holds it, so that the line settings outlive a reader), and hands its children nothing but descriptors.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::child::{Child, Kind};
use crate::config::{Button, Config};
use crate::{clock, exit, pipe, port, reader, status};

/// How often a port that is away is looked for: an adapter plugged in again is read within a second.
const PORT_RETRY_MS: u64 = 1000;
/// How long the uplink has, after the reader ended, to put its last records on disk and say goodbye.
const GOODBYE_MS: u64 = 3000;

/// Runs until SIGTERM or SIGINT.
#[must_use]
pub fn run(config_path: &Path, config: &Config) -> ExitCode {
    let result = Supervisor::new(config_path, config).and_then(|mut supervisor| supervisor.run());
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
    pipe_read: OwnedFd,
    pipe_write: OwnedFd,
    port: Option<OwnedFd>,
    port_due_ms: u64,
    port_said: Option<String>,
    reader: Child,
    button: Option<Child>,
    uplink: Child,
}

impl<'a> Supervisor<'a> {
    fn new(config_path: &Path, config: &'a Config) -> std::io::Result<Self> {
        let (signals, signals_write) =
            rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC | rustix::pipe::PipeFlags::NONBLOCK)?;
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
            signal_hook::low_level::pipe::register(signal, signals_write.try_clone()?)?;
        }
        let (pipe_read, pipe_write) = pipe::make()?;
        let reader = Child::new(
            Kind::Reader,
            vec![
                "reader".into(),
                "--baud".into(),
                config.port.baud.to_string().into(),
                "--control-lines".into(),
                config.port.control_lines.name().into(),
            ],
        );
        let button = config.button.as_ref().map(|button| Child::new(Kind::Button, button_arguments(button)));
        let config_path = std::path::absolute(config_path)?;
        let uplink = Child::new(Kind::Uplink, vec!["uplink".into(), "--config".into(), config_path.into()]);
        let (port, port_due_ms, port_said) = (None, 0, None);
        Ok(Self {
            config,
            signals,
            pipe_read,
            pipe_write,
            port,
            port_due_ms,
            port_said,
            reader,
            button,
            uplink,
        })
    }

    fn run(&mut self) -> std::io::Result<ExitCode> {
        status::say(format_args!(
            "Inverter gateway {} for {}: port {}, cloud {}.",
            env!("CARGO_PKG_VERSION"),
            self.config.serial,
            self.config.port.path.display(),
            self.config.cloud.url
        ));
        loop {
            let now_ms = clock::uptime_ms();
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
        if self.uplink.is_due(now_ms) {
            self.uplink.start(Some(self.pipe_read.try_clone()?), None, now_ms);
        }
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
        [port, reader, button, self.uplink.due_ms(now_ms)].into_iter().flatten().min()
    }

    fn wait(&self, timeout_ms: Option<u64>) -> std::io::Result<()> {
        let timeout = timeout_ms.map(clock::wait);
        let mut watched = vec![PollFd::new(&self.signals, PollFlags::IN)];
        let button = self.button.as_ref().and_then(Child::log);
        for log in [self.reader.log(), button, self.uplink.log()].into_iter().flatten() {
            watched.push(PollFd::from_borrowed_fd(log.as_fd(), PollFlags::IN));
        }
        match poll(&mut watched, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// An exit code: the files that the configuration names cannot be used, and never could since the start, so that
    /// trying again helps nobody.
    fn look_after_children(&mut self) -> Option<ExitCode> {
        let path: PathBuf = self.config.port.path.clone();
        self.uplink.take_lines(|line| status::say(line));
        self.reader.take_lines(|line| match line.strip_prefix(reader::RAW_MARK) {
            Some(rest) => status::say(format_args!("The port {} is raw:{rest}", path.display())),
            None => status::say(line),
        });
        if let Some(button) = &mut self.button {
            button.take_lines(|line| status::say(line));
            if let Some(end) = button.take_end(clock::uptime_ms()) {
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
            } else {
                status::say(end);
            }
        }
        if let Some(end) = self.uplink.take_end(clock::uptime_ms()) {
            if end.code == Some(i32::from(exit::CONFIG)) && !self.uplink.has_worked {
                return Some(exit::CONFIG.into());
            }
            status::say(end);
        }
        None
    }

    /// Reader and button first; then the uplink sees the end of its pipe, saves what it has and says goodbye.
    fn stop(&mut self) {
        self.reader.kill();
        if let Some(button) = &mut self.button {
            button.kill();
        }
        let Ok((_, unused)) = pipe::make() else { return self.uplink.kill() };
        drop(std::mem::replace(&mut self.pipe_write, unused));
        let until_ms = clock::uptime_ms() + GOODBYE_MS;
        while self.uplink.is_running() && clock::uptime_ms() < until_ms {
            let _ = self.wait(Some(100));
            self.uplink.take_lines(|line| status::say(line));
            let _ = self.uplink.take_end(clock::uptime_ms());
        }
        self.uplink.kill();
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

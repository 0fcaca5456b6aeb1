//! The life of one simulated inverter on a line: model time, frames, commands.
//!
//! In: real time since the start, as told by the caller; commands. Out: bytes when they are due. [`run`] drives it on
//! a pseudo-terminal; tests drive it themselves.

use std::fmt::Write as _;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use wire::Quantity;

use super::Sources;
use super::console::{self, Command, Level};
use super::pace::Pace;
use super::protocol::Protocol;
use super::pty::{Pty, PtyError};
use crate::model::{Inverter, Source, Urgent};

/// How often the model moves on. A change is on the wire within this and a frame's length, which keeps the 100 ms of
/// the native link.
const TICK: Duration = Duration::from_millis(50);
/// Frames are never closer than this, whatever is asked for: no line carries more.
const SOONEST: Duration = Duration::from_millis(10);
/// How an inverter is put on a line.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// What it speaks.
    pub protocol: Protocol,
    /// Bits per second.
    pub baud: u32,
    /// Model seconds per real second.
    pub speed: f64,
    /// Time between frames while nothing changes; a second on real equipment.
    pub frame_every: Duration,
}

/// An inverter with its line, driven by [`Session::advance`].
#[derive(Debug)]
pub struct Session {
    inverter: Inverter,
    setup: Setup,
    pace: Pace,
    noise: Source,
    now: Duration,
    next_frame: Duration,
    silent_until: Duration,
    urgent: Urgent,
    frames: u64,
    frame: Vec<u8>,
    heard: u64,
    unheard: u64,
    ended: bool,
}

impl Session {
    /// Its first frame is due at once.
    #[must_use]
    pub fn new(inverter: Inverter, setup: Setup) -> Self {
        Self {
            urgent: inverter.urgent(),
            noise: Source::new(inverter.parameters().seed ^ 0x6761_7262),
            pace: Pace::new(setup.baud),
            inverter,
            setup,
            now: Duration::ZERO,
            next_frame: Duration::ZERO,
            silent_until: Duration::ZERO,
            frames: 0,
            frame: Vec::with_capacity(512),
            heard: 0,
            unheard: 0,
            ended: false,
        }
    }

    /// Moves everything to `now` (real time since the start) and appends the bytes that are due to `out`.
    pub fn advance(&mut self, now: Duration, out: &mut Vec<u8>) {
        let passed = now.saturating_sub(self.now);
        self.now = self.now.max(now);
        self.inverter.step(passed.as_secs_f64() * self.setup.speed);
        let urgent = self.inverter.urgent();
        let changed = urgent != self.urgent;
        if self.now >= self.next_frame || (changed && self.setup.protocol.is_prompt()) {
            self.urgent = urgent;
            self.send_frame();
            while self.next_frame <= self.now {
                self.next_frame += self.setup.frame_every.max(SOONEST);
            }
        }
        self.pace.due(self.now, out);
    }

    fn send_frame(&mut self) {
        let observation = self.inverter.observe();
        if self.now < self.silent_until {
            return;
        }
        self.frame.clear();
        self.setup.protocol.encode(&observation, &mut self.frame);
        self.frames += u64::from(self.pace.push(&self.frame));
    }

    /// When [`Self::advance`] wants to be called next.
    #[must_use]
    pub fn next(&self) -> Duration {
        let tick = (self.now + TICK).min(self.next_frame);
        self.pace.next().map_or(tick, |byte| byte.min(tick))
    }

    /// Does what a line of the console says and gives the answer.
    pub fn command(&mut self, line: &str) -> String {
        match console::parse(line) {
            Ok(command) => self.apply(&command),
            Err(error) => error.to_string(),
        }
    }

    fn apply(&mut self, command: &Command) -> String {
        let inverter = &mut self.inverter;
        match command {
            Command::Mains(level) => {
                let nominal = inverter.parameters().input_v;
                let share = match level {
                    Level::Share(share) => *share,
                    Level::Volts(volts) => volts / nominal,
                };
                inverter.set_mains(share);
                format!("utility at {:.0} V", share * nominal)
            }
            Command::Button => {
                inverter.press_button();
                format!("button pressed, {} in all", inverter.button().count)
            }
            Command::Fault(condition, on) => {
                inverter.force(*condition, *on);
                format!("{condition} {}", if *on { "caused" } else { "ended" })
            }
            Command::Faults => console::conditions(),
            Command::Test(kind) => match inverter.start_test(kind.clone()) {
                Ok(()) => format!("{} test started", kind.name()),
                Err(error) => error.to_string(),
            },
            Command::TestStop => {
                inverter.stop_test();
                "no test runs".into()
            }
            Command::Load(share) => {
                inverter.set_load(*share);
                share.map_or("load as usual".into(), |share| format!("load {:.0} %", share * 100.0))
            }
            Command::Ambient(celsius) => {
                inverter.set_ambient(*celsius);
                celsius.map_or("temperature as usual".into(), |celsius| {
                    format!("{celsius} °C around the cabinet")
                })
            }
            Command::Charge(charge) => {
                inverter.set_charge(*charge);
                format!("battery at {:.0} %", charge * 100.0)
            }
            Command::Age(years) => {
                inverter.set_battery_age(*years);
                format!("battery is {years} years old")
            }
            Command::Garbage(count) => self.garbage(*count),
            Command::Silence(time) => {
                self.silent_until = self.now + *time;
                format!("silent for {} s", time.as_secs_f64())
            }
            Command::Status => self.status(),
            Command::Help => console::help(),
            Command::Quit => {
                self.ended = true;
                "ending".into()
            }
            Command::Nothing => String::new(),
        }
    }

    fn garbage(&mut self, count: usize) -> String {
        let mut left = count;
        while left > 0 {
            let chunk: Vec<u8> = (0..left.min(64)).map(|_| self.noise.byte()).collect();
            if !self.pace.push(&chunk) {
                return format!(
                    "the line took {} of {count} bytes; more would be a second behind",
                    count - left
                );
            }
            left -= chunk.len();
        }
        format!("{count} random bytes")
    }

    /// One block of plain lines.
    #[must_use]
    pub fn status(&self) -> String {
        let mut inverter = self.inverter.clone();
        let sample = inverter.observe().sample;
        let conditions: Vec<&str> = sample.conditions.raised().map(wire::Condition::name).collect();
        let mut text = format!(
            "{} {:?}, battery {:?}, conditions: {}\n",
            inverter.parameters().serial,
            inverter.mode(),
            inverter.stage(),
            if conditions.is_empty() { "none".to_owned() } else { conditions.join(", ") },
        );
        for quantity in [
            Quantity::INPUT_VOLTAGE,
            Quantity::LOAD,
            Quantity::BATTERY_VOLTAGE,
            Quantity::BATTERY_CHARGE,
            Quantity::BATTERY_RUNTIME,
            Quantity::AMBIENT_TEMPERATURE,
        ] {
            let value = sample.quantities.value(quantity).map_or(f64::NAN, |scaled| quantity.to_f64(scaled));
            let _ = write!(text, "{} {value} {}  ", quantity.name(), quantity.unit());
        }
        let _ = write!(
            text,
            "\nframes sent {}, dropped {}, bytes sent to nobody {}, bytes heard {}",
            self.frames,
            self.pace.dropped(),
            self.unheard,
            self.heard
        );
        text
    }

    /// The inverter inside.
    #[must_use]
    pub const fn inverter(&self) -> &Inverter {
        &self.inverter
    }

    /// Frames put on the line.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// Bytes that came from the other side: 0 on a one-way line.
    #[must_use]
    pub const fn heard(&self) -> u64 {
        self.heard
    }
}

/// Plays the session on `pty` until `quit`.
///
/// # Errors
/// When the line breaks.
pub fn run(session: &mut Session, pty: &mut Pty, sources: &Sources) -> Result<(), PtyError> {
    let start = Instant::now();
    let mut out = Vec::with_capacity(64);
    while !session.ended {
        out.clear();
        session.advance(start.elapsed(), &mut out);
        session.unheard += pty.send(&out)?.unheard as u64;
        session.heard = pty.heard();
        let wait = session.next().saturating_sub(start.elapsed()).max(Duration::from_millis(1));
        match sources.wait(wait) {
            Ok(request) => {
                let answer = session.command(&request.line);
                request.answer(&answer);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
    Ok(())
}

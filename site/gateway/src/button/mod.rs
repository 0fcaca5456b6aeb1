//! The process that watches the gateway's own push-button, for equipment whose stream tells of none.
//!
//! In: one line of a GPIO chip (`[button]` in the configuration). Out: one mark per press with its uptime, by the pipe that
//! is standard output; sentences on standard error. It has neither the port nor the network, and it only ever asks the
//! kernel for an input.

mod gpio;

use std::io;
use std::process::ExitCode;

use crate::config::Button;
use crate::pipe::Sender;
use crate::sandbox::{self, Access, Process};
use crate::{clock, exit, status};

/// A line that a finger changes.
pub trait Line {
    /// Waits until it is pressed.
    ///
    /// # Errors
    /// The line is gone.
    fn wait(&mut self) -> io::Result<()>;
}

/// Runs until the line is gone or nobody listens any more.
#[must_use]
pub fn run(button: &Button, locked: bool) -> ExitCode {
    let opened = open(button);
    if opened.is_ok()
        && let Err(error) = sandbox::lock(Process::Button, &Access::nothing(), locked)
    {
        status::say(sandbox::refusal(Process::Button, &error));
        return exit::UNLOCKED.into();
    }
    let result = opened.and_then(|mut line| {
        status::say(format_args!("The push-button is line {} of {}.", button.line, button.chip.display()));
        forward(&mut *line, u64::from(button.debounce_ms))
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            status::say(format_args!(
                "The push-button, line {} of {}: {error}; correct `[button]`, or let this user read the chip (group gpio)",
                button.line,
                button.chip.display()
            ));
            exit::FAILURE.into()
        }
    }
}

fn open(button: &Button) -> io::Result<Box<dyn Line>> {
    #[cfg(feature = "simulated")]
    if let Some(line) = crate::simulated::button()? {
        return Ok(line);
    }
    Ok(Box::new(gpio::Gpio::open(button)?))
}

/// A contact bounces: what follows a press within `debounce_ms` is the same press.
fn forward(line: &mut dyn Line, debounce_ms: u64) -> io::Result<()> {
    let mut last_ms: Option<u64> = None;
    loop {
        line.wait()?;
        let now_ms = clock::uptime_ms();
        let bounce = last_ms.is_some_and(|last| now_ms < last.saturating_add(debounce_ms));
        last_ms = Some(now_ms);
        if bounce {
            continue;
        }
        let mut sender = Sender::default();
        sender.press(now_ms);
        match sender.flush(io::stdout()) {
            Ok(()) => {}
            // The uplink is gone for good, and so are we.
            Err(_) => return Ok(()),
        }
        if sender.is_waiting() {
            status::say("A press was not passed on: the uplink does not keep up. Press once more.");
        }
    }
}

//! The process that alone reads the port.
//!
//! In: the open port as standard input. Out: bytes with their arrival uptime, by the pipe that is standard output;
//! sentences on standard error. It opens nothing, knows no network, and has no descriptor that the port can be
//! written through.

use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitCode;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::config::ControlLines;
use crate::pipe::{CHUNK_BYTES, Sender};
use crate::port::{self, PortError};
use crate::sandbox::{self, Access, Process};
use crate::{clock, exit, status};

/// The first word of the line that tells the supervisor that raw mode holds.
pub const RAW_MARK: &str = "raw:";
/// Bytes are gathered for this long before they are read: far below the 100 ms in which a change must leave, and it
/// keeps a busy line at 50 wake-ups a second.
const GATHER: Duration = Duration::from_millis(20);
/// Reads before the pipe gets its turn.
const READS_AT_ONCE: usize = 16;
/// How long to wait for room in the pipe before the port is looked at again.
const FULL_PIPE_WAIT_MS: u64 = 100;

/// Runs until the port is gone or a signal comes.
#[must_use]
pub fn run(baud: u32, control_lines: ControlLines, locked: bool) -> ExitCode {
    let (stdin, stdout) = (std::io::stdin(), std::io::stdout());
    let port = stdin.as_fd();
    let prepared = prepare(port, baud, control_lines);
    // Settings are made: from here on it reads the port, writes the pipe, and that is all.
    if prepared.is_ok()
        && let Err(error) = sandbox::lock(Process::Reader, &Access::nothing(), locked)
    {
        status::say(sandbox::refusal(Process::Reader, &error));
        return exit::UNLOCKED.into();
    }
    let result = prepared.and_then(|()| {
        status::say(format_args!("{RAW_MARK} {baud} baud, 8N1, nothing is echoed, nothing can be written."));
        forward(port, stdout.as_fd())
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(PortError::Call(_, Errno::IO | Errno::NODEV | Errno::NXIO)) => exit::PORT_GONE.into(),
        Err(error) => {
            status::say(status::chain(&error));
            exit::FAILURE.into()
        }
    }
}

fn prepare(port: BorrowedFd<'_>, baud: u32, lines: ControlLines) -> Result<(), PortError> {
    port::make_raw(port, baud)?;
    let own = port.try_clone_to_owned().map_err(|_| PortError::Call("dup", Errno::MFILE))?;
    let has_lines = port::set_control_lines(own, lines)?;
    if !has_lines && lines != ControlLines::None {
        status::say(format_args!(
            "The port has no control lines; `control_lines = \"{}\"` does nothing.",
            lines.name()
        ));
    }
    Ok(())
}

fn forward(port: BorrowedFd<'_>, pipe: BorrowedFd<'_>) -> Result<(), PortError> {
    let mut sender = Sender::default();
    let mut buffer = [0_u8; CHUNK_BYTES];
    loop {
        let mut watched = [PollFd::from_borrowed_fd(port, PollFlags::IN)];
        let timeout = sender.is_waiting().then(|| clock::wait(FULL_PIPE_WAIT_MS));
        match poll(&mut watched, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(PortError::Call("poll", error)),
        }
        if watched.iter().any(|fd| fd.revents().contains(PollFlags::IN)) {
            clock::sleep(GATHER);
        }
        take(port, &mut buffer, &mut sender)?;
        if sender.flush(pipe).is_err() {
            return Ok(());
        }
        let dropped = sender.take_dropped_bytes();
        if dropped > 0 {
            status::say(format_args!(
                "The uplink does not keep up: {} bytes from the port were dropped.",
                status::count(dropped)
            ));
        }
    }
}

fn take(port: BorrowedFd<'_>, buffer: &mut [u8], sender: &mut Sender) -> Result<(), PortError> {
    // A line that never falls silent must not keep the pipe from being fed.
    for _ in 0..READS_AT_ONCE {
        match rustix::io::read(port, &mut *buffer) {
            // A terminal whose other end is gone reads as its end.
            Ok(0) => return Err(PortError::Call("read", Errno::IO)),
            Ok(length) => sender.push(clock::uptime_ms(), buffer.get(..length).unwrap_or_default()),
            Err(Errno::AGAIN) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(PortError::Call("read", error)),
        }
    }
    Ok(())
}

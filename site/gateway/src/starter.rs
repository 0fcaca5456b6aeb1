//! The process that starts the uplink, and starts it anew when it dies.
//!
//! In: the configuration; the reader's pipe as standard input, which it only hands on. Out: the uplink's sentences on
//! standard error. A child never has more than its parent, so that whoever starts the uplink must have the uplink's
//! network and files: it is this process, which takes in nothing else, and not the supervisor, which has the port.

use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::child::Child;
use crate::config::Config;
use crate::sandbox::{self, Access, Process};
use crate::{clock, exit, status};

/// Runs until the uplink has done its work, or its files cannot be used.
#[must_use]
pub fn run(config_path: &Path, config: &Config, locked: bool) -> ExitCode {
    // Landlock's rules are about folders that are there; the uplink says what is wrong where this fails.
    let _ = std::fs::create_dir_all(&config.data_dir);
    if let Err(error) = sandbox::lock(Process::Starter, &Access::starter(config, config_path), locked) {
        status::say(sandbox::refusal(Process::Starter, &error));
        return exit::UNLOCKED.into();
    }
    let arguments = vec!["uplink".into(), "--config".into(), config_path.into()];
    match look_after(Child::new(Process::Uplink, arguments, locked)) {
        Ok(code) => code,
        Err(error) => {
            status::say(format_args!("The starter cannot run: {error}."));
            exit::FAILURE.into()
        }
    }
}

fn look_after(mut uplink: Child) -> std::io::Result<ExitCode> {
    loop {
        let now_ms = clock::uptime_ms();
        if uplink.is_due(now_ms) {
            uplink.start(Some(std::io::stdin().as_fd().try_clone_to_owned()?), None, now_ms);
        }
        let timeout = uplink.due_ms(now_ms).map(|due| clock::wait(due.saturating_sub(now_ms)));
        let log = uplink.log().map(AsFd::as_fd);
        let mut watched: Vec<PollFd<'_>> =
            log.into_iter().map(|log| PollFd::from_borrowed_fd(log, PollFlags::IN)).collect();
        match poll(&mut watched, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        uplink.take_lines(|line| status::say(line));
        let Some(end) = uplink.take_end(clock::uptime_ms()) else { continue };
        let is = |code: u8| end.code == Some(i32::from(code));
        if is(0) {
            return Ok(ExitCode::SUCCESS);
        }
        if is(exit::UNLOCKED) || is(exit::CONFIG) && !uplink.has_worked {
            return Ok(if is(exit::CONFIG) { exit::CONFIG } else { exit::UNLOCKED }.into());
        }
        status::say(end);
    }
}

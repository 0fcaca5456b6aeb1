//! The recording thread: from the reader's pipe to the spool.
//!
//! In: packets of the pipe: bytes of the line, presses of the gateway's own button. Out: records in the spool, on disk in time; the state file; a nudge to the sender. Never
//! waits for the network.

use std::io;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::Shared;
use crate::config::Config;
use crate::dating::Persisted;
use crate::pipe::Chunk;
use crate::recorder::Recorded;
use crate::spool::SpoolError;
use crate::state::State;
use crate::{clock, pipe, status};

/// A record is on disk this long after it was written, at the latest: what a power cut can cost. Events and changes
/// are on disk at once. What the cloud has acknowledged by then is not synchronised at all, which spares the flash.
const SYNC_MS: u64 = 10_000;
/// How often the clock and the acknowledged ranges are written down (decision 5).
const SAVE_MS: u64 = 60_000;

/// See the module.
pub struct Recording<'a> {
    config: &'a Config,
    shared: &'a Shared,
    sync_due_ms: Option<u64>,
    save_due_ms: u64,
    unwritten: u64,
}

impl<'a> Recording<'a> {
    /// Nothing read yet.
    #[must_use]
    pub fn new(config: &'a Config, shared: &'a Shared) -> Self {
        Self { config, shared, sync_due_ms: None, save_due_ms: clock::uptime_ms() + SAVE_MS, unwritten: 0 }
    }

    /// Runs until standard input ends.
    ///
    /// # Errors
    /// A sentence: the spool cannot be used, or the sender died.
    pub fn run(&mut self, sender: &std::thread::JoinHandle<()>) -> Result<(), String> {
        let stdin = io::stdin();
        let mut packet = [0; pipe::PACKET_BYTES];
        loop {
            let now_ms = clock::uptime_ms();
            let recorder_due = self.shared.lock().recorder.due_ms();
            let due = [recorder_due, self.sync_due_ms, Some(self.save_due_ms)].into_iter().flatten().min();
            let timeout = clock::wait(due.unwrap_or(now_ms).saturating_sub(now_ms));
            match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&timeout)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(format!("poll: {error}")),
            }
            match rustix::io::read(stdin.as_fd(), &mut packet) {
                Ok(0) => return Ok(()),
                Ok(length) => self.take(packet.get(..length).unwrap_or_default())?,
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(format!("the reader's pipe: {error}")),
            }
            self.tick()?;
            if sender.is_finished() {
                return Err("The sending thread ended; the last lines say why.".to_owned());
            }
        }
    }

    fn take(&mut self, packet: &[u8]) -> Result<(), String> {
        for (arrived_ms, chunk) in pipe::chunks(packet) {
            let mut inner = self.shared.lock();
            let inner = &mut *inner;
            let Chunk::Bytes(bytes) = chunk else {
                let recorded = inner.recorder.press(arrived_ms, &mut inner.spool);
                self.recorded(recorded)?;
                continue;
            };
            let seen = inner.recorder.seen.clone();
            let mut wanted = inner.wanted;
            let recorded = inner.recorder.take(bytes, arrived_ms, &mut wanted, &mut inner.spool);
            inner.wanted = wanted;
            if inner.recorder.seen != seen {
                // A press that was told must not be told again by the next start.
                self.save_due_ms = 0;
            }
            self.recorded(recorded)?;
        }
        Ok(())
    }

    /// Nudges the sender, plans the synchronisation.
    fn recorded(&mut self, recorded: Result<Recorded, SpoolError>) -> Result<(), String> {
        let recorded = recorded.map_err(|error| status::chain(&error))?;
        if recorded.records > 0 {
            let now_ms = clock::uptime_ms();
            self.shared.wake();
            let due = if recorded.at_once { now_ms } else { now_ms + SYNC_MS };
            self.sync_due_ms = Some(self.sync_due_ms.map_or(due, |planned| planned.min(due)));
        }
        Ok(())
    }

    fn tick(&mut self) -> Result<(), String> {
        let now_ms = clock::uptime_ms();
        let recorded = {
            let mut inner = self.shared.lock();
            let inner = &mut *inner;
            inner.recorder.tick(now_ms, &mut inner.spool)
        };
        self.recorded(recorded)?;
        if self.sync_due_ms.is_some_and(|due| now_ms >= due) {
            self.sync()?;
        }
        if now_ms >= self.save_due_ms {
            self.save(now_ms)?;
        }
        let unwritten = self.shared.lock().spool.unwritten();
        if self.unwritten == 0 && unwritten > 0 {
            status::say(format_args!(
                "The disk of {} is full: readings are lost until there is room, and told as a gap.",
                self.config.data_dir.display()
            ));
        }
        self.unwritten = unwritten;
        Ok(())
    }

    /// A failed fdatasync ends the process: what the kernel has dropped then, nobody can say.
    fn sync(&mut self) -> Result<(), String> {
        self.sync_due_ms = None;
        let files = self.shared.lock().spool.unsynced();
        for file in files {
            file.sync_data()
                .map_err(|error| format!("the spool cannot be put on disk: {error}; is the disk failing?"))?;
        }
        Ok(())
    }

    fn save(&mut self, now_ms: u64) -> Result<(), String> {
        self.save_due_ms = now_ms + SAVE_MS;
        let state = {
            let mut inner = self.shared.lock();
            inner.prefer_system_clock(now_ms).map_err(|error| status::chain(&error))?;
            let kernel = inner.spool.settings().kernel;
            State {
                clock: Some(Persisted { kernel, uptime_ms: now_ms, clock: inner.clock }),
                done: inner.spool.done().clone(),
                seen: inner.recorder.seen.clone(),
            }
        };
        if let Err(error) = state.save(&self.config.data_dir) {
            status::say(format_args!(
                "The state cannot be written in {}: {error}.",
                self.config.data_dir.display()
            ));
        }
        Ok(())
    }

    /// Everything on disk.
    ///
    /// # Errors
    /// A sentence.
    pub fn close(&mut self) -> Result<(), String> {
        self.sync()?;
        self.save(clock::uptime_ms())
    }
}

//! Puts a raw recording on a line, byte for byte, at the true baud.
//!
//! In: a file. Out: its bytes, once or for ever. Changes nothing, understands nothing.

use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use super::pty::{Pty, PtyError};
use super::{Sources, pace::Pace};

/// Longest nap, so that bytes from the other side are counted soon.
const NAP: Duration = Duration::from_millis(50);

/// Why a replay ended early.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The recording cannot be read.
    #[error("cannot read the recording {path}: {source}")]
    Read {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The recording is empty.
    #[error("the recording {0} is empty; there is nothing to replay")]
    Empty(std::path::PathBuf),
    /// The line failed.
    #[error(transparent)]
    Pty(#[from] PtyError),
}

/// Plays `file` on `pty`; with `forever`, from the start again at its end. A console knows `status`, `help`, `quit`.
///
/// # Errors
/// [`ReplayError`] when the recording or the line fails.
pub fn run(
    file: &Path,
    pty: &mut Pty,
    baud: u32,
    forever: bool,
    sources: &Sources,
) -> Result<Summary, ReplayError> {
    let recording =
        std::fs::read(file).map_err(|source| ReplayError::Read { path: file.to_owned(), source })?;
    if recording.is_empty() {
        return Err(ReplayError::Empty(file.to_owned()));
    }
    let (start, mut pace, mut due) = (Instant::now(), Pace::new(baud), Vec::new());
    let (mut at, mut summary) = (0, Summary::default());
    loop {
        if pace.waiting() < 256 {
            let chunk = recording.get(at..recording.len().min(at + 256)).unwrap_or_default();
            pace.push(chunk);
            at += chunk.len();
            if forever && at >= recording.len() {
                at = 0;
                summary.rounds += 1;
            }
        }
        due.clear();
        pace.due(start.elapsed(), &mut due);
        let sent = pty.send(&due)?;
        summary.taken += sent.taken as u64;
        summary.unheard += sent.unheard as u64;
        summary.heard = pty.heard();
        let Some(next) = pace.next() else {
            pty.drain()?;
            return Ok(summary);
        };
        let wait = next.saturating_sub(start.elapsed()).min(NAP);
        match sources.wait(wait) {
            Ok(request) if matches!(request.line.trim(), "quit" | "exit") => {
                request.answer("ending");
                return Ok(summary);
            }
            Ok(request) if request.line.trim() == "status" => request.answer(&summary.to_string()),
            Ok(request) => request.answer("a replay only knows: status, quit"),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(summary),
        }
    }
}

/// What a replay has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Bytes the line took.
    pub taken: u64,
    /// Bytes lost because nobody listened.
    pub unheard: u64,
    /// Bytes that came from the other side: 0 on a one-way line.
    pub heard: u64,
    /// Times the end was reached and the start begun again.
    pub rounds: u64,
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { taken, unheard, heard, rounds } = self;
        write!(f, "bytes sent {taken}, sent to nobody {unheard}, heard {heard}, rounds {rounds}")
    }
}

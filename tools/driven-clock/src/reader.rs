//! The programs' end: reads the file again and again.
//!
//! In: a path, opened once, so that a program may close every door behind itself. Out: driven time; waits.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wire::UtcMs;

use crate::line::{self, Line, Reading};
use crate::{LOOK_EVERY, real_uptime_ms};

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be read.
    #[error("the clock {} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It does not say what time it is.
    #[error("the clock {} has no line `UPTIME_MS UTC_MS RATE`", .0.display())]
    Empty(PathBuf),
}

/// See the crate.
#[derive(Debug)]
pub struct DrivenClock {
    file: File,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    bytes: u64,
    lines: Vec<Line>,
    looked_ms: Option<i64>,
}

impl DrivenClock {
    /// Opens the file, which must have a line already.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let file = File::open(path).map_err(|source| OpenError::Read { path: path.to_owned(), source })?;
        let clock = Self { file, known: Mutex::default() };
        clock.reading().map(|_| ()).ok_or_else(|| OpenError::Empty(path.to_owned()))?;
        Ok(clock)
    }

    /// The wall clock.
    #[must_use]
    pub fn now(&self) -> UtcMs {
        self.reading().map_or(UtcMs(0), |reading| reading.utc)
    }

    /// Milliseconds that never go back: the machine's uptime when the clock was made, and what has passed since.
    #[must_use]
    pub fn uptime_ms(&self) -> u64 {
        self.reading().and_then(|reading| u64::try_from(reading.uptime_ms).ok()).unwrap_or(0)
    }

    /// How long to really wait for `wait` to pass. Often less than that takes: the clock may be driven on meanwhile,
    /// so look again.
    #[must_use]
    pub fn real(&self, wait: Duration) -> Duration {
        let rate = self.reading().map_or(1.0, |reading| reading.rate);
        Duration::try_from_secs_f64(wait.as_secs_f64() / rate).unwrap_or(LOOK_EVERY).min(LOOK_EVERY)
    }

    /// What is left until `uptime_ms`; `None` once it has passed.
    #[must_use]
    pub fn left(&self, until_uptime_ms: u64) -> Option<Duration> {
        let left_ms = until_uptime_ms.checked_sub(self.uptime_ms()).filter(|left| *left > 0)?;
        Some(Duration::from_millis(left_ms))
    }

    /// Lets the thread sleep until `wait` has passed.
    pub fn sleep(&self, wait: Duration) {
        let until_ms = self.uptime_ms().saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        while let Some(left) = self.left(until_ms) {
            std::thread::sleep(self.real(left));
        }
    }

    fn reading(&self) -> Option<Reading> {
        let now_ms = real_uptime_ms();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.look(&self.file, now_ms);
        line::read(&known.lines, now_ms)
    }
}

impl Known {
    /// Takes what was appended since. A line counts once its end is there; one that makes no sense is passed over.
    fn look(&mut self, file: &File, now_ms: i64) {
        let look_ms = i64::try_from(LOOK_EVERY.as_millis()).unwrap_or(0);
        if self.looked_ms.is_some_and(|looked| now_ms < looked + look_ms) {
            return;
        }
        self.looked_ms = Some(now_ms);
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = file.read_at(&mut buffer, self.bytes) {
            let text = buffer.get(..length).unwrap_or_default();
            let Some(end) = text.iter().rposition(|byte| *byte == b'\n') else { return };
            let whole = text.get(..=end).unwrap_or_default();
            self.lines.extend(String::from_utf8_lossy(whole).lines().filter_map(Line::parse));
            self.bytes += whole.len() as u64;
        }
    }
}

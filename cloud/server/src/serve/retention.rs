//! Whether what is old may be destroyed now, for those who do it and for whoever watches.
//!
//! In: the clock, the last instant that was believed, whether the machine keeps time by a server. Out: a verdict, looked
//! at before each sweep and, while it is a stop, each few seconds, so that an operator's word counts at once.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fleet::retention::{Guard, Verdict};
use store::state::{StateError, StateStore};
use wire::UtcMs;

use crate::clock;

/// systemd-timesyncd makes this file once a time server has set the clock since the machine started.
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";
/// While nothing may go, an operator's word is looked for this often.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug, Default)]
pub struct Retention {
    guard: Mutex<Guard>,
    /// The first look was taken.
    looked: AtomicBool,
    /// By how much the clock is ahead while nothing may go; else 0.
    ahead_ms: AtomicI64,
    without_key: AtomicU64,
}

impl Retention {
    /// Looks at the clock; where it is believed, that is kept.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn look(&self, state: &StateStore, now: UtcMs) -> Result<Verdict, StateError> {
        let kept = state.kept_clock().await?;
        let passed_ms = i64::try_from(clock::passed().as_millis()).unwrap_or(i64::MAX);
        let synchronised = !clock::is_driven() && Path::new(SYNCHRONISED).exists();
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let verdict = guard.look(kept, now, passed_ms, synchronised);
        if verdict == Verdict::Go {
            state.keep_clock(now).await?;
        }
        // Believed only once it is kept.
        *self.guard.lock().unwrap_or_else(PoisonError::into_inner) = guard;
        let ahead_ms = if let Verdict::Stop { ahead_ms } = verdict { ahead_ms } else { 0 };
        self.ahead_ms.store(ahead_ms, Ordering::Relaxed);
        self.looked.store(true, Ordering::Release);
        Ok(verdict)
    }

    /// Whether what is old at `now` may go, by the last look and what has passed since.
    pub fn may_go(&self, now: UtcMs) -> bool {
        let passed_ms = i64::try_from(clock::passed().as_millis()).unwrap_or(i64::MAX);
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.looked.load(Ordering::Acquire)
            && self.ahead_ms.load(Ordering::Relaxed) == 0
            && guard.look(None, now, passed_ms, false) == Verdict::Go
    }

    /// So many days cannot be opened.
    pub fn without_key(&self, days: usize) {
        self.without_key.store(days as u64, Ordering::Relaxed);
    }

    /// By how much the clock is ahead, where nothing may go; and days that cannot be opened. For whoever watches.
    pub fn trouble(&self) -> (Option<i64>, u64) {
        let ahead_ms = Some(self.ahead_ms.load(Ordering::Relaxed)).filter(|ahead_ms| *ahead_ms > 0);
        (ahead_ms, self.without_key.load(Ordering::Relaxed))
    }

    /// Waits until it is time to look again.
    pub async fn until_next(&self, usual: Duration) {
        let stopped = self.ahead_ms.load(Ordering::Relaxed) > 0;
        clock::sleep(if stopped { ASK_EVERY } else { usual }).await;
    }
}

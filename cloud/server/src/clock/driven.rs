//! The clock of `serve --clock FILE`. Tests drive it through the file; see the crate `driven-clock`.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use driven_clock::{DrivenClock, OpenError};

static CLOCK: OnceLock<DrivenClock> = OnceLock::new();

/// From now on this process goes by the clock in `file`.
///
/// # Errors
/// The file cannot be read or holds no time.
pub fn drive(file: &Path) -> Result<(), OpenError> {
    let clock = DrivenClock::open(file)?;
    tracing::warn!(file = %file.display(), now = %clock.now(), "the clock is driven: this is a test");
    // A second call would be a second --clock, which the command line refuses.
    let _ = CLOCK.set(clock);
    Ok(())
}

pub(super) fn clock() -> Option<&'static DrivenClock> {
    CLOCK.get()
}

pub(super) async fn sleep(clock: &DrivenClock, wait: Duration) {
    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    let until_ms = clock.uptime_ms().saturating_add(wait_ms);
    while let Some(left) = clock.left(until_ms) {
        tokio::time::sleep(clock.real(left)).await;
    }
}

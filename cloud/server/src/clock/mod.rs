//! The wall clock, read here and nowhere else in the server; and every wait that is a matter of days passing.
//!
//! In: the machine's clock, or in tests one that is driven (decision: `--clock` exists only behind a feature that no
//! release build has). Out: now, a handle that can be passed on as a parameter, waits that end when their time has
//! passed on that clock. Time-outs of connections do not belong here: they measure the network, in real time.

#[cfg(feature = "driven-clock")]
mod driven;

#[cfg(feature = "driven-clock")]
pub use driven::drive;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use wire::UtcMs;

/// A clock handed to everything that needs one.
pub type Clock = Arc<dyn Fn() -> UtcMs + Send + Sync>;

/// Now, by the machine's wall clock. 1970 if that is before 1970.
#[must_use]
pub fn now() -> UtcMs {
    #[cfg(feature = "driven-clock")]
    if let Some(clock) = driven::clock() {
        return clock.now();
    }
    #[expect(clippy::disallowed_methods, reason = "the server's one reading of the wall clock")]
    let now = std::time::SystemTime::now();
    let ms = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |passed| passed.as_millis());
    UtcMs(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// The wall clock as a handle.
#[must_use]
pub fn wall() -> Clock {
    Arc::new(now)
}

/// What has passed since the first call; nobody sets this one.
#[must_use]
pub fn passed() -> Duration {
    #[cfg(feature = "driven-clock")]
    if let Some(clock) = driven::clock() {
        return Duration::from_millis(clock.uptime_ms());
    }
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed()
}

/// Whether a test drives it: then no time server speaks for it.
#[must_use]
pub fn is_driven() -> bool {
    #[cfg(feature = "driven-clock")]
    let driven = driven::clock().is_some();
    #[cfg(not(feature = "driven-clock"))]
    let driven = false;
    driven
}

/// Waits until `wait` has passed.
pub async fn sleep(wait: Duration) {
    #[cfg(feature = "driven-clock")]
    if let Some(clock) = driven::clock() {
        return driven::sleep(clock, wait).await;
    }
    tokio::time::sleep(wait).await;
}

/// The same for a thread outside the run time.
pub fn sleep_thread(wait: Duration) {
    #[cfg(feature = "driven-clock")]
    if let Some(clock) = driven::clock() {
        return clock.sleep(wait);
    }
    std::thread::sleep(wait);
}

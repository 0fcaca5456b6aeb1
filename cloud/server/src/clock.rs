//! The wall clock, read here and nowhere else in the server.
//!
//! In: nothing. Out: now, and a handle that can be passed on as a parameter.

use std::sync::Arc;

use wire::UtcMs;

/// A clock handed to everything that needs one.
pub type Clock = Arc<dyn Fn() -> UtcMs + Send + Sync>;

/// Now, by the machine's wall clock. 1970 if that is before 1970.
#[must_use]
pub fn now() -> UtcMs {
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

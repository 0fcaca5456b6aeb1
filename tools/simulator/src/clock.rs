//! The one place of this crate that asks what time it is.
//!
//! In: nothing. Out: UTC in milliseconds. Everything else takes time as a parameter.

use std::time::{SystemTime, UNIX_EPOCH};

use wire::UtcMs;

/// Wall time now; 1970 if the machine's clock is before it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock of the simulator")]
pub fn now() -> UtcMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

//! Since when the service watches, and for how long it did not.
//!
//! In: the time that the last run's snapshot had come to, now. Out: the absence noted, so that a letter can own up to it;
//! from when on what is known of inverters is worth a letter.

use fleet::screen::OFFLINE_MS;
use store::state::{StateError, StateStore};
use wire::UtcMs;

/// Shorter ones are restarts that no gateway notices, milliseconds.
const ABSENCE_MS: i64 = 60_000;

/// Since when it watches.
#[derive(Clone, Copy, Debug)]
pub struct Back {
    /// Letters are written from then on: after an absence gateways have as long to be heard as they may be silent, else a
    /// letter would say of every inverter that it is not.
    pub heard_from: UtcMs,
}

impl Back {
    /// Notes that nobody watched since `watched_until`; 1970: there was no run before.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn note(store: &StateStore, watched_until: UtcMs, now: UtcMs) -> Result<Self, StateError> {
        let away = watched_until > UtcMs(0) && now.since(watched_until) >= ABSENCE_MS;
        if away {
            store.note_absence(watched_until, now).await?;
        }
        Ok(Self { heard_from: if away { now.plus_ms(OFFLINE_MS) } else { now } })
    }
}

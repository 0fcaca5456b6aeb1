//! Whether mails can be sent at all, told once when it changes.
//!
//! In: the outcome of each try. Out: one line in the log when the way breaks or breaks differently, one when it is whole
//! again. Hundreds of mails that wait for one server are one piece of news.

use std::sync::{Mutex, PoisonError};

/// What is known.
#[derive(Debug, Default)]
pub struct Trouble(Mutex<Option<String>>);

impl Trouble {
    /// The way is broken like this.
    pub fn tell(&self, what: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_deref() != Some(what) {
            tracing::error!("mails wait: {what}");
            *known = Some(what.to_owned());
        }
    }

    /// The way is whole.
    pub fn over(&self) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.take().is_some() {
            tracing::info!("mails go out again");
        }
    }
}

//! Whether a channel can be used at all, told once when it changes.
//!
//! In: the outcome of each try. Out: one line in the log when the way breaks or breaks differently, one when it is whole
//! again. Hundreds of mails that wait for one server are one piece of news.

use std::sync::{Mutex, PoisonError};

use fleet::notice::Channel;

/// What is known, by channel.
#[derive(Debug)]
pub struct Trouble([(Channel, Mutex<Option<String>>); 4]);

impl Default for Trouble {
    fn default() -> Self {
        Self(Channel::TABLE.map(|(channel, _)| (channel, Mutex::default())))
    }
}

impl Trouble {
    /// The way is broken like this.
    pub fn tell(&self, channel: Channel, what: &str) {
        self.change(channel, |known| {
            if known.as_deref() != Some(what) {
                tracing::error!("{} wait: {what}", words(channel));
                *known = Some(what.to_owned());
            }
        });
    }

    /// The way is whole.
    pub fn over(&self, channel: Channel) {
        self.change(channel, |known| {
            if known.take().is_some() {
                tracing::info!("{} go out again", words(channel));
            }
        });
    }

    fn change(&self, channel: Channel, how: impl FnOnce(&mut Option<String>)) {
        if let Some((_, known)) = self.0.iter().find(|(other, _)| *other == channel) {
            how(&mut known.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

fn words(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "mails",
        Channel::Text => "text messages",
        Channel::Push => "push messages",
        Channel::Webhook => "webhooks",
    }
}

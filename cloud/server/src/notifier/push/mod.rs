//! Push messages to browsers (RFC 8030).
//!
//! In: a browser's subscription, a small JSON. Out: a request to its push service, encrypted for the browser and signed by
//! us; what the service said. A subscription that the service knows no more is to be forgotten.

mod encrypt;
mod vapid;

use std::sync::Arc;

use aws_lc_rs::digest;
use axum::http::{HeaderName, HeaderValue, Method, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use store::state::PushDevice;
use url::Url;
use wire::UtcMs;

pub use encrypt::{NotEncrypted, Receiver, encrypt};
pub use vapid::{Unusable, Vapid};

use super::NotSent;
use super::answers::{self, said};
use crate::outbound::{Outbound, Reach, Request};

const TTL: HeaderName = HeaderName::from_static("ttl");
const URGENCY: HeaderName = HeaderName::from_static("urgency");
const TOPIC: HeaderName = HeaderName::from_static("topic");
/// Bytes of a digest that make a topic of at most 32 characters (RFC 8030, 5.4).
const TOPIC_BYTES: usize = 24;

/// The way to browsers.
#[derive(Debug)]
pub struct Push {
    outbound: Outbound,
    vapid: Arc<Vapid>,
}

/// What is pushed.
#[derive(Clone, Copy)]
pub struct PushMessage<'a> {
    /// Its key in the outbox: of two with one key, a service that still holds the first keeps the second only.
    pub key: &'a str,
    /// A small JSON.
    pub text: &'a str,
    /// From then on it is not worth delivering.
    pub expires_at: UtcMs,
}

/// What came of it.
#[derive(Debug)]
pub enum Pushed {
    /// The service took it.
    Accepted(String),
    /// The service does not know the subscription any more.
    Gone(String),
}

impl Push {
    /// Knows the key; nothing is sent yet.
    #[must_use]
    pub const fn new(outbound: Outbound, vapid: Arc<Vapid>) -> Self {
        Self { outbound, vapid }
    }

    /// Pushes a message.
    ///
    /// # Errors
    /// [`NotSent`].
    pub async fn send(
        &self,
        to: &PushDevice,
        message: PushMessage<'_>,
        now: UtcMs,
    ) -> Result<Pushed, NotSent> {
        let refused = |why: &dyn std::fmt::Display| NotSent::Refused(why.to_string());
        let url = Url::parse(&to.endpoint).map_err(|error| refused(&error))?;
        let receiver = Receiver { public_key: &to.public_key, secret: &to.secret };
        let body = encrypt(receiver, message.text.as_bytes()).map_err(|error| refused(&error))?;
        let authorization = self.vapid.authorization(&url, now).map_err(|error| refused(&error))?;
        let seconds = message.expires_at.since(now).max(0) / 1000;
        let value = |text: &str| HeaderValue::from_str(text).map_err(|error| refused(&error));
        let headers = vec![
            (header::AUTHORIZATION, value(&authorization)?),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
            (header::CONTENT_ENCODING, HeaderValue::from_static("aes128gcm")),
            (TTL, value(&seconds.to_string())?),
            (URGENCY, HeaderValue::from_static("high")),
            (TOPIC, value(&topic(message.key))?),
        ];
        let request = Request { method: Method::POST, url: &url, headers, body };
        let answer = self.outbound.ask(request, Reach::Public).await.map_err(answers::missing)?;
        match answer.status {
            200..=299 => Ok(Pushed::Accepted(said(&answer))),
            404 | 410 => Ok(Pushed::Gone(said(&answer))),
            408 | 425 | 429 | 500..=599 => Err(NotSent::Deferred(said(&answer))),
            _ => Err(NotSent::Refused(said(&answer))),
        }
    }
}

fn topic(key: &str) -> String {
    let hash = digest::digest(&digest::SHA256, key.as_bytes());
    URL_SAFE_NO_PAD.encode(hash.as_ref().get(..TOPIC_BYTES).unwrap_or_default())
}

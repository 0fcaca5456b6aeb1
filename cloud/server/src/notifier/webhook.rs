//! Webhooks: signed requests to people's own programs.
//!
//! In: an address, its secret, JSON. Out: a POST whose signature covers time and body, so that the receiver can tell ours
//! from anybody's and an old one from a new one; what the receiver said. A challenge must come back in the answer.
//!
//! Headers: `Inverter-Connect-Id` (the same at each try), `Inverter-Connect-Timestamp` (seconds of Unix time),
//! `Inverter-Connect-Signature: v1=HEX`, HMAC-SHA-256 of `TIMESTAMP.BODY` under the secret.

use std::fmt::Write as _;

use aws_lc_rs::{digest, hmac};
use axum::http::{HeaderName, HeaderValue, Method, header};
use url::Url;
use wire::UtcMs;

use super::NotSent;
use super::answers::{self, said};
use crate::outbound::{Answer, Outbound, Reach, Request};

/// Names the message.
pub const ID: HeaderName = HeaderName::from_static("inverter-connect-id");
/// When it was signed.
pub const TIMESTAMP: HeaderName = HeaderName::from_static("inverter-connect-timestamp");
/// The signature.
pub const SIGNATURE: HeaderName = HeaderName::from_static("inverter-connect-signature");
/// Characters of the digest of a key.
const ID_LENGTH: usize = 32;

/// What is sent.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Where to.
    pub url: &'a str,
    /// What it is signed with.
    pub secret: &'a [u8],
    /// Its key in the outbox.
    pub key: &'a str,
    /// JSON.
    pub body: &'a str,
    /// Whether the answer must hold this.
    pub challenge: Option<&'a str>,
}

/// The way to people's programs.
#[derive(Debug)]
pub struct Webhooks {
    outbound: Outbound,
}

impl Webhooks {
    /// By that way out.
    #[must_use]
    pub const fn new(outbound: Outbound) -> Self {
        Self { outbound }
    }

    /// Sends a request; what the receiver said.
    ///
    /// # Errors
    /// [`NotSent`].
    pub async fn send(&self, call: Call<'_>, now: UtcMs) -> Result<String, NotSent> {
        let refused = |why: &dyn std::fmt::Display| NotSent::Refused(why.to_string());
        let url = Url::parse(call.url).map_err(|error| refused(&error))?;
        let timestamp = (now.0 / 1000).to_string();
        let value = |text: &str| HeaderValue::from_str(text).map_err(|error| refused(&error));
        let headers = vec![
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (ID, value(&id(call.key))?),
            (SIGNATURE, value(&format!("v1={}", signature(call.secret, &timestamp, call.body)))?),
            (TIMESTAMP, value(&timestamp)?),
        ];
        let request =
            Request { method: Method::POST, url: &url, headers, body: call.body.as_bytes().to_vec() };
        let answer = self.outbound.ask(request, Reach::Public).await.map_err(answers::missing)?;
        judged(&answer, call.challenge)
    }
}

fn judged(answer: &Answer, challenge: Option<&str>) -> Result<String, NotSent> {
    match (answer.status, challenge) {
        (200..=299, Some(challenge)) if !holds(&answer.body, challenge) => {
            Err(NotSent::Refused(format!("{}. The answer does not hold the challenge", said(answer))))
        }
        (200..=299, _) => Ok(said(answer)),
        // "Gone" is the one way of a receiver to say that it wants no more.
        (410, _) => Err(NotSent::Refused(said(answer))),
        (300..=399, _) => Err(NotSent::Deferred(format!("{}. Redirects are not followed", answer.status))),
        _ => Err(NotSent::Deferred(said(answer))),
    }
}

fn holds(body: &[u8], challenge: &str) -> bool {
    !challenge.is_empty() && body.windows(challenge.len()).any(|part| part == challenge.as_bytes())
}

/// HMAC-SHA-256 of `timestamp.body`, in hexadecimal.
#[must_use]
pub fn signature(secret: &[u8], timestamp: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let mut context = hmac::Context::with_key(&key);
    for part in [timestamp, ".", body] {
        context.update(part.as_bytes());
    }
    hex(context.sign().as_ref())
}

fn id(key: &str) -> String {
    let mut id = hex(digest::digest(&digest::SHA256, key.as_bytes()).as_ref());
    id.truncate(ID_LENGTH);
    id
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 5.0: 11.4.3.
    #[test]
    fn the_signature_is_what_anybody_can_compute() {
        // printf '1800000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_test
        let expect = "7de5e6bbc99c65ef0ddccacd4308ba03a5a12eb8859a0db070c5ca731c4fdc19";
        assert_eq!(signature(b"whsec_test", "1800000000", r#"{"a":1}"#), expect);
    }

    #[test]
    fn what_an_answer_means() {
        let check = |status, body: &str, challenge, expect: &str| {
            let answer = Answer { status, body: body.as_bytes().to_vec() };
            let judged = match judged(&answer, challenge) {
                Ok(said) => format!("ok {said}"),
                Err(NotSent::Refused(said)) => format!("refused {said}"),
                Err(NotSent::Deferred(said)) => format!("deferred {said}"),
                Err(other) => format!("{other:?}"),
            };
            assert_eq!(judged, expect);
        };
        check(204, "", None, "ok 204");
        check(200, "thanks\r\n\u{1b}[31m", None, "ok 200 thanks   [31m");
        check(200, r#"{"challenge":"abc"}"#, Some("abc"), "ok 200 {\"challenge\":\"abc\"}");
        check(200, "hello", Some("abc"), "refused 200 hello. The answer does not hold the challenge");
        check(302, "", None, "deferred 302. Redirects are not followed");
        check(404, "no", None, "deferred 404 no");
        check(410, "", None, "refused 410");
        check(500, "", Some("abc"), "deferred 500");
    }
}

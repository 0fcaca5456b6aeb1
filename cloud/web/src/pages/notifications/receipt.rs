//! What became of a test, a code, a challenge, in words: never better than what is known.
//!
//! In: a receipt. Out: a state of the page's colours, and a sentence with what whoever took it answered.

use fleet::notice::{Channel, Fate};
use store::state::{Receipt, TEST};
use wire::UtcMs;

use crate::mail::notes;
use crate::view::words;

/// Kinds of messages by which a way is tried out, and what they are called.
pub const TRIES: [(&str, &str); 4] = [
    (TEST, "Test"),
    (notes::PHONE_CODE, "Code"),
    (notes::PUSH_PROOF, "First message"),
    (notes::WEBHOOK_CHALLENGE, "Challenge"),
];

/// What is shown beside a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `ok`, `off`, `warn` or `alarm`.
    pub state: &'static str,
    /// What was sent.
    pub what: &'static str,
    /// When it was sent.
    pub at: i64,
    /// The same as an age.
    pub age: String,
    /// What is known.
    pub words: String,
}

impl Line {
    /// Of a test.
    pub fn of(receipt: &Receipt, now: UtcMs) -> Self {
        let said = receipt.answer.as_deref().unwrap_or("");
        let (state, words) = match receipt.fate() {
            Fate::Waiting if said.is_empty() => {
                ("off", "On its way. Reload this page to see what comes of it.".to_owned())
            }
            Fate::Waiting => (
                "warn",
                format!("Not sent yet, tried {}: {said}", words::counted(receipt.attempts.into(), "time")),
            ),
            Fate::Accepted => ("ok", format!("{} took it: {said}", taker(receipt.channel))),
            Fate::Delivered => ("ok", format!("Your program answered: {said}")),
            Fate::Failed if said.is_empty() => ("alarm", "Failed: nobody took it in time.".to_owned()),
            Fate::Failed => ("alarm", format!("Failed: {said}")),
            Fate::Unknown => ("warn", format!("It may have arrived, nobody answered: {said}")),
        };
        let what = TRIES.iter().find(|(kind, _)| *kind == receipt.kind).map_or("Message", |(_, what)| *what);
        Self { state, what, at: receipt.queued_at.0, age: words::age(now.since(receipt.queued_at)), words }
    }
}

/// Who says yes: that is not yet who reads it.
fn taker(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "The mail server",
        Channel::Text => "The provider of texts",
        Channel::Push => "The push service",
        Channel::Webhook => "Your program",
    }
}

#[cfg(test)]
mod tests {
    use store::state::MailState;

    use super::*;

    #[test]
    fn it_never_says_that_it_worked_without_an_answer() {
        const NOW: UtcMs = UtcMs(1_800_000_000_000);
        let line = |channel, state, answer: Option<&str>| {
            let receipt = Receipt {
                key: "k".to_owned(),
                channel,
                to: "x".to_owned(),
                kind: "test".to_owned(),
                state,
                queued_at: NOW.plus_ms(-60_000),
                attempts: 2,
                last_attempt_at: None,
                answer: answer.map(str::to_owned),
            };
            let line = Line::of(&receipt, NOW);
            (line.state, line.words)
        };
        let check = |channel, state, answer, expect: (&str, &str)| {
            let (state, words) = line(channel, state, answer);
            assert_eq!((state, words.as_str()), expect);
        };
        check(Channel::Email, MailState::Sent, Some("250 OK"), ("ok", "The mail server took it: 250 OK"));
        check(Channel::Webhook, MailState::Sent, Some("204"), ("ok", "Your program answered: 204"));
        check(Channel::Text, MailState::Failed, Some("400 no mobile"), ("alarm", "Failed: 400 no mobile"));
        check(Channel::Text, MailState::Expired, None, ("alarm", "Failed: nobody took it in time."));
        check(Channel::Push, MailState::Queued, Some("503"), ("warn", "Not sent yet, tried 2 times: 503"));
        for (_, state) in MailState::TABLE.iter().map(|(state, name)| (name, *state)) {
            let good = line(Channel::Push, state, None).0 == "ok";
            assert_eq!(good, state == MailState::Sent, "{state:?}");
        }
    }
}

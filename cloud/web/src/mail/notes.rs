//! Words that are no letters: texts to telephones, what is pushed to browsers, what webhooks are sent.
//!
//! In: what is to be said. Out: a text of one message in the alphabet of telephones, or a small JSON. Addresses are of the
//! configured origin only. What a person named is cut before what matters is.

use fleet::notice::{Channel, MOST_SEPTETS, fitted, septets};
use serde::{Deserialize, Serialize};

use super::{Draft, Letter, Part, one_line};
use crate::Error;

/// Kinds of messages, for receipts.
pub const PHONE_CODE: &str = "phone_code";
/// To a number that was removed.
pub const PHONE_REMOVED: &str = "phone_removed";
/// What a browser brings back.
pub const PUSH_PROOF: &str = "push_proof";
/// What a webhook must answer.
pub const WEBHOOK_CHALLENGE: &str = "webhook_challenge";

/// Texts that are sent to numbers which are not, or no longer, verified.
pub const GOES_TO_UNVERIFIED: [&str; 2] = [PHONE_CODE, PHONE_REMOVED];

/// Types of notes.
const OF_ALARM: &str = "alarm_again";
const OF_TEST: &str = "test";
const OF_PROOF: &str = "proof";
const OF_CHALLENGE: &str = "challenge";

/// What a message says, in one line and a few more words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headline {
    /// The line.
    pub title: String,
    /// The words.
    pub body: String,
}

/// What is pushed, and what a webhook is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// `test`, `proof`, `challenge`, `alarm_again`; alarms themselves have kinds of their own, see [`super::alarms`].
    #[serde(default)]
    pub kind: String,
    /// The line.
    #[serde(default)]
    pub title: String,
    /// The words.
    #[serde(default)]
    pub body: String,
    /// The page to open.
    #[serde(default)]
    pub url: String,
    /// What a browser brings back: its name and the proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// What a webhook answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<String>,
}

impl Note {
    fn json(self) -> String {
        // Strings and a number: writing them cannot fail.
        serde_json::to_string(&self).unwrap_or_default()
    }
}

impl Headline {
    /// What a message said, from what the outbox kept of it.
    #[must_use]
    pub fn of(channel: Channel, subject: &str, text: &str) -> Self {
        let (title, body) = match channel {
            Channel::Email => (subject.to_owned(), text.to_owned()),
            Channel::Text => (text.to_owned(), String::new()),
            Channel::Push | Channel::Webhook => {
                let note: Note = serde_json::from_str(text).unwrap_or_default();
                (note.title, note.body)
            }
        };
        Self { title: one_line(&title), body: one_line(&body) }
    }
}

/// The code that verifies a telephone.
#[must_use]
pub fn phone_code(code: &str) -> String {
    format!("{code} is your Inverter Connect code, good for 10 minutes. Nobody from us will ask you for it.")
}

/// To a number that gets no more texts.
#[must_use]
pub fn phone_removed() -> String {
    "This number was removed from an Inverter Connect account. It gets no more alarms. Not you? Sign in and look at \
     Notifications."
        .to_owned()
}

/// A test to a telephone.
#[must_use]
pub fn text_test(email: &str) -> String {
    with_end("TEST Inverter Connect: texts for ", email, " arrive here. Nothing is wrong.")
}

/// The words of a message that failed by another way, as a text.
#[must_use]
pub fn text_again(origin: &str, headline: &Headline) -> String {
    with_end("", &headline.title, &format!(" Open: {}/alarms", host(origin)))
}

/// The words of a message that failed by another way, for browsers and webhooks.
#[must_use]
pub fn push(origin: &str, headline: &Headline) -> String {
    const MOST_BODY: usize = 400;
    let (title, url) = (headline.title.chars().take(200).collect(), format!("{origin}/alarms"));
    let body = headline.body.chars().take(MOST_BODY).collect();
    Note { kind: OF_ALARM.to_owned(), title, body, url, ..Note::default() }.json()
}

/// The words of a message that failed by another way, as a letter.
///
/// # Errors
/// [`Error::Internal`].
pub fn letter_again(origin: &str, headline: &Headline, failed: Channel) -> Result<Letter, Error> {
    let by = match failed {
        Channel::Email => "An e-mail",
        Channel::Text => "A text",
        Channel::Push => "A push message",
        Channel::Webhook => "A request to your webhook",
    };
    let mut parts = vec![Part::Says(headline.title.clone())];
    if !headline.body.is_empty() {
        parts.push(Part::Says(headline.body.clone()));
    }
    parts.push(Part::Open("Open alarms", format!("{origin}/alarms")));
    parts.push(Part::Note(format!("{by} with these words did not reach you, so they come this way.")));
    Draft {
        kind: "alarm_again",
        subject: headline.title.clone(),
        preview: "It did not reach you by another way.".to_owned(),
        title: headline.title.chars().take(120).collect(),
        parts,
        why: "You get this because you asked to be told of alarms, and another way to you failed.".to_owned(),
        ..Draft::default()
    }
    .written()
}

/// A test to a browser or a webhook.
#[must_use]
pub fn note_test(origin: &str) -> String {
    Note {
        kind: OF_TEST.to_owned(),
        title: "Test message".to_owned(),
        body: "Messages of Inverter Connect arrive here. Nothing is wrong.".to_owned(),
        url: format!("{origin}/me/notifications"),
        ..Note::default()
    }
    .json()
}

/// The first message to a browser, which it brings back.
#[must_use]
pub fn push_proof(origin: &str, proof: &str) -> String {
    Note {
        kind: OF_PROOF.to_owned(),
        title: "This browser gets messages now".to_owned(),
        body: "Inverter Connect tells you here of what you choose under Notifications.".to_owned(),
        url: format!("{origin}/me/notifications"),
        proof: Some(proof.to_owned()),
        ..Note::default()
    }
    .json()
}

/// What a webhook must answer.
#[must_use]
pub fn webhook_challenge(challenge: &str) -> String {
    let challenge = Some(challenge.to_owned());
    Note { kind: OF_CHALLENGE.to_owned(), challenge, ..Note::default() }.json()
}

/// The challenge in what [`webhook_challenge`] made.
#[must_use]
pub fn challenge_in(text: &str) -> Option<String> {
    serde_json::from_str::<Note>(text).ok()?.challenge
}

/// `start`, as much of `middle` as fits, `end`.
fn with_end(start: &str, middle: &str, end: &str) -> String {
    let taken = septets(start).unwrap_or(0) + septets(end).unwrap_or(0);
    format!("{start}{}{end}", fitted(middle, MOST_SEPTETS.saturating_sub(taken)))
}

/// Without `https://`: telephones make a link of it all the same, and it saves eight characters.
fn host(origin: &str) -> &str {
    origin.strip_prefix("https://").unwrap_or(origin)
}

#[cfg(test)]
mod tests {
    use fleet::notice::is_one_message;

    use super::*;
    use crate::mail::tests::shown;

    const ORIGIN: &str = "https://inverters.example";

    #[test]
    fn every_text_is_one_message_whatever_people_are_called() {
        let long = Headline { title: "ALARM: Halle \u{201e}Süd\u{201c} ".repeat(20), body: String::new() };
        for text in [
            phone_code("012345"),
            phone_removed(),
            text_test(&format!("{}@harborview.example", "dana.okafor".repeat(20))),
            text_again(ORIGIN, &long),
        ] {
            assert!(is_one_message(&text), "{text}");
        }
        let short = Headline { title: "ALARM: Hall B, charger fault".to_owned(), body: String::new() };
        assert_eq!(text_again(ORIGIN, &short), "ALARM: Hall B, charger fault Open: inverters.example/alarms");
        assert!(text_again(ORIGIN, &long).ends_with(" Open: inverters.example/alarms"));
    }

    #[test]
    fn words_survive_from_way_to_way() {
        let mail = Headline::of(Channel::Email, "ALARM: Hall B", "Charger fault\nsince 2:31 AM.");
        assert_eq!(mail.body, "Charger fault since 2:31 AM.");
        let pushed = push(ORIGIN, &mail);
        assert_eq!(Headline::of(Channel::Push, "", &pushed), mail);
        let expect = r#"{"kind":"alarm_again","title":"ALARM: Hall B","body":"Charger fault since 2:31 AM.","url":"https://inverters.example/alarms"}"#;
        assert_eq!(pushed, expect);
        assert_eq!(challenge_in(&webhook_challenge("abc")).as_deref(), Some("abc"));
        assert_eq!(challenge_in(&note_test(ORIGIN)), None);
        assert_eq!(Headline::of(Channel::Webhook, "", "no JSON").title, "");
    }

    #[test]
    fn the_letter_says_that_another_way_failed() {
        let headline =
            Headline::of(Channel::Text, "", "ON BATTERY East Tower (St. Brendan): no utility power.");
        let letter = letter_again(ORIGIN, &headline, Channel::Text).unwrap();
        insta::assert_snapshot!(letter.kind, shown(&letter));
    }
}

//! Letters about the ways to a person: to their owner, whenever one comes, goes, or is switched off.
//!
//! In: what was done, when, from where. Out: letters without a secret; of a telephone its last digits only.

use wire::UtcMs;

use super::{Draft, Letter, Part, when_and_where};
use crate::Error;

const OWN: &str = "You get this because your account uses this address.";
const IF_NOT: &str =
    "If it was you, nothing. If not, choose a new password now, then look through Account, Notifications.";

/// A way came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A telephone was verified.
    PhoneAdded,
    /// A telephone was removed.
    PhoneRemoved,
    /// A webhook was added.
    WebhookAdded,
    /// A webhook was removed.
    WebhookRemoved,
    /// A browser was added.
    PushAdded,
    /// A browser was removed.
    PushRemoved,
}

/// Each with its kind, what was done, what follows.
const CHANGES: [(Change, &str, &str, &str); 6] = [
    (
        Change::PhoneAdded,
        "phone_added",
        "A telephone was added",
        "From now on it gets texts about what you choose under Notifications.",
    ),
    (Change::PhoneRemoved, "phone_removed", "A telephone was removed", "It gets no more texts."),
    (
        Change::WebhookAdded,
        "webhook_added",
        "A webhook was added",
        "Once it has answered its challenge, it gets what you choose under Notifications.",
    ),
    (Change::WebhookRemoved, "webhook_removed", "A webhook was removed", "Nothing is sent to it any more."),
    (
        Change::PushAdded,
        "push_added",
        "A browser was added",
        "It gets push messages about what you choose under Notifications.",
    ),
    (Change::PushRemoved, "push_removed", "A browser was removed", "It gets no more push messages."),
];

/// A way to a person came or went; `what`: its last digits, its address, its name.
///
/// # Errors
/// [`Error::Internal`].
pub fn changed(
    origin: &str,
    change: Change,
    what: &str,
    at: UtcMs,
    from: Option<&str>,
) -> Result<Letter, Error> {
    let found = CHANGES.iter().find(|(known, ..)| *known == change);
    let (_, kind, title, means) =
        found.copied().unwrap_or((change, "way_changed", "A way to you was changed", ""));
    let mut facts = vec![("What", what.to_owned())];
    facts.extend(when_and_where(at, from));
    Draft {
        kind,
        subject: format!("{title} on your Inverter Connect account"),
        preview: format!("{what}. If it was not you, choose a new password now."),
        title: title.to_owned(),
        parts: vec![
            Part::Facts(facts),
            Part::Says(means.to_owned()),
            Part::Advice(IF_NOT.to_owned()),
            Part::Open("See the ways to you", format!("{origin}/me/notifications")),
        ],
        why: OWN.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// A webhook failed for days and was switched off.
///
/// # Errors
/// [`Error::Internal`].
pub fn webhook_off(origin: &str, url: &str, answer: &str, at: UtcMs) -> Result<Letter, Error> {
    Draft {
        kind: "webhook_off",
        subject: "Your webhook was switched off".to_owned(),
        preview: "It has answered nothing good for three days.".to_owned(),
        title: "A webhook was switched off".to_owned(),
        parts: vec![
            Part::Says(
                "It has answered nothing good for three days, so we send nothing there any more.".to_owned(),
            ),
            Part::Facts(vec![
                ("Webhook", url.to_owned()),
                ("Last answer", answer.to_owned()),
                ("When", super::instant(at)),
            ]),
            Part::Advice(
                "When it works again, open Notifications and send its challenge once more.".to_owned(),
            ),
            Part::Open("Open Notifications", format!("{origin}/me/notifications")),
        ],
        why: OWN.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// A browser's push service said that it takes no more messages, and the browser was removed.
///
/// # Errors
/// [`Error::Internal`].
pub fn push_ended(origin: &str, name: &str, at: UtcMs) -> Result<Letter, Error> {
    Draft {
        kind: "push_ended",
        subject: "A browser gets no more push messages".to_owned(),
        preview: format!("{name} has ended its subscription."),
        title: "A browser gets no more push messages".to_owned(),
        parts: vec![
            Part::Says(
                "Its push service says that it has ended its subscription, as happens when notifications are switched \
                 off there or its data is cleared. It was removed, and nothing is sent there any more."
                    .to_owned(),
            ),
            Part::Facts(vec![("Browser", name.to_owned()), ("When", super::instant(at))]),
            Part::Advice("If you still want messages there, open Notifications in that browser and add it again.".to_owned()),
            Part::Open("Open Notifications", format!("{origin}/me/notifications")),
        ],
        why: OWN.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// Somebody else added the same browser, so that it is not this account's any more.
///
/// # Errors
/// [`Error::Internal`].
pub fn push_taken(origin: &str, name: &str, at: UtcMs) -> Result<Letter, Error> {
    Draft {
        kind: "push_taken",
        subject: "A browser gets no more of your push messages".to_owned(),
        preview: format!("{name} was added to another account."),
        title: "A browser gets no more of your push messages".to_owned(),
        parts: vec![
            Part::Says(
                "Somebody signed in to another account in this browser and added it there. A browser belongs to one \
                 account: yours sends nothing there any more."
                    .to_owned(),
            ),
            Part::Facts(vec![("Browser", name.to_owned()), ("When", super::instant(at))]),
            Part::Advice(
                "If you share this browser, add another one of your own. If you do not know about this, choose a new \
                 password now, then look through Account, Security."
                    .to_owned(),
            ),
            Part::Open("Open Notifications", format!("{origin}/me/notifications")),
        ],
        why: OWN.to_owned(),
        ..Draft::default()
    }
    .written()
}

/// A test by e-mail.
///
/// # Errors
/// [`Error::Internal`].
pub fn test(origin: &str) -> Result<Letter, Error> {
    Draft {
        kind: "test",
        subject: "Test message of Inverter Connect".to_owned(),
        preview: "Mails arrive here. Nothing is wrong.".to_owned(),
        title: "This is a test".to_owned(),
        parts: vec![
            Part::Says("Mails of Inverter Connect arrive here. Nothing is wrong.".to_owned()),
            Part::Open("Open Notifications", format!("{origin}/me/notifications")),
        ],
        why: "You get this because you pressed “Send test”.".to_owned(),
        ..Draft::default()
    }
    .written()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::tests::shown;

    const ORIGIN: &str = "https://inverters.example";
    const AT: UtcMs = UtcMs(1_794_902_820_000);

    #[test]
    fn each_letter_reads_as_it_should_in_both_faces() {
        let changes = CHANGES.map(|(change, ..)| changed(ORIGIN, change, "…0119", AT, Some("192.0.2.7")));
        let url = "https://hooks.example/ic";
        let browser = push_ended(ORIGIN, "Firefox on Linux", AT);
        let taken = push_taken(ORIGIN, "Firefox on Linux", AT);
        let others = [webhook_off(ORIGIN, url, "500 broken", AT), browser, taken, test(ORIGIN)];
        for letter in changes.into_iter().chain(others).map(Result::unwrap) {
            insta::assert_snapshot!(letter.kind, shown(&letter));
        }
    }
}

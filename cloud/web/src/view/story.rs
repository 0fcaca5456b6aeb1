//! One alarm's story: what happened to it, who was told and how that went, in order of time.
//!
//! In: its events' rows, receipts of messages, names. Out: entries in words. Who was told is said by name, never by address.

use fleet::alarm::{Key, Turned};
use fleet::notice::{Channel, Fate};
use store::state::{EventRow, MailState, Receipt};
use wire::UtcMs;

use super::words::Local;
use crate::names::Names;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: UtcMs,
    /// Icon of the sprite.
    pub icon: &'static str,
    /// What.
    pub title: String,
    /// When, and more in words.
    pub detail: String,
    /// What somebody wrote, or empty.
    pub quote: String,
}

/// Who acted, of a turn.
#[must_use]
pub fn actor(turn: &Turned) -> Option<fleet::AccountKey> {
    match turn {
        Turned::Acknowledged { by, .. } | Turned::Shelved { by, .. } | Turned::Unshelved { by } => Some(*by),
        Turned::Raised { .. } | Turned::Unstable | Turned::Returned | Turned::Cleared { .. } => None,
    }
}

/// The turns of the alarm `name` among an inverter's events.
#[must_use]
pub fn turns(rows: &[EventRow], name: &str, key: &Key) -> Vec<(UtcMs, Turned)> {
    let of = |row: &EventRow| {
        let rest = row.key.strip_prefix(row.kind.as_str())?.strip_prefix('/')?.strip_prefix(name)?;
        // What may happen more than once has its time behind the name.
        let same = rest.is_empty()
            || rest.strip_prefix('/').is_some_and(|at| at.bytes().all(|b| b.is_ascii_digit()));
        let turn = Turned::from_row(key, &row.kind, &row.detail)?;
        same.then_some((row.received_at, turn))
    };
    let mut turns: Vec<_> = rows.iter().filter_map(of).collect();
    turns.sort_by_key(|(at, _)| *at);
    turns
}

/// A turn in words.
#[must_use]
pub fn turned(at: UtcMs, turn: &Turned, names: &Names, local: &Local) -> Entry {
    let time = local.exact(at);
    let (icon, title, detail, quote) = match turn {
        Turned::Raised { quiet: true, .. } => (
            "bell",
            "Raised".to_owned(),
            format!("{time}. Nobody was told: it was shelved, or maintenance ran."),
            "",
        ),
        Turned::Raised { unstable: true, .. } => (
            "bell",
            "Raised".to_owned(),
            format!("{time}. It comes and goes: one alarm stands for all that follow."),
            "",
        ),
        Turned::Raised { .. } => ("bell", "Raised".to_owned(), time, ""),
        Turned::Unstable => {
            ("bell", "It comes and goes".to_owned(), format!("{time}. You are told when it stays over."), "")
        }
        Turned::Returned => (
            "bell",
            "Told again".to_owned(),
            format!("{time}. Shelf or maintenance were over, and it still held."),
            "",
        ),
        Turned::Cleared { ended, .. } => {
            ("check", "Over".to_owned(), format!("{time}. Gone since {}.", local.exact(*ended)), "")
        }
        Turned::Acknowledged { by, note } => {
            ("check", format!("Acknowledged by {}", names.of(*by)), time, note.as_str())
        }
        Turned::Shelved { until, by, reason } => (
            "clock",
            format!("Shelved by {}", names.of(*by)),
            format!("{time}, until {}", local.time(*until)),
            reason.as_str(),
        ),
        Turned::Unshelved { by } => ("clock", format!("Taken back by {}", names.of(*by)), time, ""),
    };
    Entry { at, icon, title, detail, quote: quote.to_owned() }
}

/// Channel, icon, words.
const WAYS: [(Channel, &str, &str); 4] = [
    (Channel::Email, "mail", "E-mail"),
    (Channel::Text, "phone", "Text"),
    (Channel::Push, "phone", "Push message"),
    (Channel::Webhook, "share", "Webhook"),
];

/// What some messages are about, beside that it began, goes on or is over.
const KINDS: [(&str, &str); 3] = [
    ("alarm_escalation", "asked to take it"),
    (crate::mail::alarms::TAKEN, "told who has taken it"),
    ("alarm_reminder", "reminded"),
];

/// A message in words.
#[must_use]
pub fn message(to: Option<&str>, receipt: &Receipt, local: &Local) -> Entry {
    let way = WAYS.iter().find(|(channel, ..)| *channel == receipt.channel);
    let (icon, word) = way.map_or(("mail", "Message"), |(_, icon, word)| (*icon, *word));
    let at = receipt.last_attempt_at.unwrap_or(receipt.queued_at);
    let time = local.exact(at);
    let detail = match receipt.state {
        MailState::Sent if receipt.fate() == Fate::Delivered => format!("{time}, delivered"),
        MailState::Sent => format!("{time}, taken by its provider"),
        MailState::Queued if receipt.attempts > 0 => {
            format!("Tried {} times, last {time}; it is tried again", receipt.attempts)
        }
        MailState::Queued => format!("Waits to be sent since {time}"),
        MailState::Failed => format!("{time}, failed: it could not be delivered"),
        MailState::Expired => format!("{time}, given up: its time was over"),
        MailState::Unknown => format!("{time}, sent; whether it was taken is not known"),
        MailState::Withheld => format!("{time}, not sent: access had ended"),
    };
    let to = to.unwrap_or("somebody who has left");
    let title = match KINDS.iter().find(|(kind, _)| *kind == receipt.kind) {
        Some((_, what)) => format!("{word} to {to}, {what}"),
        None => format!("{word} to {to}"),
    };
    Entry { at: receipt.queued_at, icon, title, detail, quote: String::new() }
}

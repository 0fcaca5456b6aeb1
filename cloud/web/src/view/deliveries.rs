//! Messages for operators: by which way, to whom, how it went.
//!
//! In: rows without words, now. Out: lines and counts. Nothing that a message says and no inverter; of a telephone the last
//! digits alone, of a webhook not its address, which may be a secret of its owner's program.

use fleet::notice::Channel;
use store::state::{Delivery, MailState};

use super::words::{self, Local};
use crate::link;

/// Messages on a page.
pub const PAGE: usize = 50;
/// Characters of an answer that a line shows.
const MOST_ANSWER: usize = 160;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// In the address.
    pub name: &'static str,
    /// In words.
    pub words: &'static str,
    /// Its colour.
    pub tone: &'static str,
    /// Which states that is.
    pub states: &'static [MailState],
    /// A program's own yes means more than a provider's: by webhook alone, or by all but that.
    by_webhook: Option<bool>,
}

/// Every outcome (decision 23).
pub static OUTCOMES: [Outcome; 6] = [
    Outcome {
        name: "waiting",
        words: "Waiting",
        tone: "off",
        states: &[MailState::Queued],
        by_webhook: None,
    },
    Outcome {
        name: "accepted",
        words: "Accepted",
        tone: "ok",
        states: &[MailState::Sent],
        by_webhook: Some(false),
    },
    Outcome {
        name: "delivered",
        words: "Delivered",
        tone: "ok",
        states: &[MailState::Sent],
        by_webhook: Some(true),
    },
    Outcome {
        name: "failed",
        words: "Failed",
        tone: "alarm",
        states: &[MailState::Failed, MailState::Expired],
        by_webhook: None,
    },
    Outcome {
        name: "unknown",
        words: "Unknown",
        tone: "warn",
        states: &[MailState::Unknown],
        by_webhook: None,
    },
    Outcome {
        name: "withheld",
        words: "Withheld",
        tone: "off",
        states: &[MailState::Withheld],
        by_webhook: None,
    },
];

/// Channels: value in the address, words.
pub const CHANNELS: [(Channel, &str); 4] = [
    (Channel::Email, "E-mail"),
    (Channel::Text, "Text"),
    (Channel::Push, "Push"),
    (Channel::Webhook, "Webhook"),
];

impl Outcome {
    /// By its name in the address.
    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Self> {
        OUTCOMES.iter().find(|outcome| outcome.name == name)
    }

    /// Of a message.
    #[must_use]
    pub fn of(channel: Channel, state: MailState) -> &'static Self {
        let fits = |outcome: &&Self| {
            outcome.states.contains(&state)
                && outcome.by_webhook.is_none_or(|by| by == (channel == Channel::Webhook))
        };
        // Each state is in the table: the test goes through all.
        OUTCOMES.iter().find(fits).unwrap_or(&OUTCOMES[0])
    }

    /// Channels that it can have: this one only, all but this one.
    #[must_use]
    pub fn channels(&self) -> (Option<Channel>, Option<Channel>) {
        match self.by_webhook {
            Some(true) => (Some(Channel::Webhook), None),
            Some(false) => (None, Some(Channel::Webhook)),
            None => (None, None),
        }
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `E-mail`.
    pub channel: &'static str,
    /// To whom, as far as it is shown.
    pub to: String,
    /// Which letter.
    pub kind: String,
    /// What became of it.
    pub outcome: &'static Outcome,
    /// When it was written, and the same for programs.
    pub queued: String,
    /// RFC 3339.
    pub instant: String,
    /// `3 tries, the last 12:04`; empty before the first.
    pub tries: String,
    /// What was said last; may be empty.
    pub answer: String,
    /// When it is tried next; empty where it is done with.
    pub next: String,
}

/// A message as a line.
#[must_use]
pub fn line(row: Delivery, local: &Local) -> Line {
    let outcome = Outcome::of(row.channel, row.state);
    let tries = match (row.attempts, row.last_attempt_at) {
        (0, _) | (_, None) => String::new(),
        (1, Some(at)) => format!("1 try, {}", local.exact(at)),
        (tries, Some(at)) => format!("{tries} tries, the last {}", local.exact(at)),
    };
    let waits = row.state == MailState::Queued;
    Line {
        channel: words_of(row.channel),
        to: shown(&row),
        kind: row.kind,
        outcome,
        queued: local.exact(row.queued_at),
        instant: row.queued_at.to_rfc3339(),
        tries,
        answer: cut(row.answer.as_deref().unwrap_or("")),
        next: if waits { local.exact(row.due_at) } else { String::new() },
    }
}

/// The last four digits of a number; whose browser or webhook it is.
fn shown(row: &Delivery) -> String {
    let owner = row.owner.as_deref().unwrap_or("an account that is gone");
    match row.channel {
        Channel::Email => row.to.clone(),
        Channel::Text => {
            let digits: Vec<char> = row.to.chars().filter(char::is_ascii_digit).collect();
            let last: String = digits.iter().skip(digits.len().saturating_sub(4)).collect();
            format!("\u{2026}{last} of {owner}")
        }
        Channel::Push => format!("A browser of {owner}"),
        Channel::Webhook => format!("A webhook of {owner}"),
    }
}

fn cut(answer: &str) -> String {
    let mut cut: String = answer.chars().take(MOST_ANSWER).collect();
    if cut.len() < answer.len() {
        cut.push('\u{2026}');
    }
    cut
}

/// A channel in words.
#[must_use]
pub fn words_of(channel: Channel) -> &'static str {
    CHANNELS.iter().find(|(known, _)| *known == channel).map_or("", |(_, words)| words)
}

/// Counts of a day, a row for each channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The channel.
    pub channel: &'static str,
    /// In the order of [`OUTCOMES`]: how many, and where they are listed; nowhere where there are none.
    pub cells: Vec<(String, Option<String>)>,
}

/// Counts as rows.
#[must_use]
pub fn counts(rows: &[(Channel, MailState, u64)]) -> Vec<Count> {
    let row = |(channel, words): &(Channel, &'static str)| {
        let cell = |outcome: &'static Outcome| {
            let fits = |(by, state, _): &&(Channel, MailState, u64)| {
                by == channel && std::ptr::eq(Outcome::of(*by, *state), outcome)
            };
            match rows.iter().filter(fits).map(|(.., count)| count).sum() {
                0 => ("\u{2013}".to_owned(), None),
                more => {
                    let pairs = [("channel", channel.name()), ("outcome", outcome.name)];
                    (words::count(more), Some(link::with("/op/deliveries", &pairs)))
                }
            }
        };
        Count { channel: words, cells: OUTCOMES.iter().map(cell).collect() }
    };
    CHANNELS.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use wire::UtcMs;

    use super::*;

    fn row(channel: Channel, state: MailState) -> Delivery {
        Delivery {
            id: 7,
            channel,
            to: "+16175550119".to_owned(),
            owner: Some("dana@x.test".to_owned()),
            kind: "alarm".to_owned(),
            state,
            queued_at: UtcMs(1_800_000_000_000),
            due_at: UtcMs(1_800_000_060_000),
            attempts: 2,
            last_attempt_at: Some(UtcMs(1_800_000_005_000)),
            answer: Some("x".repeat(200)),
        }
    }

    #[test]
    fn every_state_has_one_outcome_and_a_yes_is_what_who_said_it_can_say() {
        let check = |channel, state, expect: &str| {
            assert_eq!(Outcome::of(channel, state).name, expect, "{channel:?} {state:?}");
        };
        for (channel, _) in CHANNELS {
            check(channel, MailState::Queued, "waiting");
            check(channel, MailState::Failed, "failed");
            check(channel, MailState::Expired, "failed");
            check(channel, MailState::Withheld, "withheld");
            check(channel, MailState::Unknown, "unknown");
        }
        check(Channel::Email, MailState::Sent, "accepted");
        check(Channel::Webhook, MailState::Sent, "delivered");
        for outcome in &OUTCOMES {
            assert_eq!(Outcome::from_name(outcome.name), Some(outcome));
        }
    }

    #[test]
    fn a_line_shows_no_number_no_address_of_a_webhook_and_not_all_of_an_answer() {
        let local = Local::new("UTC", UtcMs(1_800_000_100_000));
        let text = line(row(Channel::Text, MailState::Failed), &local);
        assert_eq!(text.to, "\u{2026}0119 of dana@x.test");
        assert_eq!((text.answer.chars().count(), text.next.as_str()), (MOST_ANSWER + 1, ""));
        assert!(text.tries.starts_with("2 tries, the last "), "{}", text.tries);
        let waiting = line(row(Channel::Webhook, MailState::Queued), &local);
        assert_eq!(waiting.to, "A webhook of dana@x.test");
        assert!(!waiting.next.is_empty());
    }

    #[test]
    fn counts_are_summed_by_outcome() {
        let rows = [
            (Channel::Email, MailState::Sent, 1_200),
            (Channel::Email, MailState::Failed, 2),
            (Channel::Email, MailState::Expired, 3),
            (Channel::Webhook, MailState::Sent, 4),
        ];
        let counts = counts(&rows);
        let texts: Vec<_> = counts[0].cells.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(texts, ["\u{2013}", "1,200", "\u{2013}", "5", "\u{2013}", "\u{2013}"]);
        let href = "/op/deliveries?channel=webhook&outcome=delivered".to_owned();
        assert_eq!(counts[3].cells[2], ("4".to_owned(), Some(href)));
    }
}

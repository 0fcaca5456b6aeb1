//! Ways to a person: which one next, what a receipt says, when a new one has been tried out, how often codes are sent.
//!
//! In: what was tried, what is verified, what became of it. Out: the next channel, a fate (decision 23), limits.

use wire::UtcMs;
use wire::time::DAY_MS;

use super::preferences::{Channel, Channels};

/// What a critical message that failed goes by next, the likeliest to wake somebody first. A program of theirs comes last:
/// it may be nobody.
const NEXT: [Channel; 4] = [Channel::Text, Channel::Push, Channel::Email, Channel::Webhook];

/// The next way after those that were tried.
#[must_use]
pub fn next_channel(tried: Channels, verified: Channels) -> Option<Channel> {
    NEXT.into_iter().find(|channel| verified.has(*channel) && !tried.has(*channel))
}

/// What is known of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Not sent yet, or to be sent again.
    Waiting,
    /// A provider took it: it is on its way, not yet read.
    Accepted,
    /// What it was for has it.
    Delivered,
    /// It was refused, or given up.
    Failed,
    /// It may have arrived: an answer is missing.
    Unknown,
}

impl Fate {
    /// Name, in the API and on pages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// What a provider's yes means: a mail server, a text's provider and a push service pass it on; a program of the
    /// person's own has it.
    #[must_use]
    pub const fn of_success(channel: Channel) -> Self {
        match channel {
            Channel::Email | Channel::Text | Channel::Push => Self::Accepted,
            Channel::Webhook => Self::Delivered,
        }
    }
}

/// A code that was sent to a telephone is good for this long, milliseconds.
pub const CODE_MS: i64 = 10 * 60_000;
/// Wrong codes that end it.
pub const CODE_ATTEMPTS: u32 = 5;
/// Digits of a code.
pub const CODE_DIGITS: usize = 6;
/// Codes that one account has sent in a day.
pub const CODES_OF_ACCOUNT: u64 = 5;
/// Codes that go to one number in a day, whoever asks.
pub const CODES_TO_NUMBER: u64 = 5;
/// What is counted for these.
pub const CODES_COUNT_MS: i64 = DAY_MS;

/// Numbers of one account.
pub const MOST_PHONES: usize = 3;
/// Browsers of one account.
pub const MOST_PUSH_DEVICES: usize = 10;
/// Webhooks of one account.
pub const MOST_WEBHOOKS: usize = 5;

/// A webhook that has answered nothing good for this long is switched off, milliseconds.
pub const WEBHOOK_PATIENCE_MS: i64 = 3 * DAY_MS;

/// Whether a webhook that has failed since `since` is to be switched off.
#[must_use]
pub const fn webhook_is_over(since: UtcMs, now: UtcMs) -> bool {
    now.since(since) >= WEBHOOK_PATIENCE_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_goes_by_what_was_not_tried_yet_and_is_verified() {
        let all = Channels::of(&NEXT);
        let check = |tried: &[Channel], verified, expect| {
            assert_eq!(next_channel(Channels::of(tried), verified), expect, "{tried:?}");
        };
        check(&[Channel::Email], all, Some(Channel::Text));
        check(&[Channel::Text], all, Some(Channel::Push));
        check(
            &[Channel::Email, Channel::Text],
            Channels::of(&[Channel::Email, Channel::Webhook]),
            Some(Channel::Webhook),
        );
        check(&[Channel::Text], Channels::of(&[Channel::Text]), None);
        check(&NEXT, all, None);
        // However often it is asked, it comes to an end.
        let mut tried = Channels::NONE;
        let mut ways = 0;
        while let Some(next) = next_channel(tried, all) {
            tried = tried.and(next);
            ways += 1;
        }
        assert_eq!(ways, NEXT.len());
    }

    #[test]
    fn a_webhook_is_given_three_days() {
        let since = UtcMs(1_800_000_000_000);
        assert!(!webhook_is_over(since, since.plus_ms(WEBHOOK_PATIENCE_MS - 1)));
        assert!(webhook_is_over(since, since.plus_ms(WEBHOOK_PATIENCE_MS)));
    }
}

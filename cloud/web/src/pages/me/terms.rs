//! What is kept of a person and of their inverters, since when, until when, in words.
//!
//! In: since when the account is, the instant. Out: lines of a list. What it says of readings and alarms is what
//! `store::retention` does; a line there and a line here are changed together.

use fleet::retention::KEPT_MS;
use wire::UtcMs;

use crate::view::words::Local;

/// One kind of what is kept.
pub(super) struct Kept {
    pub(super) what: &'static str,
    /// The oldest that there can be.
    pub(super) since: String,
    pub(super) until: &'static str,
}

/// Since when there can be some.
enum Since {
    /// Older ones are gone.
    ThirtyDays,
    Account,
    SignIn,
    /// As old as the oldest that is kept.
    Backup,
}

const TERMS: [(&str, Since, &str); 7] = [
    (
        "Readings of your inverters",
        Since::ThirtyDays,
        "Each is shown for 30 days after it was taken. Within a day after that its whole day is destroyed, and the key that \
         opens it with it.",
    ),
    (
        "Tests and outages of your inverters",
        Since::ThirtyDays,
        "Deleted after 30 days. Where an organization of yours keeps a logbook, older ones stand there, for the years that its owners \
         chose.",
    ),
    (
        "Alarms, and what we wrote to you about them",
        Since::ThirtyDays,
        "Deleted after 30 days. Of an alarm that still holds, only that it does, and since when. What a message said is \
         erased as soon as it is sent; that it was sent is kept for 30 days.",
    ),
    (
        "Your account: name, address, ways to reach you, access",
        Since::Account,
        "Until you change it, or delete your account.",
    ),
    ("Sign-ins", Since::SignIn, "Until you sign out, and for 14 days at the longest."),
    (
        "What you did: shares, settings, acknowledgements",
        Since::Account,
        "The log stays whole, so that nobody can rewrite it. What it says of you is erased when you delete your account.",
    ),
    (
        "Backups",
        Since::Backup,
        "Readings and alarms in them cannot be opened once their day is destroyed. What you changed or deleted of your account \
         stands in older ones until they are deleted.",
    ),
];

/// All of it at `now`, for an account that was made at `made_at`.
pub(super) fn of(made_at: UtcMs, now: UtcMs) -> Vec<Kept> {
    let local = Local::new("UTC", now);
    let since = |since: &Since| match since {
        Since::ThirtyDays => format!("Nothing from before {}", local.day_and_year(now.plus_ms(-KEPT_MS))),
        Since::Account => format!("Since {}", local.day_and_year(made_at)),
        Since::SignIn => "Since each began".to_owned(),
        Since::Backup => "As old as the oldest that we keep".to_owned(),
    };
    TERMS.iter().map(|(what, from, until)| Kept { what, since: since(from), until }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::time::DAY_MS;

    #[test]
    fn what_is_kept_goes_back_thirty_days_or_to_the_beginning_of_the_account() {
        let now = UtcMs::parse_rfc3339("2026-11-26T10:00:00Z").unwrap();
        let since: Vec<String> = of(now.plus_ms(-400 * DAY_MS), now)
            .into_iter()
            .map(|kept| kept.since.replace('\u{a0}', " "))
            .collect();
        let (month, account) = ("Nothing from before Oct 27, 2026", "Since Oct 22, 2025");
        let backups = "As old as the oldest that we keep";
        assert_eq!(since, [month, month, month, account, "Since each began", account, backups]);
    }
}

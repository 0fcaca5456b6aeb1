//! How the service is, in words.
//!
//! In: the server's findings and numbers, counts of mails, now. Out: what needs somebody, and everything else in groups. Bounds
//! are `fleet::dead_man`'s; two of the pages' own are here, of what is no failing of the service.

use fleet::dead_man::{Finding, Grade};
use store::state::MailState;
use wire::UtcMs;
use wire::time::DAY_MS;

use super::bytes;
use super::words::{self, Local};
use crate::Health;

/// Something that needs somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matter {
    /// Its colour: `alarm` where data or doors are at risk, `warn` where there is time.
    pub tone: &'static str,
    /// What is the matter.
    pub title: String,
    /// What to do.
    pub what_to_do: &'static str,
}

/// Numbers that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Of what.
    pub title: &'static str,
    /// Name and value.
    pub rows: Vec<(&'static str, String)>,
}

/// More of the way in used is a matter, per cent.
const WAITING_PERCENT: u64 = 50;

/// What needs somebody; nothing where all is well.
#[must_use]
pub fn matters(health: &Health, mails: &[(MailState, u64)]) -> Vec<Matter> {
    let mut matters = Vec::new();
    let mut add = |tone, title: String, what_to_do| matters.push(Matter { tone, title, what_to_do });
    for Finding { check, .. } in &health.findings {
        match check.grade {
            Grade::Bad => add("alarm", check.says.clone(), check.what_to_do),
            Grade::Warn => add("warn", check.says.clone(), check.what_to_do),
            Grade::Well => {}
        }
    }
    if health.waiting_bytes.saturating_mul(100) > health.waiting_limit_bytes.saturating_mul(WAITING_PERCENT) {
        let title = format!("{} wait for the pipeline", bytes::words(health.waiting_bytes));
        add("warn", title, "Look at the disk and the processor: devices are slowed when this is full.");
    }
    let failed = count(mails, MailState::Failed);
    if failed > 0 {
        add(
            "warn",
            format!("{failed} mails could not be sent"),
            "Look at the mail server's answers in the log.",
        );
    }
    matters
}

/// Everything in groups.
#[must_use]
pub fn groups(health: &Health, mails: &[(MailState, u64)], passwords: u64, now: UtcMs) -> Vec<Group> {
    let local = Local::new("UTC", now);
    let of = |bytes: Option<u64>| bytes.map_or("unknown".to_owned(), bytes::words);
    let number = words::count;
    let mail = |state: &MailState| match state {
        MailState::Queued => "Waiting",
        MailState::Sent => "Sent",
        MailState::Failed => "Failed",
        MailState::Expired => "Expired",
        MailState::Withheld => "Withheld",
        MailState::Unknown => "Not answered",
    };
    let mut groups = vec![
        Group {
            title: "Devices",
            rows: vec![
                ("Connected", number(health.sessions)),
                ("Connections, people's too", number(health.connections)),
                ("Reports since the start", number(health.reports)),
                ("Of these not readable", number(health.quarantined)),
            ],
        },
        Group {
            title: "Way in",
            rows: vec![
                ("Pipeline", if health.following { "Follows".to_owned() } else { "Replays".to_owned() }),
                ("Reports applied", number(health.applied)),
                ("Waiting now", bytes::words(health.waiting_bytes)),
                ("Room for waiting", bytes::words(health.waiting_limit_bytes)),
                ("Times that was full", number(health.waits)),
            ],
        },
        Group {
            title: "Disk",
            rows: vec![
                ("Journal", bytes::words(health.journal_bytes)),
                ("History", bytes::words(health.history_bytes)),
                ("State", bytes::words(health.state_bytes)),
                ("Free", of(health.disk_free_bytes)),
                ("Disk", of(health.disk_bytes)),
            ],
        },
        Group { title: "People", rows: vec![("Passwords checked since the start", number(passwords))] },
        Group {
            title: "Mails",
            rows: mails.iter().map(|(state, count)| (mail(state), number(*count))).collect(),
        },
        Group {
            title: "Program",
            rows: vec![
                ("Version", health.version.to_owned()),
                ("Started, UTC", health.started_at.map_or("\u{2013}".to_owned(), |at| local.time(at))),
            ],
        },
    ];
    let days =
        |ends: UtcMs| format!("{} d left", number(ends.since(now).div_euclid(DAY_MS).max(0).unsigned_abs()));
    let rows = health
        .certificates
        .iter()
        .map(|certificate| (certificate.door, certificate.ends_at.map_or("unknown".to_owned(), days)));
    groups.push(Group { title: "Certificates of the doors", rows: rows.collect() });
    groups
}

fn count(mails: &[(MailState, u64)], wanted: MailState) -> u64 {
    mails.iter().filter(|(state, _)| *state == wanted).map(|(_, count)| *count).sum()
}

#[cfg(test)]
mod tests {
    use fleet::dead_man::Check;

    use super::*;

    fn well() -> Health {
        let check = Check { name: "disk", grade: Grade::Well, says: String::new(), what_to_do: "" };
        Health {
            started_at: Some(UtcMs(0)),
            following: true,
            waiting_limit_bytes: 100,
            findings: vec![Finding { check, since: None }],
            ..Health::default()
        }
    }

    fn check(health: &Health, failed: u64, expect: &[(&str, &str)]) {
        let found = matters(health, &[(MailState::Failed, failed)]);
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for (matter, (tone, part)) in found.iter().zip(expect) {
            assert!(matter.tone == *tone && matter.title.contains(part), "{matter:?}");
        }
    }

    #[test]
    fn what_the_watcher_finds_is_a_matter_and_so_is_each_bound_past_it_and_not_before() {
        check(&well(), 0, &[]);
        check(&well(), 2, &[("warn", "2 mails")]);
        check(&Health { waiting_bytes: 50, ..well() }, 0, &[]);
        check(&Health { waiting_bytes: 51, ..well() }, 0, &[("warn", "wait for the pipeline")]);
        let found = |grade| {
            let says = "It is full".to_owned();
            let check = Check { name: "disk", grade, says, what_to_do: "Make room." };
            Health { findings: vec![Finding { check, since: Some(UtcMs(0)) }], ..well() }
        };
        check(&found(Grade::Warn), 0, &[("warn", "It is full")]);
        check(&found(Grade::Bad), 1, &[("alarm", "It is full"), ("warn", "1 mails")]);
    }
}

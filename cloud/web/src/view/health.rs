//! How the service is, in words.
//!
//! In: the server's numbers, counts of mails, now. Out: what needs somebody, and everything else in groups. What counts as
//! a matter is one table of bounds here.

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

/// A door's certificate that ends sooner is a matter, days.
const CERTIFICATE_DAYS: i64 = 30;
/// Less of the disk free is a matter, per cent.
const DISK_PERCENT: u64 = 10;
/// More of the way in used is a matter, per cent.
const WAITING_PERCENT: u64 = 50;

/// What needs somebody; nothing where all is well.
#[must_use]
pub fn matters(health: &Health, mails: &[(MailState, u64)], now: UtcMs) -> Vec<Matter> {
    let mut matters = Vec::new();
    let mut add = |tone, title: String, what_to_do| matters.push(Matter { tone, title, what_to_do });
    if let (Some(free), Some(size)) = (health.disk_free_bytes, health.disk_bytes)
        && free.saturating_mul(100) < size.saturating_mul(DISK_PERCENT)
    {
        let title = format!("{} left on the disk", bytes::words(free));
        add(
            "alarm",
            title,
            "Make room: without it nothing can be acknowledged, and devices keep their readings.",
        );
    }
    if health.started_at.is_some() && !health.following {
        add(
            "warn",
            "The journal of the last run is being replayed".to_owned(),
            "Wait; pages show older values until it is done.",
        );
    }
    if health.waiting_bytes.saturating_mul(100) > health.waiting_limit_bytes.saturating_mul(WAITING_PERCENT) {
        let title = format!("{} wait for the pipeline", bytes::words(health.waiting_bytes));
        add("warn", title, "Look at the disk and the processor: devices are slowed when this is full.");
    }
    for certificate in &health.certificates {
        let left = certificate.ends_at.map(|ends| ends.since(now).div_euclid(DAY_MS));
        match left {
            Some(days) if days < 0 => add(
                "alarm",
                format!("The certificate of the door for {} has ended", certificate.door.to_lowercase()),
                "Put a new one in its place and start the server anew.",
            ),
            Some(days) if days < CERTIFICATE_DAYS => add(
                "warn",
                format!(
                    "The certificate of the door for {} ends in {days} d",
                    certificate.door.to_lowercase()
                ),
                "Put a new one in its place and start the server anew.",
            ),
            _ => {}
        }
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
    use super::*;
    use crate::DoorCertificate;

    fn well() -> Health {
        Health {
            started_at: Some(UtcMs(0)),
            following: true,
            disk_free_bytes: Some(50),
            disk_bytes: Some(100),
            waiting_limit_bytes: 100,
            certificates: vec![DoorCertificate { door: "People", ends_at: Some(UtcMs(60 * DAY_MS)) }],
            ..Health::default()
        }
    }

    fn check(health: &Health, failed: u64, expect: &[&str]) {
        let found = matters(health, &[(MailState::Failed, failed)], UtcMs(0));
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for (matter, part) in found.iter().zip(expect) {
            assert!(matter.title.contains(part), "{matter:?}");
        }
    }

    #[test]
    fn each_bound_is_a_matter_past_it_and_none_before() {
        check(&well(), 0, &[]);
        check(&well(), 2, &["2 mails"]);
        check(&Health { disk_free_bytes: Some(10), ..well() }, 0, &[]);
        check(&Health { disk_free_bytes: Some(9), ..well() }, 0, &["left on the disk"]);
        check(&Health { waiting_bytes: 50, ..well() }, 0, &[]);
        check(&Health { waiting_bytes: 51, ..well() }, 0, &["wait for the pipeline"]);
        check(&Health { following: false, ..well() }, 0, &["replayed"]);
        let ends = |at| vec![DoorCertificate { door: "Devices", ends_at: at }];
        check(&Health { certificates: ends(Some(UtcMs(30 * DAY_MS))), ..well() }, 0, &[]);
        check(&Health { certificates: ends(Some(UtcMs(30 * DAY_MS - 1))), ..well() }, 0, &["ends in 29 d"]);
        check(&Health { certificates: ends(Some(UtcMs(-1))), ..well() }, 0, &["for devices has ended"]);
        check(&Health { certificates: ends(None), ..well() }, 0, &[]);
    }
}

//! From facts to checks: the bounds, and their reasons.

use wire::time::{DAY_MS, HOUR_MS};

use super::{Disk, Door, Facts, Grade, Sending, Watched};
use crate::notice::Channel;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Names it, in metrics too.
    pub name: &'static str,
    /// How it is.
    pub grade: Grade,
    /// What is so, in a sentence without its full stop.
    pub says: String,
    /// What to do about it; empty where all is well.
    pub what_to_do: &'static str,
}

/// A part that must get on, and how long it may take.
struct Pace {
    part: Watched,
    name: &'static str,
    warn_ms: i64,
    bad_ms: i64,
    /// What it has not done since.
    undone: &'static str,
    what_to_do: &'static str,
}

const DISK_OR_LOAD: &str =
    "Look at the disk and the processor; if both are idle, start the service anew and keep its log.";
const ANEW: &str =
    "Start the service anew and keep its log: this part has stopped although the process runs.";

const PACES: [Pace; 9] = [
    // A commit takes milliseconds; devices wait for it with their reports in the spool, and drop the line after 20 s or so.
    Pace {
        part: Watched::Commit,
        name: "journal",
        warn_ms: 5 * SECOND_MS,
        bad_ms: 20 * SECOND_MS,
        undone: "Reports wait for the disk",
        what_to_do: "Look at the disk: nothing can be acknowledged. Gateways keep their readings meanwhile.",
    },
    // Alarms are raised as the pipeline gets on: P14 wants a second.
    Pace {
        part: Watched::Apply,
        name: "pipeline",
        warn_ms: 10 * SECOND_MS,
        bad_ms: MINUTE_MS,
        undone: "Reports wait to be looked at",
        what_to_do: DISK_OR_LOAD,
    },
    // Due each 5 s; without it the journal grows, and a start takes ever longer.
    Pace {
        part: Watched::Snapshot,
        name: "snapshots",
        warn_ms: MINUTE_MS,
        bad_ms: 3 * MINUTE_MS,
        undone: "States were not saved",
        what_to_do: DISK_OR_LOAD,
    },
    // Each 250 ms; a silent inverter must be noticed within 5 s (P15).
    Pace {
        part: Watched::Ticker,
        name: "ticker",
        warn_ms: 15 * SECOND_MS,
        bad_ms: MINUTE_MS,
        undone: "Nobody looked for silent inverters",
        what_to_do: ANEW,
    },
    // Each 300 ms; after 100 failures the server ends by itself.
    Pace {
        part: Watched::Registry,
        name: "registry",
        warn_ms: 15 * SECOND_MS,
        bad_ms: MINUTE_MS,
        undone: "Nobody looked for revoked certificates",
        what_to_do: DISK_OR_LOAD,
    },
    // Each 250 ms.
    Pace {
        part: Watched::Announcer,
        name: "announcer",
        warn_ms: 15 * SECOND_MS,
        bad_ms: MINUTE_MS,
        undone: "Nobody looked for what is due about alarms",
        what_to_do: DISK_OR_LOAD,
    },
    // Each 5 s.
    Pace {
        part: Watched::Notifier,
        name: "notifier",
        warn_ms: 30 * SECOND_MS,
        bad_ms: 2 * MINUTE_MS,
        undone: "Nobody looked through the outbox",
        what_to_do: DISK_OR_LOAD,
    },
    // Each 5 s, but merging the days of a large fleet may take minutes. Unsealed history is safe in the journal, which grows.
    Pace {
        part: Watched::History,
        name: "history",
        warn_ms: 30 * MINUTE_MS,
        bad_ms: 3 * HOUR_MS,
        undone: "History was not sealed, merged or deleted",
        what_to_do: "Look in the log for what history could not do, and at the disk.",
    },
    // Each 10 min; deletion is due at midnight, and readers see nothing older anyway.
    Pace {
        part: Watched::Forgetting,
        name: "forgetting",
        warn_ms: HOUR_MS,
        bad_ms: 6 * HOUR_MS,
        undone: "What is older than 30 days was not deleted",
        what_to_do: "Look in the log for what could not be forgotten.",
    },
];

/// How each thing is, always in the same order.
#[must_use]
pub fn judge(facts: &Facts) -> Vec<Check> {
    let mut checks: Vec<Check> = PACES.iter().filter_map(|pace| pace.judge(facts)).collect();
    checks.push(replay(facts.replaying_ms));
    checks.extend(facts.disk.map(disk));
    checks.push(clock(facts.clock_set_ms));
    checks.push(mail(facts.sends_mail));
    checks.extend(facts.sending.iter().map(sending));
    checks.extend(facts.doors.iter().filter_map(door));
    checks.push(watchdog(facts.watchdog_failing_ms));
    checks.push(retention(facts.clock_ahead_ms));
    checks.push(day_keys(facts.days_without_key));
    checks
}

impl Pace {
    fn judge(&self, facts: &Facts) -> Option<Check> {
        let (_, age_ms) = facts.ages.iter().find(|(part, _)| *part == self.part)?;
        let grade = Grade::past(*age_ms, self.warn_ms, self.bad_ms);
        let says = format!("{} for {}", self.undone, length(*age_ms));
        Some(check(self.name, grade, says, self.what_to_do))
    }
}

/// Pages show old values meanwhile, and no alarm is raised: longer than a start may take (P16: 2 s) is worth a word.
fn replay(replaying_ms: Option<i64>) -> Check {
    let age_ms = replaying_ms.unwrap_or(0);
    let grade = Grade::past(age_ms, 10 * SECOND_MS, 10 * MINUTE_MS);
    let says = format!("The journal of the last run has been replayed for {}", length(age_ms));
    check("replay", grade, says, "Wait; pages show older values and no alarm is raised until it is done.")
}

/// Ten thousand devices fill a gigabyte in some hours, and the nightly merge needs the room of a day's file twice. A share of
/// a large disk would warn for ever, so that shares count up to 20 and 5 GiB only.
fn disk(disk: Disk) -> Check {
    let below = |percent: u64, floor: u64, most: u64| {
        let share = disk.free.saturating_mul(100) < disk.size.saturating_mul(percent);
        disk.free < floor || (share && disk.free < most)
    };
    let grade = match (below(3, 256 * MIB, 5 * GIB), below(10, GIB, 20 * GIB)) {
        (true, _) => Grade::Bad,
        (false, true) => Grade::Warn,
        (false, false) => Grade::Well,
    };
    let says = format!("{} MiB are left on the disk of `data_dir`", disk.free / MIB);
    let what = "Make room: without it nothing can be acknowledged, and gateways keep their readings.";
    check("disk", grade, says, what)
}

/// Readings are dated and alarms are timed by it. A step of some minutes moves deadlines; one of hours makes a wrong history.
fn clock(set_ms: i64) -> Check {
    let grade = Grade::past(set_ms.saturating_abs(), 5 * SECOND_MS, HOUR_MS);
    let way = if set_ms < 0 { "back" } else { "ahead" };
    let says = format!("The machine's clock was set {way} by {}", length(set_ms.saturating_abs()));
    check("clock", grade, says, "See that the machine keeps time by NTP (for example: timedatectl status).")
}

fn mail(sends: bool) -> Check {
    let grade = if sends { Grade::Well } else { Grade::Bad };
    let says = "No mail server is named, so that nobody is mailed of anything".to_owned();
    check("mail_server", grade, says, "Write `smtp` and `from` under [mail] in the configuration.")
}

/// How messages of a channel go. Push services and webhooks are other people's: one that fails is its owner's matter, which
/// the notifier deals with, and `failures` does not count it.
fn sending(sending: &Sending) -> Check {
    let (name, noun) = named(sending.channel);
    let untried_ms = sending.untried_ms.unwrap_or(0);
    let untried = Grade::past(untried_ms, MINUTE_MS, 5 * MINUTE_MS);
    // One mail in a low hour may be put off by grey-listing: three in a row that lasted are none of that.
    let failing_ms = sending.failing_ms.filter(|_| sending.failures >= 3).unwrap_or(0);
    let failing = Grade::past(failing_ms, 2 * MINUTE_MS, 10 * MINUTE_MS);
    let in_hand_ms = sending.in_hand_ms.unwrap_or(0);
    // The slowest dialogue with a mail server is given up after five and a half minutes.
    let stuck = Grade::past(in_hand_ms, 3 * MINUTE_MS, 6 * MINUTE_MS);
    let grade = untried.max(failing).max(stuck);
    let says = if failing == grade && failing > Grade::Well {
        format!("The last {} tries to send {noun} failed, for {}", sending.failures, length(failing_ms))
    } else if stuck == grade && stuck > Grade::Well {
        format!("{} were in hand for {} and none got on", capital(noun), length(in_hand_ms))
    } else {
        format!("{} wait, the oldest due for {}", capital(noun), length(untried_ms))
    };
    check(
        name,
        grade,
        says,
        "Look at the last answers under Operator, Deliveries, and at what is configured for it.",
    )
}

fn named(channel: Channel) -> (&'static str, &'static str) {
    match channel {
        Channel::Email => ("mails", "mails"),
        Channel::Text => ("texts", "text messages"),
        Channel::Push => ("pushes", "push messages"),
        Channel::Webhook => ("webhooks", "webhook calls"),
    }
}

/// Past its end nobody gets in; a month is what it takes to notice a renewal that has stopped.
fn door(door: &Door) -> Option<Check> {
    let left_ms = door.left_ms?;
    let whom = door.name.to_lowercase();
    let (grade, says) = if left_ms < 0 {
        (Grade::Bad, format!("The certificate of the door for {whom} has ended"))
    } else if left_ms < 30 * DAY_MS {
        let days = left_ms / DAY_MS;
        (Grade::Warn, format!("The certificate of the door for {whom} ends in {days} d"))
    } else {
        (Grade::Well, String::new())
    };
    let name = if whom == "people" { "certificate_people" } else { "certificate_devices" };
    Some(check(name, grade, says, "Put a new one in its place and start the server anew."))
}

/// Never worse: that it gets no word is what makes it call.
fn watchdog(failing_ms: Option<i64>) -> Check {
    let grade = if failing_ms.is_some() { Grade::Warn } else { Grade::Well };
    let says = format!("The outside watchdog was not reached for {}", length(failing_ms.unwrap_or(0)));
    check("watchdog", grade, says, "Look at `url` under [watchdog], and whether this machine reaches it.")
}

/// What is promised is not kept meanwhile; destroying a month because a clock was wrong would be worse.
fn retention(ahead_ms: Option<i64>) -> Check {
    let grade = if ahead_ms.is_some() { Grade::Bad } else { Grade::Well };
    let ahead = length(ahead_ms.unwrap_or(0));
    let says = format!("Nothing older than 30 days is deleted, as the machine's clock is ahead by {ahead}");
    let what = "If the clock is right, as after a long outage: inverter-connect admin clock confirm. If not, set it.";
    check("retention", grade, says, what)
}

fn day_keys(days: u64) -> Check {
    let grade = if days > 0 { Grade::Bad } else { Grade::Well };
    let says = format!("Readings of {days} days cannot be opened, as their keys are missing");
    check("day_keys", grade, says, "The log names the files. Append their copies (docs/operating.md).")
}

/// Where all is well nothing is said.
fn check(name: &'static str, grade: Grade, says: String, what_to_do: &'static str) -> Check {
    if grade == Grade::Well {
        return Check { name, grade, says: String::new(), what_to_do: "" };
    }
    Check { name, grade, says, what_to_do }
}

fn capital(noun: &str) -> String {
    let mut letters = noun.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `45 s`, `3 min`, `5 h`.
fn length(ms: i64) -> String {
    match ms {
        ..120_000 => format!("{} s", ms / SECOND_MS),
        120_000..7_200_000 => format!("{} min", ms / MINUTE_MS),
        _ => format!("{} h", ms / HOUR_MS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grade(facts: &Facts, name: &str) -> Grade {
        let checks = judge(facts);
        checks.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("{name}: {checks:?}")).grade
    }

    fn well() -> Facts {
        Facts { sends_mail: true, ..Facts::default() }
    }

    #[test]
    fn each_pace_turns_at_its_bounds_and_says_what_to_do() {
        for pace in &PACES {
            assert!(pace.warn_ms < pace.bad_ms, "{}", pace.name);
            let at = |ms| Facts { ages: vec![(pace.part, ms)], ..well() };
            let check = |ms, expect| assert_eq!(grade(&at(ms), pace.name), expect, "{} {ms}", pace.name);
            check(0, Grade::Well);
            check(pace.warn_ms - 1, Grade::Well);
            check(pace.warn_ms, Grade::Warn);
            check(pace.bad_ms - 1, Grade::Warn);
            check(pace.bad_ms, Grade::Bad);
        }
        let names: std::collections::BTreeSet<_> = PACES.iter().map(|pace| pace.name).collect();
        assert_eq!(names.len(), PACES.len());
        for check in judge(&Facts { ages: vec![(Watched::Commit, 30_000)], ..Facts::default() }) {
            assert_eq!(check.grade == Grade::Well, check.says.is_empty(), "{check:?}");
            assert_eq!(check.grade == Grade::Well, check.what_to_do.is_empty(), "{check:?}");
        }
    }

    #[test]
    fn a_small_disk_warns_by_its_room_and_a_large_one_by_its_share_up_to_a_bound() {
        let check = |free: u64, size: u64, expect| {
            let facts = Facts { disk: Some(Disk { free, size }), ..well() };
            assert_eq!(grade(&facts, "disk"), expect, "{free} of {size}");
        };
        check(5 * GIB, 8 * GIB, Grade::Well);
        check(GIB, 8 * GIB, Grade::Well);
        check(GIB - 1, 8 * GIB, Grade::Warn);
        check(256 * MIB, 2 * GIB, Grade::Warn);
        check(256 * MIB - 1, 2 * GIB, Grade::Bad);
        check(10 * GIB, 100 * GIB, Grade::Well);
        check(10 * GIB - 1, 100 * GIB, Grade::Warn);
        check(3 * GIB - 1, 100 * GIB, Grade::Bad);
        check(20 * GIB, 4_000 * GIB, Grade::Well);
        check(20 * GIB - 1, 4_000 * GIB, Grade::Warn);
        check(5 * GIB, 4_000 * GIB, Grade::Warn);
        check(5 * GIB - 1, 4_000 * GIB, Grade::Bad);
    }

    #[test]
    fn a_channel_is_judged_by_what_nobody_tried_what_failed_in_a_row_and_what_hangs() {
        let quiet = Sending {
            channel: Channel::Email,
            waiting: 3,
            untried_ms: None,
            failures: 0,
            failing_ms: None,
            in_hand_ms: None,
        };
        let check = |sending: Sending, expect: Grade, says: &str| {
            let checks = judge(&Facts { sending: vec![sending], ..well() });
            let found = checks.iter().find(|check| check.name == "mails").unwrap();
            assert_eq!(found.grade, expect, "{found:?}");
            assert!(found.says.contains(says), "{found:?}");
        };
        check(quiet, Grade::Well, "");
        check(Sending { untried_ms: Some(59_999), ..quiet }, Grade::Well, "");
        check(Sending { untried_ms: Some(60_000), ..quiet }, Grade::Warn, "oldest due for 60 s");
        check(Sending { untried_ms: Some(300_000), ..quiet }, Grade::Bad, "Mails wait");
        let failing = Sending { failures: 3, failing_ms: Some(120_000), ..quiet };
        check(failing, Grade::Warn, "last 3 tries to send mails failed, for 2 min");
        check(Sending { failures: 2, failing_ms: Some(HOUR_MS), ..quiet }, Grade::Well, "");
        check(Sending { failing_ms: Some(600_000), ..failing }, Grade::Bad, "10 min");
        check(Sending { in_hand_ms: Some(180_000), ..quiet }, Grade::Warn, "none got on");
        check(Sending { in_hand_ms: Some(360_000), ..failing }, Grade::Bad, "in hand for 6 min");
    }

    #[test]
    fn the_other_checks_turn_at_their_bounds() {
        let check = |facts: Facts, name: &str, expect| assert_eq!(grade(&facts, name), expect, "{facts:?}");
        check(Facts::default(), "mail_server", Grade::Bad);
        check(well(), "mail_server", Grade::Well);
        for (ms, expect) in [(4_999, Grade::Well), (5_000, Grade::Warn), (-5_000, Grade::Warn)] {
            check(Facts { clock_set_ms: ms, ..well() }, "clock", expect);
        }
        check(Facts { clock_set_ms: -HOUR_MS, ..well() }, "clock", Grade::Bad);
        for (ms, expect) in [(9_999, Grade::Well), (10_000, Grade::Warn), (600_000, Grade::Bad)] {
            check(Facts { replaying_ms: Some(ms), ..well() }, "replay", expect);
        }
        check(Facts { watchdog_failing_ms: Some(0), ..well() }, "watchdog", Grade::Warn);
        check(Facts { watchdog_failing_ms: Some(DAY_MS), ..well() }, "watchdog", Grade::Warn);
        check(Facts { clock_ahead_ms: Some(26 * HOUR_MS), ..well() }, "retention", Grade::Bad);
        check(Facts { days_without_key: 1, ..well() }, "day_keys", Grade::Bad);
        check(well(), "retention", Grade::Well);
        check(well(), "day_keys", Grade::Well);
        for (left, expect) in [(30 * DAY_MS, Grade::Well), (30 * DAY_MS - 1, Grade::Warn), (-1, Grade::Bad)] {
            let doors = vec![Door { name: "Devices", left_ms: Some(left) }];
            check(Facts { doors, ..well() }, "certificate_devices", expect);
        }
    }
}

//! What the letters of the calendar say: of what is well, of what is not, and of what nobody knows.

use fleet::alarm::{AlarmName, Key};
use fleet::condition::Severity;
use fleet::event::Cause;
use fleet::notice::Fate;
use fleet::{AccountKey, Condition, Grant, InverterKey, Role};
use store::state::{Email, Inverter, Site, SiteKey};
use wire::time::DAY_MS;
use wire::{BootId, Condition as Own, Conditions, Flag, Quality, Quantity, Reading, Report, Serial};

use super::*;
use crate::mail::tests::shown;

const ORIGIN: &str = "https://inverterconnect.example";
const ANN: AccountKey = AccountKey(1);

fn at(text: &str) -> UtcMs {
    UtcMs::parse_rfc3339(text).unwrap()
}

/// Monday, November 23, 2026, 7:00 AM in New York.
fn monday() -> UtcMs {
    at("2026-11-23T12:00:00Z")
}

fn local() -> Local {
    Local::new("America/New_York", monday())
}

fn watched(key: u32, name: &str, state: Option<Arc<InverterState>>) -> Watched {
    let inverter = Inverter {
        key: InverterKey(key),
        public_id: format!("public{key}"),
        serial: Serial::parse(&format!("2209-{key:05}")).unwrap(),
        name: name.to_owned(),
        model: String::new(),
        place: String::new(),
        site: Some(SiteKey(1)),
        required_minutes: None,
        registered_at: UtcMs(0),
    };
    let site = Site {
        key: SiteKey(1),
        public_id: "pier".to_owned(),
        owner: None,
        name: "Pier 4".to_owned(),
        address: String::new(),
        time_zone: "America/New_York".to_owned(),
    };
    let grant = Grant { holder: ANN.into(), inverter: InverterKey(key), role: Role::ReadOnly, ends: None };
    let row = VisibleInverter {
        inverter,
        role: Role::ReadOnly,
        held: vec![grant.into()],
        managed: Vec::new(),
        site: Some(site),
    };
    Watched { row, state }
}

/// An inverter that told this at `time`.
fn state(time: UtcMs, holds_s: Option<i64>, own: Option<Own>) -> Option<Arc<InverterState>> {
    let mut reading =
        Reading { sequence: Some(1), time: Some(time), quality: Quality::Synchronised, ..Reading::default() };
    if let Some(holds_s) = holds_s {
        reading.sample.quantities.set(Quantity::BATTERY_RUNTIME, holds_s);
    }
    reading.sample.conditions = Conditions::all_clear();
    if let Some(own) = own {
        reading.sample.conditions.set(own, true);
    }
    let outage = own == Some(Own::UTILITY_LOST);
    reading.sample.flags.set(Flag::LinePresent, !outage);
    reading.sample.flags.set(Flag::BatteryPower, outage);
    let report = Report { boot: Some(BootId([1; 16])), readings: vec![reading], ..Report::default() };
    let mut state = InverterState::default();
    fleet::apply(&mut state, report, time);
    Some(Arc::new(state))
}

fn well(key: u32, name: &str) -> Watched {
    watched(key, name, state(monday().plus_ms(-5_000), Some(96 * 60), None))
}

fn alarm(inverter: u32, condition: Condition, since: UtcMs, ended: Option<UtcMs>) -> Alarm {
    let key = Key::of(condition);
    let name = AlarmName { key: key.clone(), cause: Cause::default(), since };
    Alarm {
        inverter: InverterKey(inverter),
        name: name.to_string(),
        code: "7KQ2M9XA".to_owned(),
        key,
        severity: condition.definition().severity,
        since,
        raised_at: since,
        cleared: ended.map(|ended| (ended, ended)),
        unstable: false,
        quiet: false,
        acknowledged_at: None,
        acknowledged_by: None,
        note: String::new(),
        shelved_until: None,
        incident: None,
    }
}

fn account(key: AccountKey, name: &str) -> Account {
    Account {
        key,
        email: Email::parse("dana@x.test").unwrap(),
        name: name.to_owned(),
        password_hash: String::new(),
        operator: false,
        disabled: false,
        created_at: UtcMs(0),
        password_stands_alone: true,
    }
}

/// What is kept beside the inverters.
#[derive(Default)]
struct Kept {
    alarms: Vec<Alarm>,
    accounts: Vec<Account>,
    reached: Vec<Reached>,
    absences: Vec<(UtcMs, UtcMs)>,
    only_mail: bool,
    preferences: Preferences,
}

fn letter(inverters: &[Watched], kept: &Kept) -> Letter {
    let local = local();
    let ways: &[Channel] = if kept.only_mail { &[Channel::Email] } else { &[Channel::Email, Channel::Text] };
    let week = Week {
        origin: ORIGIN,
        since: monday().plus_ms(-7 * DAY_MS),
        local: &local,
        inverters,
        alarms: &kept.alarms,
        more_alarms: false,
        accounts: &kept.accounts,
        reached: &kept.reached,
        absences: &kept.absences,
        verified: Channels::of(ways),
        preferences: &kept.preferences,
    };
    weekly(&week).unwrap()
}

/// Its words in one line, so that a break of a line breaks no test.
fn words(letter: &Letter) -> String {
    let text = letter.text.replace('\u{a0}', " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_week_with_something_of_everything_reads_as_it_should() {
    let outage = state(monday().plus_ms(-60_000), Some(80 * 60), Some(Own::UTILITY_LOST));
    let fault = state(monday().plus_ms(-10_000), Some(61 * 60), Some(Own::CHARGER_FAULT));
    let mute = state(monday().plus_ms(-10_000), None, None);
    let inverters = [
        well(1, "Atrium"),
        watched(2, "East Tower", outage),
        watched(3, "Hall B", fault),
        watched(4, "Loading Dock", state(at("2026-11-22T02:41:00Z"), Some(96 * 60), None)),
        watched(5, "New one", None),
        watched(6, "Old one", mute),
    ];
    let mut charger = alarm(3, Condition::CHARGER_FAULT, at("2026-11-17T07:31:00Z"), None);
    charger.acknowledged_at = Some(at("2026-11-17T07:35:00Z"));
    charger.acknowledged_by = Some(AccountKey(7));
    let mut heat =
        alarm(1, Condition::AMBIENT_HIGH, at("2026-11-16T15:00:00Z"), Some(at("2026-11-16T15:40:00Z")));
    heat.quiet = true;
    let alarms = vec![
        alarm(4, Condition::GATEWAY_OFFLINE, at("2026-11-22T02:41:00Z"), None),
        alarm(4, Condition::SERIAL_SILENT, at("2026-11-22T02:40:00Z"), Some(at("2026-11-22T03:00:00Z"))),
        charger,
        alarm(1, Condition::LINK_UNSTABLE, at("2026-11-18T10:00:00Z"), Some(at("2026-11-18T11:00:00Z"))),
        heat,
    ];
    let reached = vec![
        Reached { channel: Channel::Email, fate: Fate::Accepted, count: 12 },
        Reached { channel: Channel::Email, fate: Fate::Failed, count: 1 },
        Reached { channel: Channel::Text, fate: Fate::Accepted, count: 3 },
    ];
    let accounts = vec![account(AccountKey(7), "Dana Okafor")];
    let absences = vec![(UtcMs(1_795_000_000_000), UtcMs(1_795_000_720_000))];
    let kept = Kept { alarms, reached, accounts, absences, only_mail: true, ..Kept::default() };
    let letter = letter(&inverters, &kept);
    assert_eq!(
        letter.subject,
        "4 of 6 inverters watched, 2 need attention, 2 not reporting, 1 not known to be ready"
    );
    let words = words(&letter);
    for said in [
        "East Tower: On battery since 6:59 AM",
        "Hall B: Alarm: charger fault since",
        "Loading Dock: Not reporting since Nov 21, 9:41 PM: what it does now is not known.",
        // From 9:40 PM on Saturday to 7:00 AM on Monday, the line before the gateway.
        "Silent 1 time in the week, 1 d in all.",
        "New one: No reading yet: nothing is known of it.",
        "Old one: Normal. How long it would hold is not known.",
        "acknowledged by Dana Okafor",
        "nobody was told: shelf or maintenance",
        "1 more alarm for information.",
        "By e-mail: 12 accepted, 1 failed",
        "This service itself was away: Nov 18, 6:06 AM for 12 min.",
        "No second way to you",
        "If you have no such letter by the evening of Nov 30, treat it as an alarm",
    ] {
        assert!(words.contains(said), "{said}\n{words}");
    }
    insta::assert_snapshot!(letter.kind, shown(&letter));
}

#[test]
fn the_subject_tells_all_and_what_is_not_known_is_never_well() {
    let late = state(monday().plus_ms(-16 * 60_000), Some(96 * 60), None);
    let mute = state(monday().plus_ms(-5_000), None, None);
    let short = state(monday().plus_ms(-5_000), Some(50 * 60), None);
    let warm = state(monday().plus_ms(-5_000), Some(96 * 60), Some(Own::AMBIENT_HIGH));
    let check = |inverters: &[Watched], subject: &str, tag: &str| {
        let letter = letter(inverters, &Kept::default());
        assert_eq!(letter.subject, subject);
        assert!(letter.text.starts_with(&format!("{tag}\n")), "{}", letter.text);
        letter
    };
    check(&[well(1, "Hall B")], "Hall B is watched, ready", "ALL WATCHED");
    let both = check(&[well(1, "A"), well(2, "B")], "All 2 inverters watched, all ready", "ALL WATCHED");
    assert!(!both.text.contains("For you to do"), "{}", both.text);
    let one = watched(1, "Hall B", late.clone());
    let silent = check(std::slice::from_ref(&one), "Hall B is not watched, not reporting", "NOT ALL WATCHED");
    assert!(!words(&silent).contains("Normal"), "{}", silent.text);
    check(&[well(2, "A"), one], "1 of 2 inverters watched, 1 not reporting", "NOT ALL WATCHED");
    check(
        &[well(1, "A"), watched(2, "B", None)],
        "1 of 2 inverters watched, 1 not reporting",
        "NOT ALL WATCHED",
    );
    check(
        &[well(1, "A"), watched(2, "B", mute)],
        "All 2 inverters watched, 1 not known to be ready",
        "WATCHED, NOT ALL READY",
    );
    check(
        &[well(1, "A"), watched(2, "B", short), watched(3, "C", warm)],
        "All 3 inverters watched, 2 need attention",
        "NEEDS ATTENTION",
    );
}

#[test]
fn many_are_listed_up_to_fifty_and_the_rest_are_those_with_the_least_to_say() {
    let mut inverters: Vec<_> = (1..=70).map(|key| well(key, &format!("Hall {key:02}"))).collect();
    inverters.push(watched(71, "Zebra Wing", state(monday(), Some(60), Some(Own::CHARGER_FAULT))));
    let letter = letter(&inverters, &Kept::default());
    assert_eq!(letter.subject, "All 71 inverters watched, 1 needs attention");
    assert_eq!(letter.text.matches("- Hall ").count(), MOST_INVERTERS - 1);
    assert!(letter.text.contains("- Zebra Wing: Alarm"), "{}", letter.text);
    assert!(letter.text.contains("- and 21 more: all ready"), "{}", letter.text);
}

#[test]
fn what_keeps_alarms_from_the_reader_is_said() {
    let none = Preferences { critical: Channels::NONE, ..Preferences::default() };
    let deaf = letter(&[well(1, "A")], &Kept { preferences: none, ..Kept::default() });
    assert!(words(&deaf).contains("you hear of none of them"), "{}", deaf.text);
    let fault = Own::CHARGER_FAULT;
    let open = watched(1, "A", state(monday().plus_ms(-60_000), Some(96 * 60), Some(fault)));
    let untaken = letter(&[open], &Kept::default());
    assert!(words(&untaken).contains("Nobody has acknowledged 1 open alarm."), "{}", untaken.text);
}

#[test]
fn no_name_breaks_a_line_or_becomes_a_tag() {
    let named = well(1, "Hall\r\nBcc: x@evil.example <b>");
    let letter = letter(&[named], &Kept::default());
    assert!(!letter.subject.contains('\n'), "{}", letter.subject);
    assert!(!letter.html.contains("<b>") && !letter.text.lines().any(|line| line.starts_with("Bcc")));
}

fn day(alarms: &[&Alarm], late: &[LateNews]) -> Option<Letter> {
    let (local, inverters) = (local(), [well(1, "Atrium"), well(2, "Hall B")]);
    let since = monday().plus_ms(-DAY_MS);
    daily(&Day { origin: ORIGIN, since, local: &local, inverters: &inverters, alarms, late }).unwrap()
}

#[test]
fn a_day_with_news_is_one_letter_and_late_readings_are_one_line_of_it() {
    let unstable =
        alarm(1, Condition::LINK_UNSTABLE, at("2026-11-22T15:00:00Z"), Some(at("2026-11-22T16:00:00Z")));
    let due =
        Alarm { severity: Severity::Info, ..alarm(2, Condition::TEST_DUE, at("2026-11-22T20:00:00Z"), None) };
    let late = [
        (InverterKey(2), Condition::CHARGER_FAULT),
        (InverterKey(2), Condition::UTILITY_LOST),
        (InverterKey(1), Condition::CHARGER_FAULT),
    ];
    let letter = day(&[&due, &unstable], &late).unwrap();
    assert_eq!(letter.subject, "For information: 2 alarms");
    let words = words(&letter);
    assert!(words.contains("had been at Atrium, Hall B: charger fault; utility power lost."), "{words}");
    assert_eq!(words.matches("came late").count(), 1, "{words}");
    insta::assert_snapshot!(letter.kind, shown(&letter));
    assert_eq!(day(&[], &late[..1]).unwrap().subject, "For information: what late readings told");
}

#[test]
fn nothing_of_what_the_reader_may_not_see_makes_no_letter() {
    let foreign = alarm(9, Condition::LINK_UNSTABLE, at("2026-11-22T15:00:00Z"), None);
    assert_eq!(day(&[&foreign], &[(InverterKey(9), Condition::CHARGER_FAULT)]), None);
    assert_eq!(day(&[], &[]), None);
}

#[test]
fn the_record_of_a_month_is_a_copy_that_can_be_kept() {
    let (mut report, local) = (crate::report::samples::plain(), local());
    let of = |report: &crate::report::Report, between| {
        let query = "from=2026-10-01&to=2026-10-31";
        monthly(&Month { origin: ORIGIN, local: &local, report, between, more: 3, query }).unwrap()
    };
    let letter = of(&report, false).unwrap();
    for test in &report.inverters[0].tests {
        let line = format!("{}: {} test of {}", test.started_words, test.kind, test.length_words);
        let text = letter.text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&line), "{line}: {text}");
    }
    insta::assert_snapshot!("monthly", shown(&letter));
    // Between two months: only what would be gone, and nothing where nothing would.
    assert_eq!(of(&report, true).unwrap().subject, "Test record: 14 tests, 1 failed");
    report.keep_what_goes_before(UtcMs(0));
    assert!(of(&report, true).is_none());
    assert!(of(&report, false).is_some(), "that nothing was tested is told, too");
    report.inverters.clear();
    assert!(of(&report, false).is_none());
}

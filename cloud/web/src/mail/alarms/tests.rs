//! What the letters say, in both faces, at day and in the nights in which the clock is changed.

use fleet::alarm::{AlarmName, Key};
use fleet::event::Cause;
use fleet::notice::{Incident, Over};
use fleet::{AccountKey, InverterKey};
use store::state::SiteKey;
use wire::{BootId, Condition as Own, Conditions, Flag, Quality, Reading, Report, Serial};

use super::*;
use crate::mail::tests::shown;
use fleet::Condition;

const ORIGIN: &str = "https://inverterconnect.example";

fn at(text: &str) -> UtcMs {
    UtcMs::parse_rfc3339(text).unwrap()
}

fn inverter(key: u32, name: &str) -> Inverter {
    Inverter {
        key: InverterKey(key),
        public_id: format!("public{key}"),
        serial: Serial::parse("2209-00172").unwrap(),
        name: name.to_owned(),
        model: "Series E, 16.7 kW".to_owned(),
        place: String::new(),
        site: Some(SiteKey(1)),
        required_minutes: None,
        registered_at: UtcMs(0),
    }
}

fn site(name: &str) -> Site {
    Site {
        key: SiteKey(1),
        public_id: "site".to_owned(),
        owner: None,
        name: name.to_owned(),
        address: String::new(),
        time_zone: "America/New_York".to_owned(),
    }
}

/// An inverter that told this at `time`.
fn state(time: UtcMs, holds_s: i64, own: Option<Own>) -> Arc<InverterState> {
    let mut reading =
        Reading { sequence: Some(1), time: Some(time), quality: Quality::Synchronised, ..Reading::default() };
    for (quantity, value) in [
        (Quantity::BATTERY_VOLTAGE, 12_610),
        (Quantity::BATTERY_CURRENT, 0),
        (Quantity::REALPOWER, 8_016),
        (Quantity::LOAD, 48),
        (Quantity::BATTERY_RUNTIME, holds_s),
    ] {
        reading.sample.quantities.set(quantity, value);
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
    Arc::new(state)
}

fn member(inverter: u32, condition: Condition, since: UtcMs) -> Member {
    let alarm = AlarmName { key: Key::of(condition), cause: Cause::default(), since };
    Incident::member(InverterKey(inverter), alarm, condition.definition().severity, since)
}

/// A charger fault in Hall B, told of by `kind` at `now`.
fn hall(kind: MessageKind, now: UtcMs, site: &Site, check: impl FnOnce(&Notice<'_>)) {
    let (member, inverter) =
        (member(1, Condition::CHARGER_FAULT, at("2026-11-17T07:31:00Z")), inverter(1, "Hall B"));
    let one = One {
        member: &member,
        code: "7KQ2M9XA",
        ended: None,
        inverter: &inverter,
        site: Some(site),
        state: Some(state(now, 61 * 60, Some(Own::CHARGER_FAULT))),
    };
    check(&Notice::new(ORIGIN, kind, now, vec![one]).unwrap());
}

#[test]
fn a_fault_reads_as_it_should_when_it_begins_and_when_nobody_answers() {
    let pier = site("Pier 4 Convention Hall");
    hall(MessageKind::First, at("2026-11-17T07:31:05Z"), &pier, |notice| {
        let letter = letter(notice).unwrap();
        assert_eq!(letter.subject, "ALARM: Hall B, charger fault (Pier 4 Convention Hall)");
        assert!(letter.text.contains("61 of the required 90"), "{}", letter.text);
        insta::assert_snapshot!(letter.kind, shown(&letter));
        assert_eq!(
            text(notice),
            "ALARM Hall B (Pier 4 Convention Hall): charger fault since 2:31 AM. Battery would hold 61 of 90 min. \
             Open: https://inverterconnect.example/a/7KQ2M9XA"
        );
        insta::assert_snapshot!("payload", payload(notice));
    });
    hall(MessageKind::Reminder, at("2026-11-17T11:31:05Z"), &pier, |notice| {
        let letter = letter(notice).unwrap();
        insta::assert_snapshot!(letter.kind, shown(&letter));
    });
    let since = at("2026-11-17T07:31:05Z");
    hall(MessageKind::Escalation { since }, at("2026-11-17T07:46:05Z"), &pier, |notice| {
        let letter = letter(notice).unwrap();
        insta::assert_snapshot!(letter.kind, shown(&letter));
        assert_eq!(
            text(notice),
            "ALARM Hall B (Pier 4 Conv.): charger fault since 2:31 AM, nobody has taken it. Battery would hold 61 of \
             90 min. Open: https://inverterconnect.example/a/7KQ2M9XA"
        );
        assert!(payload(notice).contains("nobody has taken it"));
    });
    hall(MessageKind::Taken { by: AccountKey(4) }, at("2026-11-17T07:50:00Z"), &pier, |notice| {
        let notice = notice.clone().taken_by("Dana Okafor", "On my way");
        let letter = letter(&notice).unwrap();
        insta::assert_snapshot!(letter.kind, shown(&letter));
        assert_eq!(
            text(&notice),
            "TAKEN Hall B (Pier 4 Convention Hall): Dana Okafor has taken it, charger fault. \"On my way\". \
             Open: https://inverterconnect.example/a/7KQ2M9XA"
        );
        assert!(
            payload(&notice).contains("Dana Okafor has acknowledged it and wrote"),
            "{}",
            payload(&notice)
        );
    });
}

#[test]
fn an_outage_reads_as_it_should_in_both_nights_in_which_the_clock_is_changed() {
    let tower = site("St. Brendan");
    let inverter = inverter(2, "East Tower Level 2");
    // 1:30 AM comes twice on November 1, 2026; 2:30 AM never on March 14, 2027.
    for (name, began, ended, expect) in [
        ("autumn", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "over 1:30 AM EST, Sun, Nov 1 after 1 h"),
        (
            "spring",
            "2027-03-14T06:59:00Z",
            "2027-03-14T07:01:00Z",
            "over 3:01 AM EDT, Sun, Mar 14 after 2 min",
        ),
    ] {
        let (began, ended) = (at(began), at(ended));
        let outage = member(2, Condition::UTILITY_LOST, began);
        let one = |state| One {
            member: &outage,
            code: "3PT5HJ6C",
            ended: None,
            inverter: &inverter,
            site: Some(&tower),
            state: Some(state),
        };
        let first = one(state(began, 96 * 60, Some(Own::UTILITY_LOST)));
        let first = Notice::new(ORIGIN, MessageKind::First, began, vec![first]).unwrap();
        let first = letter(&first).unwrap();
        let over = One { ended: Some(ended), ..one(state(ended, 64 * 60, None)) };
        let kind = MessageKind::Over(Over { began_at: began, ended_at: ended });
        let over = Notice::new(ORIGIN, kind, ended, vec![over]).unwrap();
        let told = letter(&over).unwrap();
        assert!(told.text.replace('\u{a0}', " ").contains(expect), "{}", told.text);
        insta::assert_snapshot!(format!("outage_in_{name}"), format!("{}\n{}", first.text, shown(&told)));
        assert_eq!(told.kind, "alarm_over");
        assert!(
            text(&over).starts_with("OK East Tower Level 2 (St. Brendan): utility power is back "),
            "{}",
            text(&over)
        );
    }
}

#[test]
fn many_inverters_are_one_letter_that_lists_some_and_counts_the_rest() {
    let now = at("2026-11-17T07:31:05Z");
    let pier = site("Pier 4");
    let members: Vec<_> = (1..=30).map(|key| member(key, Condition::UTILITY_LOST, now)).collect();
    let inverters: Vec<_> = (1..=30).map(|key| inverter(key, &format!("Hall {key}"))).collect();
    let all = members.iter().zip(&inverters).map(|(member, inverter)| One {
        member,
        code: "CODE2345",
        ended: None,
        inverter,
        site: Some(&pier),
        state: None,
    });
    let notice = Notice::new(ORIGIN, MessageKind::FollowUp, now, all.collect()).unwrap();
    let letter = letter(&notice).unwrap();
    assert_eq!(
        letter.subject.replace('\u{a0}', " "),
        "ON BATTERY: 30 inverters, utility power lost (Pier 4)"
    );
    assert_eq!(letter.text.matches("Hall ").count(), MOST_LISTED);
    assert!(letter.text.contains("and 10 more"), "{}", letter.text);
    assert!(!letter.html.contains("/a/"), "several are shown by the inbox");
    insta::assert_snapshot!(letter.kind, shown(&letter));
    let text = text(&notice);
    assert_eq!(
        text,
        "ON BATTERY 30 inverters (Pier 4): utility power lost since 2:31 AM. Open: https://inverterconnect.example/alarms"
    );
    assert!(payload(&notice).len() < 4_000);
}

#[test]
fn what_is_worse_comes_first_and_what_comes_and_goes_says_so() {
    let now = at("2026-11-17T07:31:05Z");
    let inverter = inverter(1, "");
    let heat = member(1, Condition::AMBIENT_HIGH, now);
    let mut low = member(1, Condition::BATTERY_LOW, now);
    low.unstable = true;
    let code = AlarmName { key: Key::code("AR=<b>"), cause: Cause::default(), since: now };
    let odd = Incident::member(InverterKey(1), code, fleet::condition::Severity::Info, now);
    let one = |member| One { member, code: "C", ended: None, inverter: &inverter, site: None, state: None };
    let all = vec![one(&heat), one(&low), one(&odd)];
    let notice = Notice::new(ORIGIN, MessageKind::Worse, now, all).unwrap();
    let letter = letter(&notice).unwrap();
    assert!(letter.subject.starts_with("ALARM: 2209-00172, battery nearly empty"), "{}", letter.subject);
    assert!(letter.subject.ends_with("comes and goes and 2 more"), "{}", letter.subject);
    assert!(!letter.html.contains("<b>\""), "{}", letter.html);
    assert!(letter.text.contains("UTC") && letter.text.contains("AR=<b>"), "{}", letter.text);
    insta::assert_snapshot!(letter.kind, shown(&letter));
}

#[test]
fn every_condition_has_a_beginning_and_an_end_that_fit_a_text_message() {
    let now = at("2026-11-17T07:31:05Z");
    let long = "Saint-Élisabeth-de-Warwick Krankenhaus Nordflügel Untergeschoß 3";
    for name in ["Hall B", long, "ホール三階非常灯"] {
        for place in ["", "Pier 4", long] {
            let (inverter, site) = (inverter(1, name), site(place));
            for condition in Condition::all() {
                for (kind, ended) in [
                    (MessageKind::First, None),
                    (MessageKind::Reminder, None),
                    (MessageKind::Escalation { since: now }, None),
                    (MessageKind::Taken { by: AccountKey(1) }, None),
                    (MessageKind::Over(Over { began_at: now, ended_at: now }), Some(now.plus_ms(60_000))),
                ] {
                    let member = member(1, condition, now);
                    let one = One {
                        member: &member,
                        code: "7KQ2M9XA",
                        ended,
                        inverter: &inverter,
                        site: Some(&site),
                        state: Some(state(now, 96 * 60, Some(Own::UTILITY_LOST))),
                    };
                    let notice = Notice::new(ORIGIN, kind, now, vec![one]).unwrap();
                    let text = text(&notice);
                    assert!(fleet::notice::is_one_message(&text), "{text}");
                    assert!(text.ends_with("/a/7KQ2M9XA"), "{text}");
                    let plain = |c: char| c.is_ascii_graphic() || c == ' ' || "ÉéüßöÄÖÜäàèùñÑ".contains(c);
                    assert!(text.chars().all(plain), "{text}");
                    assert!(
                        text.contains("Hall B") || text.contains("2209-00172") || text.contains("Saint-"),
                        "{text}"
                    );
                    let letter = letter(&notice).unwrap();
                    assert!(
                        !letter.subject.contains('\n') && letter.subject.len() < 400,
                        "{}",
                        letter.subject
                    );
                }
            }
        }
    }
}

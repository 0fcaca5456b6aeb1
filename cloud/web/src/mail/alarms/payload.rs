//! What a browser's push message and a program's webhook are given: the same small JSON.
//!
//! In: a [`Notice`]. Out: JSON text below 4,000 bytes, as push services take no more; names that people chose are cut.

use serde_json::{Value, json};

use super::{Notice, One};

/// Alarms that one payload names; the rest are counted.
const MOST_ALARMS: usize = 10;
/// Characters of a title or a sentence.
const MOST_WORDS: usize = 160;

/// The payload.
#[must_use]
pub fn payload(notice: &Notice<'_>) -> String {
    let (who, what, head) = (notice.who(), notice.what(), notice.head());
    let at = notice.lead.site_name().map(|site| format!(" ({site})")).unwrap_or_default();
    let alarms: Vec<Value> = notice.all().take(MOST_ALARMS).map(alarm).collect();
    let severity = notice.all().map(|one| one.member.severity).max().unwrap_or(notice.lead.member.severity);
    json!({
        "kind": notice.kind(),
        "severity": severity.name(),
        "title": cut(&format!("{}: {who}{at}", head.word)),
        "body": cut(&if notice.is_taken() {
            format!("{} {what}", super::took(notice))
        } else {
            format!("{what}, {}{}", super::lasts(notice, &notice.local()), notice.still())
        }),
        "url": notice.address(),
        "tag": notice.lead.code,
        "count": 1 + notice.others.len(),
        "alarms": alarms,
    })
    .to_string()
}

fn alarm(one: &One<'_>) -> Value {
    json!({
        "code": one.code,
        "serial": one.inverter.serial.as_str(),
        "condition": one.member.alarm.key.condition.name(),
        "severity": one.member.severity.name(),
        "since": one.since().to_rfc3339(),
        "ended": one.ended.map(|ended| ended.to_rfc3339()),
    })
}

fn cut(words: &str) -> String {
    let words = crate::mail::one_line(&words.replace(crate::view::words::NB, " "));
    words.chars().take(MOST_WORDS).collect()
}

//! A message about an alarm in 160 characters that any telephone shows.
//!
//! In: a [`Notice`]. Out: one text of characters of the basic GSM alphabet (3GPP TS 23.038), at most 160: what does not fit
//! is left out (how long it holds, then the site), then names are cut. The link is never cut.

use super::words::over;
use super::{Notice, One};
use crate::view::bar::minutes_left;
use crate::view::hero::lower_first;
use crate::view::words::{self as numbers, Local};
use fleet::notice::{MOST_SEPTETS, MessageKind};

/// What a name is cut to at least.
const LEAST_NAME: usize = 8;

/// The text.
#[must_use]
pub fn text(notice: &Notice<'_>) -> String {
    let (lead, local) = (&notice.lead, notice.local());
    let one = notice.inverters() == 1;
    let name = if one { name(lead) } else { plain(&notice.who()) };
    let site = lead.site_name().map(plain).unwrap_or_default();
    let (fact, more) =
        (plain(&fact(notice, &local)), plain(&if one { more(notice, &local) } else { String::new() }));
    let link = plain(&format!("Open: {}", notice.address()));
    let word = notice.head().word;
    for (site, more) in [(site.as_str(), more.as_str()), (site.as_str(), ""), ("", "")] {
        let whole = put(word, &name, site, &fact, more, &link);
        if length(&whole) <= MOST_SEPTETS {
            return whole;
        }
        // A site's name is cut before it is left out how long the lights last; when all is well that is nobody's worry.
        if notice.is_over() && !more.is_empty() {
            continue;
        }
        let over = length(&whole) - MOST_SEPTETS;
        let shorter = cut(site, length(site).saturating_sub(over));
        if length(&shorter) >= LEAST_NAME {
            return put(word, &name, &shorter, &fact, more, &link);
        }
    }
    let rest = length(&put(word, "", "", &fact, "", &link));
    let name = cut(&name, MOST_SEPTETS.saturating_sub(rest).max(LEAST_NAME));
    let rest = length(&put(word, &name, "", "", "", &link));
    put(word, &name, "", &cut(&fact, MOST_SEPTETS.saturating_sub(rest)), "", &link)
}

fn put(word: &str, name: &str, site: &str, fact: &str, more: &str, link: &str) -> String {
    let site = if site.is_empty() { String::new() } else { format!(" ({site})") };
    let more = if more.is_empty() { String::new() } else { format!(" {more}") };
    format!("{word} {name}{site}: {fact}.{more} {link}")
}

/// The inverter's name; its serial number where most of the name cannot be written.
fn name(one: &One<'_>) -> String {
    let written = plain(one.name());
    let lost = written.chars().filter(|character| *character == '?').count();
    if lost * 2 > length(&written) { one.inverter.serial.to_string() } else { written }
}

/// What happened, and since when or for how long.
fn fact(notice: &Notice<'_>, local: &Local) -> String {
    let lead = &notice.lead;
    match notice.kind {
        MessageKind::Over(_) => {
            let (began, ended) = notice.stretch();
            let length = numbers::length(ended.since(began));
            format!("{} {} after {length}", over(&lead.member.alarm.key), local.soon(ended))
        }
        MessageKind::Taken { .. } => {
            format!("{} has taken it, {}", notice.taker.0, lower_first(&notice.what()))
        }
        _ => {
            let still = notice.still();
            format!("{} since {}{still}", lower_first(&notice.what()), local.soon(lead.since()))
        }
    }
}

/// Whether the lights last.
fn more(notice: &Notice<'_>, local: &Local) -> String {
    if notice.is_taken() {
        let note = notice.taker.1;
        return if note.is_empty() { String::new() } else { format!("“{note}”.") };
    }
    let Some(screen) = notice.lead.screen(notice.now) else { return String::new() };
    let left = minutes_left(&screen, notice.now).filter(|_| screen.on_battery_since.is_some());
    match (left, screen.would_hold_minutes) {
        (Some(left), _) if !notice.is_over() => {
            let until = screen.holds_until.map(|until| local.soon(until)).unwrap_or_default();
            format!("About {left} min of light, until {until}.")
        }
        (None, Some(minutes)) if screen.freshness != fleet::Freshness::Offline => {
            format!("Battery would hold {minutes} of {} min.", screen.required_minutes)
        }
        _ => String::new(),
    }
}

/// The same on one line, in characters of one septet each.
fn plain(text: &str) -> String {
    fleet::notice::plain(&crate::mail::one_line(text))
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// At most `most` characters, with a dot where something is missing.
fn cut(text: &str, most: usize) -> String {
    if length(text) <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    if most == 0 { String::new() } else { format!("{}.", kept.trim_end()) }
}

//! Stretches of time that a chart shades: on battery, in a test, without data.
//!
//! In: flags and conditions from history. Out: kinds and spans. The battery feeding the load is an outage where the
//! inverter says that utility power is lost, a test otherwise.

use store::history::{Range, Span, Subject};
use wire::{Condition, Flag};

/// When the battery fed the load, and whether utility power was lost.
#[must_use]
pub fn on_battery(range: &Range) -> Vec<(Span, bool)> {
    let of = |subject: Subject| range.episodes.iter().filter(move |e| e.subject == subject).map(|e| e.span);
    let lost: Vec<Span> = of(Subject::Condition(Condition::UTILITY_LOST)).collect();
    let fed: Vec<Span> = of(Subject::Flag(Flag::BatteryPower)).collect();
    let overlaps = |a: &Span, b: &Span| a.from < b.to && b.from < a.to;
    let alone =
        lost.iter().filter(|span| !fed.iter().any(|other| overlaps(span, other))).map(|span| (*span, true));
    let mut all: Vec<_> =
        fed.iter().map(|span| (*span, lost.iter().any(|other| overlaps(span, other)))).collect();
    all.extend(alone);
    all.sort_by_key(|(span, _)| span.from);
    all
}

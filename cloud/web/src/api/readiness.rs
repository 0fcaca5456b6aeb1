//! Battery readiness for programs.
//!
//! In: what is known of an inverter. Out: estimates in seconds with their interval and what they rest on; null where nothing can be said, with
//! the reason. The same as its page says.

use fleet::readiness::{Estimate, Lamps, lamps};
use fleet::self_test::{Deadline, deadlines, recognises};
use serde::Serialize;
use wire::UtcMs;

use crate::view::fleet::Known;
use crate::view::readiness::{ahead, kind, lamps_name, protection_name, why_name};

/// Battery readiness.
#[derive(Serialize)]
pub struct Readiness {
    protection: Option<&'static str>,
    now: Option<Span>,
    full: Option<Span>,
    basis: Option<Basis>,
    why_unknown: Option<&'static str>,
    left: Option<Left>,
    charge: Option<f64>,
    full_in_seconds: Option<u64>,
    forecast: Option<Forecast>,
    lamps: &'static str,
    lamps_load_lost: Option<f64>,
    tests: Tests,
}

/// Nine times in ten between `low_seconds` and `high_seconds`.
#[derive(Serialize)]
struct Span {
    seconds: u64,
    low_seconds: u64,
    high_seconds: u64,
}

#[derive(Serialize)]
struct Basis {
    kind: &'static str,
    at: String,
}

#[derive(Serialize)]
struct Left {
    until: String,
    low: String,
    high: String,
}

#[derive(Serialize)]
struct Forecast {
    change_per_year: f64,
    falls_short: Option<String>,
    earliest: Option<String>,
}

#[derive(Serialize)]
struct Tests {
    recognized: bool,
    rule_set: &'static str,
    monthly: Test,
    annual: Test,
}

#[derive(Serialize)]
struct Test {
    last: Option<String>,
    due_from: Option<String>,
    missed_after: Option<String>,
}

impl Readiness {
    /// What can be said now.
    pub fn new(known: &Known, now: UtcMs) -> Self {
        let (screen, state) = (&known.screen, &known.state);
        let outlook = &screen.outlook;
        let required_s = f64::from(screen.required_minutes) * 60.0;
        let ahead = ahead(state, outlook, required_s, now);
        let lamps = lamps(&state.readiness.evidence);
        let left = screen.holds_until.zip(screen.holds_between);
        Self {
            protection: outlook.protection.map(protection_name),
            now: outlook.now.as_ref().map(Span::of),
            full: outlook.full.as_ref().map(Span::of),
            basis: outlook.full.map(|full| Basis {
                kind: kind(full.basis.evidence.kind),
                at: full.basis.evidence.at.to_rfc3339(),
            }),
            why_unknown: outlook.why.map(why_name),
            left: left.map(|(until, (low, high))| Left {
                until: until.to_rfc3339(),
                low: low.to_rfc3339(),
                high: high.to_rfc3339(),
            }),
            charge: outlook.charge.map(|share| thousandth(f64::from(share))),
            full_in_seconds: outlook.full_in_s.map(|seconds| seconds_of(f64::from(seconds))),
            forecast: ahead.map(|told| Forecast {
                change_per_year: thousandth(told.per_year),
                falls_short: told.at.map(UtcMs::to_rfc3339),
                earliest: told.earliest.map(UtcMs::to_rfc3339),
            }),
            lamps: lamps_name(lamps),
            lamps_load_lost: match lamps {
                Lamps::Warning(lost) | Lamps::Fault(lost) => Some(thousandth(f64::from(lost))),
                Lamps::Unknown | Lamps::Steady => None,
            },
            tests: Tests::of(known),
        }
    }
}

impl Span {
    fn of(estimate: &Estimate) -> Self {
        Self {
            seconds: seconds_of(estimate.seconds),
            low_seconds: seconds_of(estimate.low_s),
            high_seconds: seconds_of(estimate.high_s),
        }
    }
}

impl Tests {
    fn of(known: &Known) -> Self {
        let (state, tests) = (&known.state, &known.state.tests);
        let (recognized, rules) = (recognises(state), state.rules.rule_set());
        let watched = tests.watched_since().filter(|_| recognized);
        let [monthly, annual] = watched
            .map(|since| deadlines(rules, tests.monthly(), tests.annual(), since).map(Some))
            .unwrap_or_default();
        let test = |last: Option<UtcMs>, deadline: Option<Deadline>| Test {
            last: last.map(UtcMs::to_rfc3339),
            due_from: deadline.map(|deadline| deadline.from.to_rfc3339()),
            missed_after: deadline.map(|deadline| deadline.by.to_rfc3339()),
        };
        Self {
            recognized,
            rule_set: rules.name,
            monthly: test(tests.monthly(), monthly),
            annual: test(tests.annual(), annual),
        }
    }
}

fn thousandth(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a runtime")]
fn seconds_of(value: f64) -> u64 {
    value.max(0.0).round() as u64
}

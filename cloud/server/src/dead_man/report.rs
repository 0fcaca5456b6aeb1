//! What the watcher saw, as `/health` tells it.
//!
//! In: findings of a look. Out: a status and JSON. A report that is too old says so: a watcher that stands still must not
//! look like a service that is well. Tells nothing of an inverter or a person.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use fleet::dead_man::{Facts, Finding, Grade};
use serde::Serialize;
use wire::UtcMs;

/// The watcher looks each second: past this it does not look any more.
pub const STALE_AFTER: Duration = Duration::from_secs(15);

/// One look.
#[derive(Clone, Debug)]
pub struct Report {
    /// When, by the wall clock.
    pub looked_at: UtcMs,
    /// When, by the machine's own: not the clock that tests drive, as the watcher does not go by that.
    pub looked: Instant,
    /// What was seen.
    pub facts: Facts,
    /// What it means.
    pub findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Answer<'a> {
    status: &'static str,
    looked_at: Option<String>,
    looked_ago_ms: Option<u128>,
    failing: Vec<&'a str>,
    checks: Vec<CheckAnswer<'a>>,
}

#[derive(Serialize)]
struct CheckAnswer<'a> {
    name: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    says: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    what_to_do: &'a str,
}

impl Report {
    /// The watcher has stopped looking.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.looked.elapsed() > STALE_AFTER
    }

    /// What is bad.
    pub fn bad(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.check.grade == Grade::Bad)
    }

    /// Nothing is bad, and that is known.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.is_stale() && self.bad().next().is_none()
    }
}

/// 200 while all that matters is well, else 503; and the checks.
#[must_use]
pub fn answer(report: Option<&Report>) -> (StatusCode, String) {
    let healthy = report.is_some_and(Report::is_healthy);
    let mut failing: Vec<&str> =
        report.into_iter().flat_map(Report::bad).map(|finding| finding.check.name).collect();
    if report.is_none_or(Report::is_stale) {
        failing.push("watcher");
    }
    let answer = Answer {
        status: if healthy { "ok" } else { "failing" },
        looked_at: report.and_then(|report| instant(report.looked_at)),
        looked_ago_ms: report.map(|report| report.looked.elapsed().as_millis()),
        failing,
        checks: report.map(|report| report.findings.iter().map(check).collect()).unwrap_or_default(),
    };
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    // Strings and numbers: writing them cannot fail.
    (status, serde_json::to_string(&answer).unwrap_or_default() + "\n")
}

fn check(finding: &Finding) -> CheckAnswer<'_> {
    CheckAnswer {
        name: finding.check.name,
        status: finding.check.grade.name(),
        since: finding.since.and_then(instant),
        says: &finding.check.says,
        what_to_do: finding.check.what_to_do,
    }
}

fn instant(at: UtcMs) -> Option<String> {
    jiff::Timestamp::from_millisecond(at.0).ok().map(|at| at.to_string())
}

#[cfg(test)]
mod tests {
    use fleet::dead_man::Check;

    use super::*;

    fn report(grade: Grade, ago: Duration) -> Report {
        let says = if grade == Grade::Well { "" } else { "It is full" };
        let check = Check { name: "disk", grade, says: says.to_owned(), what_to_do: says };
        let finding = Finding { check, since: (grade > Grade::Well).then_some(UtcMs(1_800_000_000_000)) };
        let looked = Instant::now().checked_sub(ago).unwrap();
        Report {
            looked_at: UtcMs(1_800_000_060_000),
            looked,
            facts: Facts::default(),
            findings: vec![finding],
        }
    }

    #[test]
    fn what_is_bad_and_what_is_not_known_fail_and_a_warning_does_not() {
        let check = |report: Option<Report>, status: u16, parts: &[&str]| {
            let (found, text) = answer(report.as_ref());
            assert_eq!(found.as_u16(), status, "{text}");
            for part in parts {
                assert!(text.contains(part), "{part}: {text}");
            }
        };
        let now = Duration::ZERO;
        check(Some(report(Grade::Well, now)), 200, &[r#""status":"ok""#, r#""failing":[]"#]);
        check(Some(report(Grade::Warn, now)), 200, &[r#""status":"warn""#, "It is full"]);
        check(
            Some(report(Grade::Bad, now)),
            503,
            &[r#""status":"failing""#, r#""failing":["disk"]"#, r#""since":"2027-01-15T08:00:00Z""#],
        );
        let old = STALE_AFTER + Duration::from_millis(100);
        check(Some(report(Grade::Well, old)), 503, &[r#""failing":["watcher"]"#, "looked_ago_ms"]);
        check(None, 503, &[r#""failing":["watcher"]"#]);
    }
}

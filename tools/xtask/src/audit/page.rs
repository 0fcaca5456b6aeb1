//! The report as a page: one file, no scripts, made to be read on a telephone and printed.
//! In: a [`Report`]. Out: HTML. Everything that a tool said is escaped by the template.

use anyhow::{Context as _, Result};
use askama::Template;

use super::report::{Check, Report, Verdict};

#[derive(Template)]
#[template(path = "assessment.html")]
struct Page<'a> {
    report: &'a Report,
    day: &'a str,
    answer: String,
    tiles: [(usize, &'static str); 5],
    css: &'static str,
}

/// Draws it.
pub fn draw(report: &Report) -> Result<String> {
    let page = Page {
        report,
        day: report.date.get(..10).unwrap_or_default(),
        answer: answer(report),
        tiles: [
            (report.count(Verdict::Passed), "checks passed"),
            (report.open(), "open findings"),
            (report.accepted(), "accepted, with a reason"),
            (report.count(Verdict::NotRun), "checks not run"),
            (report.count(Verdict::Broken), "checks broke down"),
        ],
        css: include_str!("../../templates/assessment.css"),
    };
    page.render().context("the report's page")
}

/// The answer first, then the evidence.
fn answer(report: &Report) -> String {
    let (open, broken) = (report.open(), report.count(Verdict::Broken));
    match (open, broken) {
        (0, 0) => "Nothing open was found.".to_owned(),
        (0, _) => format!("Nobody knows: {} broke down.", counted_of(broken, "check")),
        (_, 0) => format!("{} to look into.", counted_of(open, "finding")),
        _ => format!(
            "{} to look into, and {} broke down.",
            counted_of(open, "finding"),
            counted_of(broken, "check")
        ),
    }
}

fn counted_of(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

impl Page<'_> {
    fn class(&self, check: &Check) -> &'static str {
        match check.verdict {
            Verdict::Passed => "passed",
            Verdict::Finding => "finding",
            Verdict::NotRun => "not-run",
            Verdict::Broken => "broken",
        }
    }

    fn counted(&self, check: &Check) -> String {
        let (open, accepted) = (check.open(), check.findings.len() - check.open());
        match (open, accepted) {
            (0, 0) => "no findings".to_owned(),
            (0, accepted) => format!("{accepted} accepted"),
            (open, 0) => format!("{open} open"),
            (open, accepted) => format!("{open} open, {accepted} accepted"),
        }
    }

    fn seconds(&self, check: &Check) -> String {
        format!("{:.0}", check.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::report::{Finding, Severity, WHAT};

    fn report(findings: Vec<Finding>, verdict: Verdict) -> Report {
        let check = Check {
            id: "sslyze-people",
            title: "TLS of the people's door",
            tool: "sslyze",
            version: "6".to_owned(),
            looked_at: "protocols",
            verdict,
            reason: None,
            seconds: 1.0,
            held: vec!["protocols: TLS 1.3".to_owned()],
            findings,
            raw: vec!["sslyze.json".to_owned()],
        };
        Report {
            what: WHAT,
            date: "2026-11-26T16:00:00Z".to_owned(),
            commit: "0123abc".to_owned(),
            changed: false,
            network: "cut off".to_owned(),
            checks: vec![check],
            accepted_but_not_seen: Vec::new(),
        }
    }

    #[test]
    fn what_a_tool_said_is_text_and_the_page_runs_and_loads_nothing() {
        let finding = Finding::new("x", Severity::High, "<script>alert(1)</script>");
        let page = draw(&report(vec![finding], Verdict::Finding)).unwrap();
        assert!(
            page.contains("&#60;script&#62;alert(1)&#60;/script&#62;") && !page.contains("<script"),
            "{page}"
        );
        assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<link"));
        assert!(page.contains("1 finding to look into."));
    }

    #[test]
    fn the_first_line_is_the_answer() {
        assert!(answer(&report(Vec::new(), Verdict::Passed)).starts_with("Nothing open"));
        assert!(answer(&report(Vec::new(), Verdict::Broken)).starts_with("Nobody knows"));
    }
}

//! What an assessment says: checks, what each looked at, its verdict, findings.
//! In: outcomes of checks, accepted findings. Out: one [`Report`], printed as JSON here and as a page by `page`.
//! Never a grade: a finding is there or not, accepted with its reason or not.

use serde::Serialize;

use super::accepted::{Acceptance, Accepted};

/// How bad a finding is, by what it lets somebody do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// A defence less than there should be.
    Low,
    /// A promise is weaker than it says.
    Medium,
    /// A promise is broken.
    High,
}

impl Severity {
    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Of one kind within its check; what is accepted is named by it.
    pub id: String,
    /// How bad.
    pub severity: Severity,
    /// What was seen, and what was expected.
    pub what: String,
    /// Why it is taken as it is; none if it is not.
    pub accepted: Option<String>,
}

impl Finding {
    /// One that nobody has accepted yet.
    pub fn new(id: impl Into<String>, severity: Severity, what: impl Into<String>) -> Self {
        Self { id: id.into(), severity, what: what.into(), accepted: None }
    }
}

/// What a check that ran has seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The tool's version, as it tells it.
    pub version: String,
    /// Expectations that held, one sentence each.
    pub held: Vec<String>,
    /// What did not.
    pub findings: Vec<Finding>,
}

/// What became of a check.
pub enum Outcome {
    /// It ran to its end.
    Ran(Seen),
    /// It cannot be run here, and why; that is no fault of what is assessed.
    NotRun(String),
    /// It should have run and broke down: nobody knows, so the assessment has not passed.
    Broken(String),
}

/// The verdict of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// Nothing was found, or only what is accepted.
    #[serde(rename = "passed")]
    Passed,
    /// Something was found that nobody has accepted.
    #[serde(rename = "finding")]
    Finding,
    /// Not run here.
    #[serde(rename = "not run")]
    NotRun,
    /// Broke down.
    #[serde(rename = "broken")]
    Broken,
}

impl Verdict {
    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "Passed",
            Self::Finding => "Finding",
            Self::NotRun => "Not run",
            Self::Broken => "Broke down",
        }
    }
}

/// One check with its verdict.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// Short, as `--only` takes it.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    /// The program that looked.
    pub tool: &'static str,
    /// Its version.
    pub version: String,
    /// What it looked at.
    pub looked_at: &'static str,
    /// What came of it.
    pub verdict: Verdict,
    /// Why it was not run, or how it broke down.
    pub reason: Option<String>,
    /// How long it took.
    pub seconds: f64,
    /// Expectations that held.
    pub held: Vec<String>,
    /// What did not, the worst first.
    pub findings: Vec<Finding>,
    /// Files beside the report with what the tool itself said.
    pub raw: Vec<String>,
}

impl Check {
    /// Lets accepted findings pass, and gives the verdict.
    pub fn judge(&mut self, outcome: Outcome, accepted: &mut Accepted) {
        match outcome {
            Outcome::NotRun(why) => (self.verdict, self.reason) = (Verdict::NotRun, Some(why)),
            Outcome::Broken(why) => (self.verdict, self.reason) = (Verdict::Broken, Some(why)),
            Outcome::Ran(seen) => {
                (self.version, self.held, self.findings) = (seen.version, seen.held, seen.findings);
                for finding in &mut self.findings {
                    finding.accepted = accepted.reason(self.id, &finding.id);
                }
                self.findings
                    .sort_by_key(|finding| (finding.accepted.is_some(), std::cmp::Reverse(finding.severity)));
                let open = self.findings.iter().any(|finding| finding.accepted.is_none());
                self.verdict = if open { Verdict::Finding } else { Verdict::Passed };
            }
        }
    }

    /// Findings that nobody has accepted.
    pub fn open(&self) -> usize {
        self.findings.iter().filter(|finding| finding.accepted.is_none()).count()
    }
}

/// The whole assessment.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What this is and what it is not.
    pub what: &'static str,
    /// UTC, RFC 3339.
    pub date: String,
    /// The commit that was assessed.
    pub commit: String,
    /// Whether files differed from that commit.
    pub changed: bool,
    /// Whether the checks could have reached anything outside.
    pub network: String,
    /// In the order they ran.
    pub checks: Vec<Check>,
    /// Accepted beforehand and not seen this time; the line may be taken out.
    pub accepted_but_not_seen: Vec<Acceptance>,
}

/// Stands at the top of every report.
pub const WHAT: &str = "Inverter Connect's own repeatable assessment: public tools run by cargo xtask audit against a \
                        throw-away demo on one machine. It is no certificate, and no grade of the tools' makers.";

impl Report {
    /// Checks with this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.checks.iter().filter(|check| check.verdict == verdict).count()
    }

    /// Findings that nobody has accepted.
    pub fn open(&self) -> usize {
        self.checks.iter().map(Check::open).sum()
    }

    /// Findings that are accepted, each with its reason.
    pub fn accepted(&self) -> usize {
        self.checks.iter().map(|check| check.findings.len() - check.open()).sum()
    }

    /// Whether nothing is open and nothing broke down. What was not run is said, and does not count.
    pub fn passed(&self) -> bool {
        self.open() == 0 && self.count(Verdict::Broken) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check() -> Check {
        Check {
            id: "deny",
            title: "",
            tool: "",
            version: String::new(),
            looked_at: "",
            verdict: Verdict::NotRun,
            reason: None,
            seconds: 0.0,
            held: Vec::new(),
            findings: Vec::new(),
            raw: Vec::new(),
        }
    }

    fn report(outcomes: Vec<Outcome>) -> Report {
        let mut accepted = Accepted::parse(
            "[[accepted]]\ncheck = \"deny\"\nid = \"known\"\nreason = \"because it is so\"\n",
        )
        .unwrap();
        let judged = outcomes.into_iter().map(|outcome| {
            let mut check = check();
            check.judge(outcome, &mut accepted);
            check
        });
        Report {
            what: WHAT,
            date: String::new(),
            commit: String::new(),
            changed: false,
            network: String::new(),
            checks: judged.collect(),
            accepted_but_not_seen: Vec::new(),
        }
    }

    fn ran(ids: &[&str]) -> Outcome {
        let findings = ids.iter().map(|id| Finding::new(*id, Severity::Low, "seen")).collect();
        Outcome::Ran(Seen { findings, ..Seen::default() })
    }

    #[test]
    fn an_open_finding_and_a_broken_check_fail_the_assessment_and_nothing_else_does() {
        assert!(report(vec![ran(&[])]).passed());
        assert!(report(vec![ran(&["known"]), Outcome::NotRun("no root".to_owned())]).passed());
        assert!(!report(vec![ran(&["known", "new"])]).passed());
        assert!(!report(vec![ran(&[]), Outcome::Broken("no output".to_owned())]).passed());
    }

    #[test]
    fn what_is_open_stands_before_what_is_accepted() {
        let report = report(vec![ran(&["known", "new"])]);
        let ids: Vec<_> = report.checks[0].findings.iter().map(|finding| finding.id.as_str()).collect();
        assert_eq!(ids, ["new", "known"]);
        assert_eq!((report.open(), report.accepted()), (1, 1));
    }
}

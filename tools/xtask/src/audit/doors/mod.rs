//! TLS of the two doors on one port, by two scanners, against tables of what each door offers.
//! In: what a scanner saw, as facts. Out: expectations that held and findings. A fact that a scanner did not tell is a
//! finding too, so that a scanner whose words have changed passes nothing.

pub mod sslyze;
#[cfg(test)]
mod tests;
pub mod testssl;

use std::collections::BTreeMap;

use super::report::{Finding, Seen, Severity};

/// Which door, by the name that a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// TLS 1.3 alone, no client certificate.
    People,
    /// TLS 1.2 and 1.3 with AES-256-GCM alone, client certificate demanded.
    Device,
}

impl Door {
    /// The server name that leads there.
    pub fn name(self) -> &'static str {
        match self {
            Self::People => "localhost",
            Self::Device => "127.0.0.1",
        }
    }
}

/// What a scanner told: of each thing, how it is.
pub type Facts = BTreeMap<&'static str, String>;

/// How something must be at each door; none where it is no question there.
pub struct Expected {
    fact: &'static str,
    people: Option<&'static str>,
    device: Option<&'static str>,
    severity: Severity,
}

impl Expected {
    /// The same at both.
    const fn both(fact: &'static str, value: &'static str, severity: Severity) -> Self {
        Self { fact, people: Some(value), device: Some(value), severity }
    }

    fn at(&self, door: Door) -> Option<&'static str> {
        match door {
            Door::People => self.people,
            Door::Device => self.device,
        }
    }
}

/// Compares.
pub fn judge(table: &[Expected], door: Door, facts: &Facts) -> Seen {
    let mut seen = Seen::default();
    for expected in table {
        let Some(value) = expected.at(door) else { continue };
        let id = expected.fact.replace(' ', "-");
        match facts.get(expected.fact) {
            Some(told) if told == value => seen.held.push(format!("{}: {told}", expected.fact)),
            Some(told) => seen.findings.push(Finding::new(
                id,
                expected.severity,
                format!("{}: {told}; expected: {value}", expected.fact),
            )),
            None => seen.findings.push(Finding::new(
                id,
                expected.severity,
                format!("{}: the scanner does not tell; expected: {value}", expected.fact),
            )),
        }
    }
    seen
}

/// Words in order, each once, joined by commas: two lists are the same when their texts are.
pub fn listed<S: Into<String>>(words: impl IntoIterator<Item = S>) -> String {
    let words: std::collections::BTreeSet<String> = words.into_iter().map(Into::into).collect();
    if words.is_empty() { "none".to_owned() } else { words.into_iter().collect::<Vec<_>>().join(", ") }
}

#[cfg(test)]
mod table_tests {
    use super::*;

    const TABLE: &[Expected] = &[
        Expected {
            fact: "protocols",
            people: Some("1.3"),
            device: Some("1.2, 1.3"),
            severity: Severity::High,
        },
        Expected { fact: "certificate", people: None, device: Some("demanded"), severity: Severity::Low },
    ];

    #[test]
    fn another_value_and_a_missing_one_are_findings_and_what_is_no_question_is_none() {
        let facts = |value: &str| Facts::from([("protocols", value.to_owned())]);
        assert!(judge(TABLE, Door::People, &facts("1.3")).findings.is_empty());
        assert_eq!(judge(TABLE, Door::People, &facts("1.2, 1.3")).findings.len(), 1);
        assert_eq!(judge(TABLE, Door::People, &Facts::new()).findings.len(), 1);
        let device = judge(TABLE, Door::Device, &facts("1.2, 1.3"));
        assert_eq!((device.held.len(), device.findings.len()), (1, 1));
        assert_eq!(device.findings[0].id, "certificate");
    }

    #[test]
    fn lists_are_the_same_in_any_order() {
        assert_eq!(listed(["b", "a", "b"]), "a, b");
        assert_eq!(listed(Vec::<String>::new()), "none");
    }
}

//! Findings that are taken as they are, each with its reason: `tools/xtask/audit/accepted.toml`.
//! In: that file. Out: the reason for a finding, if there is one, and which lines were of no use.
//! Never accepts without a reason, never accepts a whole check.

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// Fewer letters than this are no reason.
const SHORTEST_REASON: usize = 12;

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// The check whose finding it is.
    pub check: String,
    /// The finding's id; a `*` at the end stands for any rest.
    pub id: String,
    /// Why it is taken as it is.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    accepted: Vec<Acceptance>,
}

/// All of them, with which were asked for.
pub struct Accepted {
    lines: Vec<(Acceptance, bool)>,
}

impl Accepted {
    /// Reads the file's text.
    pub fn parse(text: &str) -> Result<Self> {
        let file: File = toml::from_str(text).context("tools/xtask/audit/accepted.toml")?;
        for line in &file.accepted {
            if line.reason.trim().len() < SHORTEST_REASON || line.id.trim_end_matches('*').is_empty() {
                bail!("accepted.toml: `{}` of `{}` needs an id and a reason", line.id, line.check);
            }
        }
        Ok(Self { lines: file.accepted.into_iter().map(|line| (line, false)).collect() })
    }

    /// Why this finding is taken as it is.
    pub fn reason(&mut self, check: &str, id: &str) -> Option<String> {
        let line = self.lines.iter_mut().find(|(line, _)| line.check == check && covers(&line.id, id))?;
        line.1 = true;
        Some(line.0.reason.clone())
    }

    /// Lines of checks that ran, for findings that were not there.
    pub fn not_seen(&self, ran: impl Fn(&str) -> bool) -> Vec<Acceptance> {
        self.lines
            .iter()
            .filter(|(line, seen)| !seen && ran(&line.check))
            .map(|(line, _)| line.clone())
            .collect()
    }
}

fn covers(pattern: &str, id: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == id, |beginning| id.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        "[[accepted]]\ncheck = \"a\"\nid = \"cert_*\"\nreason = \"the demo signs for itself\"\n";

    #[test]
    fn a_finding_is_accepted_by_its_check_and_id_alone() {
        let mut accepted = Accepted::parse(LINE).unwrap();
        assert_eq!(accepted.not_seen(|_| true).len(), 1);
        assert_eq!(accepted.not_seen(|check| check != "a").len(), 0);
        assert_eq!(accepted.reason("b", "cert_chain"), None);
        assert_eq!(accepted.reason("a", "heartbleed"), None);
        assert_eq!(accepted.reason("a", "cert_chain").as_deref(), Some("the demo signs for itself"));
        assert_eq!(accepted.not_seen(|_| true).len(), 0);
    }

    #[test]
    fn nothing_is_accepted_without_a_reason_or_wholesale() {
        for bad in [
            LINE.replace("the demo signs for itself", "ok"),
            LINE.replace("cert_*", "*"),
            LINE.replace("check", "kind"),
        ] {
            assert!(Accepted::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_committed_file_reads() {
        Accepted::parse(include_str!("../../audit/accepted.toml")).unwrap();
    }
}

//! How much conditions matter on the inverters that an organization manages: seen, and said anew.
//!
//! In: a member who may manage. Out: a page, and back to it. What may be said is bounded by `fleet::alarm::least`.

pub mod change;
pub mod show;

use fleet::Condition;
use fleet::alarm::least;
use fleet::condition::Severity;

/// Severities as the page offers them, the gravest first.
const WORDS: [(Severity, &str); 3] =
    [(Severity::Critical, "Critical"), (Severity::Warning, "Warning"), (Severity::Info, "For information")];

/// What a severity is called.
fn words(severity: Severity) -> &'static str {
    WORDS.iter().find(|(known, _)| *known == severity).map_or("", |(_, words)| words)
}

/// Conditions of which it can be said, with the least that may be said; the gravest state first.
fn offered() -> Vec<(Condition, Severity)> {
    let mut offered: Vec<_> =
        Condition::all().filter_map(|condition| Some((condition, least(condition)?))).collect();
    offered.sort_by_key(|(condition, _)| (condition.definition().screen, condition.code()));
    offered
}
